import type { LeafRange } from '@codex/content';
import type { Random } from '@codex/runtime';
import type { FetchProgress } from '../fetcher.ts';
import { LeafSet, popCount, WORD_LEAVES } from './leaf-set.ts';

/**
 * All leaves, from a random place on: peers that begin at the same time, before they know of each other, ask for
 * different ones.
 */
function roundFrom(index: number, leafCount: number): LeafRange[] {
  const first = index - (index % WORD_LEAVES);
  return [
    { start: first, count: leafCount - first },
    { start: 0, count: first },
  ];
}

/** One call of `fetchDataset`: which leaves, in which order, and who waits for them. */
export class FetchCaller {
  readonly ranges: readonly LeafRange[];
  /** The caller named its ranges: their order matters to it. */
  readonly ordered: boolean;
  /** Missing leaves of the ranges. */
  readonly wanted: LeafSet;
  readonly done = Promise.withResolvers<void>();
  readonly #onProgress: ((progress: FetchProgress) => void) | undefined;
  readonly #total: number;
  #missing = 0;
  /** The ranges before this one are complete. */
  #range = 0;
  /** The leaves of that range before this one are held. */
  #leaf = 0;

  constructor(init: {
    ranges: readonly LeafRange[] | undefined;
    leafCount: number;
    random: Random;
    onProgress?: ((progress: FetchProgress) => void) | undefined;
  }) {
    this.ranges = init.ranges ?? roundFrom(init.random.int(init.leafCount + 1), init.leafCount);
    this.ordered = init.ranges !== undefined;
    this.wanted = new LeafSet(init.leafCount);
    this.#onProgress = init.onProgress;
    this.#total = this.ranges.reduce((sum, range) => sum + range.count, 0);
    // Nobody may be listening any more when it fails.
    this.done.promise.catch(() => {});
  }

  get missing(): number {
    return this.#missing;
  }

  want(gap: LeafRange): void {
    this.#missing += gap.count - this.wanted.countIn(gap);
    this.wanted.add(gap);
  }

  /** Leaves became readable: bits of a word. */
  got(word: number, bits: number): void {
    const mine = this.wanted.word(word) & bits;
    if (mine === 0) return;
    this.wanted.setWord(word, this.wanted.word(word) & ~mine);
    this.#missing -= popCount(mine);
    this.report();
  }

  report(): void {
    try {
      this.#onProgress?.({ held: this.#total - this.#missing, total: this.#total });
    } catch (error) {
      // It must not reach the store, which told us of the block.
      this.done.reject(error);
    }
    if (this.#missing === 0) this.done.resolve();
  }

  /** The first leaf that is missing, in the order of the ranges. */
  firstMissing(): number | undefined {
    for (; this.#range < this.ranges.length; this.#range++, this.#leaf = 0) {
      const { start, count } = this.ranges[this.#range]!;
      const next = this.wanted.next(Math.max(start, this.#leaf), start + count);
      if (next >= 0) {
        this.#leaf = next;
        return next;
      }
    }
    return undefined;
  }

  /** Where the next `limit` groups of `size` leaves begin that have missing leaves, in the order of the ranges. */
  *groups(size: number, limit: number): Generator<number> {
    if (this.firstMissing() === undefined) return;
    let left = limit;
    let last = -1;
    for (let i = this.#range; i < this.ranges.length && left > 0; i++) {
      const { start, count } = this.ranges[i]!;
      let at = i === this.#range ? this.#leaf : start;
      while (left > 0) {
        const next = this.wanted.next(at, start + count);
        if (next < 0) break;
        const group = next - (next % size);
        if (group !== last) {
          yield group;
          left--;
        }
        last = group;
        at = group + size;
      }
    }
  }
}
