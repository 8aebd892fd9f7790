import type { AbortOptions, Clock, Random } from '@codex/runtime';

/** A dropped connection is back within seconds; a provider that is down is not asked more than once a minute. */
const FIRST_MS = 1000;
const LONGEST_MS = 60_000;

/** Waits longer after each failure in a row, by chance a little less: not all hosts come back at once. */
export class Backoff {
  readonly #clock: Clock;
  readonly #random: Random;
  #failures = 0;

  constructor(clock: Clock, random: Random) {
    this.#clock = clock;
    this.#random = random;
  }

  /** In a row. */
  get failures(): number {
    return this.#failures;
  }

  /** It went well. */
  reset(): void {
    this.#failures = 0;
  }

  async wait(options?: AbortOptions & { readonly longestMs?: number }): Promise<void> {
    const longest = Math.min(options?.longestMs ?? LONGEST_MS, FIRST_MS * 2 ** Math.min(this.#failures++, 16));
    await this.#clock.sleep(longest * (0.5 + this.#random.float() / 2), options);
  }
}
