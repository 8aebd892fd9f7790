import type { Cancel, Clock } from '@codex/runtime';
import type { CircuitSource, OpenCircuitOptions, ProvingCircuit } from './types.ts';

export interface KeptCircuitComponents {
  readonly clock: Clock;
  readonly source: CircuitSource;
}

/**
 * The circuit that proved last stays loaded for a while: reading a key takes longer than a small proof. There is one at a
 * time, because keys are large; whoever uses it has the turn to prove.
 */
export class KeptCircuit {
  readonly #clock: Clock;
  readonly #source: CircuitSource;
  readonly #idleMs: number;
  #circuit: ProvingCircuit | undefined;
  #cancelIdle: Cancel = () => {};
  /** A circuit is being closed. */
  #closing: Promise<void> = Promise.resolve();

  constructor(components: KeptCircuitComponents, init: { readonly idleMs: number }) {
    this.#clock = components.clock;
    this.#source = components.source;
    this.#idleMs = init.idleMs;
  }

  /** Loads the circuit if need be. Not to be called again before `work` has settled. Errors: those of the source. */
  async use<T>(
    samples: number,
    work: (circuit: ProvingCircuit) => Promise<T>,
    options: OpenCircuitOptions & { readonly onLoad?: () => void },
  ): Promise<T> {
    this.#cancelIdle();
    try {
      if (this.#circuit?.key.samples !== samples) {
        await this.close();
        options.signal?.throwIfAborted();
        options.onLoad?.();
        this.#circuit = await this.#source.open(samples, options);
      }
      return await work(this.#circuit);
    } finally {
      this.#cancelIdle = this.#clock.schedule(this.#idleMs, () => void this.close());
    }
  }

  /** Gives its memory back. */
  close(): Promise<void> {
    this.#cancelIdle();
    const circuit = this.#circuit;
    this.#circuit = undefined;
    if (circuit) this.#closing = this.#closing.then(() => circuit.close()).catch(() => {});
    return this.#closing;
  }
}
