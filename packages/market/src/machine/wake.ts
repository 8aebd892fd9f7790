import type { ChainClock } from '../chain/marketplace.ts';

/**
 * Wakes one machine. A ring while nobody waits is kept: a machine that clears it, reads the chain, and then waits, misses nothing that happens in
 * between.
 */
export class Wake {
  #rung = false;
  #waiter: (() => void) | undefined;

  ring(): void {
    this.#rung = true;
    this.#waiter?.();
  }

  /** Whether it rang since it was cleared. */
  get isRung(): boolean {
    return this.#rung;
  }

  clear(): void {
    this.#rung = false;
  }

  /** Resolves to true when it rings, to false at `until`: seconds of the chain. Rejects with the signal's reason when it is aborted. */
  async wait(clock: ChainClock, until: number, signal: AbortSignal): Promise<boolean> {
    signal.throwIfAborted();
    if (this.#rung) return true;
    const ended = new AbortController();
    const rung = new Promise<void>((resolve) => {
      this.#waiter = resolve;
    });
    try {
      await Promise.race([rung, clock.waitUntil(until, { signal: AbortSignal.any([signal, ended.signal]) })]);
      return this.#rung;
    } finally {
      this.#waiter = undefined;
      ended.abort();
    }
  }
}
