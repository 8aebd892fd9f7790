import type { Clock, Logger, Random } from '@codex/runtime';
import { MarketError } from '../errors.ts';
import { Backoff } from './backoff.ts';
import { isAllowed, type Transition } from './transition.ts';

/** Does the work of a state. Resolves to the next one, or to undefined at the end. It may be run again at any time: it looks before it acts. */
export type StateWork<S extends string> = (signal: AbortSignal) => Promise<S | undefined>;

export interface MachineComponents {
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
}

export interface MachineInit<S extends string> {
  readonly transitions: readonly Transition<S>[];
  readonly states: Readonly<Record<S, StateWork<S>>>;
  readonly initial: S;
  /** Makes the change last, before the work of the state begins. */
  readonly enter: (state: S, from: S) => Promise<void>;
  /** Where an error leads to: a state, or undefined to run the same one again after a while. */
  readonly failed: (error: unknown, state: S, failures: number) => S | undefined;
  /** Between two runs of a state at most. */
  readonly longestWaitMs?: (state: S) => number | undefined;
}

/** Runs states one after the other, each as often as it takes. */
export class Machine<S extends string> {
  readonly #c: MachineComponents;
  readonly #init: MachineInit<S>;
  readonly #backoff: Backoff;
  #state: S;

  constructor(components: MachineComponents, init: MachineInit<S>) {
    this.#c = components;
    this.#init = init;
    this.#state = init.initial;
    this.#backoff = new Backoff(components.clock, components.random);
  }

  get state(): S {
    return this.#state;
  }

  /** Resolves at the end. Rejects with the signal's reason when it is aborted; the machine can then be made again in its state. */
  async run(signal: AbortSignal): Promise<void> {
    for (;;) {
      signal.throwIfAborted();
      try {
        const next = await this.#init.states[this.#state](signal);
        if (next === undefined) return;
        if (next !== this.#state) await this.#go(next);
        this.#backoff.reset();
      } catch (error) {
        signal.throwIfAborted();
        await this.#recover(error, signal);
      }
    }
  }

  async #recover(error: unknown, signal: AbortSignal): Promise<void> {
    const state = this.#state;
    const next = this.#init.failed(error, state, this.#backoff.failures);
    if (next !== undefined && next !== state) {
      try {
        await this.#go(next);
        this.#backoff.reset();
        return;
      } catch (other) {
        signal.throwIfAborted();
        this.#c.logger.error('Cannot go on', { state, next, error: other });
      }
    }
    this.#c.logger.warn('Trying again', { state, error });
    const longestMs = this.#init.longestWaitMs?.(state);
    await this.#backoff.wait(longestMs === undefined ? { signal } : { signal, longestMs });
  }

  async #go(next: S): Promise<void> {
    const from = this.#state;
    if (!isAllowed(this.#init.transitions, from, next)) {
      throw new MarketError('TRANSITION_UNKNOWN', `No way leads from ${from} to ${next}`, { from, next });
    }
    await this.#init.enter(next, from);
    this.#state = next;
  }
}
