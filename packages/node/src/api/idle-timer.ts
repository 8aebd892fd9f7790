import type { Cancel, Clock } from '@codex/runtime';

/**
 * Calls back when nothing moved for a while, and again if it was touched in the call. Touching costs one assignment, not
 * a new timer.
 */
export class IdleTimer {
  readonly #clock: Clock;
  readonly #limitMs: number;
  readonly #onIdle: () => void;
  #last: number;
  #cancel: Cancel = () => {};
  #stopped = false;

  constructor(clock: Clock, limitMs: number, onIdle: () => void) {
    this.#clock = clock;
    this.#limitMs = limitMs;
    this.#onIdle = onIdle;
    this.#last = clock.monotonic();
    this.#schedule();
  }

  /** Something moved. */
  touch(): void {
    this.#last = this.#clock.monotonic();
  }

  stop(): void {
    this.#stopped = true;
    this.#cancel();
  }

  #check(): void {
    const left = this.#last + this.#limitMs - this.#clock.monotonic();
    if (left <= 0) this.#onIdle();
    this.#schedule();
  }

  #schedule(): void {
    const left = this.#last + this.#limitMs - this.#clock.monotonic();
    if (left > 0 && !this.#stopped) this.#cancel = this.#clock.schedule(left, () => this.#check());
  }
}
