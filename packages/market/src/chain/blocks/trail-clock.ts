import { type AbortOptions, type Clock, raceSignal } from '@codex/runtime';
import type { ChainClock } from '../marketplace.ts';
import type { BlockTrail } from './block-trail.ts';

export interface TrailClockComponents {
  readonly clock: Clock;
  readonly trail: Pick<BlockTrail, 'tip' | 'onChange'>;
}

/** A block's time may lag by some seconds and the next one's not: that does not turn the clock back. More is another chain. */
const BACK_MAX_SECONDS = 60;

/** The newest block's time, and local time since it was seen first (16 §2). */
export class TrailClock implements ChainClock {
  readonly #clock: Clock;
  readonly #trail: TrailClockComponents['trail'];
  #offsetMs = 0;
  #told = 0;
  readonly #close: () => void;

  constructor({ clock, trail }: TrailClockComponents) {
    this.#clock = clock;
    this.#trail = trail;
    this.#refresh();
    this.#close = trail.onChange(() => this.#refresh());
  }

  now(): number {
    const seconds = Math.floor((this.#clock.monotonic() + this.#offsetMs) / 1000);
    if (seconds > this.#told || seconds < this.#told - BACK_MAX_SECONDS) this.#told = seconds;
    return this.#told;
  }

  async waitUntil(seconds: number, { signal }: AbortOptions = {}): Promise<void> {
    signal?.throwIfAborted();
    for (let now = this.now(); now < seconds; now = this.now()) {
      const { promise, resolve } = Promise.withResolvers<void>();
      const off = this.#trail.onChange(() => resolve());
      // To the very millisecond at which the second is reached, not some rounding before it.
      const cancel = this.#clock.schedule(this.#untilMs(seconds), resolve);
      try {
        await raceSignal(promise, signal);
      } finally {
        off();
        cancel();
      }
    }
  }

  close(): void {
    this.#close();
  }

  #untilMs(seconds: number): number {
    return Math.max(1, Math.ceil(seconds * 1000 - (this.#clock.monotonic() + this.#offsetMs)));
  }

  #refresh(): void {
    this.#offsetMs = Number(this.#trail.tip.timestamp) * 1000 - this.#clock.monotonic();
  }
}
