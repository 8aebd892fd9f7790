import { type AbortOptions, raceSignal } from '@codex/runtime';

interface Waiter {
  readonly deadline: number;
  readonly grant: () => void;
}

/** Lets so many in at once; of those that wait, the one whose deadline is nearest. */
export class DeadlineGate {
  #free: number;
  readonly #waiting = new Set<Waiter>();

  constructor(places: number) {
    this.#free = places;
  }

  async run<T>(deadline: number, work: () => Promise<T>, options?: AbortOptions): Promise<T> {
    options?.signal?.throwIfAborted();
    if (this.#free > 0) this.#free--;
    else await this.#wait(deadline, options?.signal);
    try {
      return await work();
    } finally {
      this.#leave();
    }
  }

  async #wait(deadline: number, signal: AbortSignal | undefined): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const waiter = { deadline, grant: resolve };
    this.#waiting.add(waiter);
    try {
      await raceSignal(promise, signal);
    } catch (error) {
      // The place may have been given in the same turn: then it goes to the next.
      if (!this.#waiting.delete(waiter)) this.#leave();
      throw error;
    }
  }

  #leave(): void {
    let next: Waiter | undefined;
    for (const waiter of this.#waiting) if (!next || waiter.deadline < next.deadline) next = waiter;
    if (!next) {
      this.#free++;
      return;
    }
    this.#waiting.delete(next);
    next.grant();
  }
}
