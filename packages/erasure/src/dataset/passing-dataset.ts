import {
  type Dataset,
  type DatasetRef,
  type LeafBatch,
  type LeafRange,
  nodeAt,
  type ProvedRange,
  type PutLeavesResult,
} from '@codex/content';
import type { AbortOptions } from '@codex/runtime';
import type { SourceWindow } from './source-window.ts';

/**
 * A dataset as a fetch sees it while a row is rebuilt: leaves of the columns that are in work are checked and kept in the memory
 * of their group, and never stored; whatever else comes goes where it belongs. Reading and proving show the store only.
 */
export class PassingDataset implements Dataset {
  readonly #stored: Dataset;
  /** One for each group in work. */
  readonly #windows = new Set<SourceWindow>();
  readonly #listeners = new Set<(range: LeafRange) => void>();

  constructor(stored: Dataset) {
    this.#stored = stored;
  }

  get ref(): DatasetRef {
    return this.#stored.ref;
  }

  get heldCount(): number {
    let count = this.#stored.heldCount;
    for (const window of this.#windows) count += window.held.size;
    return count;
  }

  /** Takes the leaves of a window into its memory until the returned function is called. */
  pass(window: SourceWindow): () => void {
    this.#windows.add(window);
    window.onHeld((range) => {
      for (const listener of this.#listeners) listener(range);
    });
    return () => this.#windows.delete(window);
  }

  has(index: number): boolean {
    return this.#stored.has(index) || this.#windowOf(index)?.has(index) === true;
  }

  missing(within?: LeafRange): Iterable<LeafRange> {
    return this.#windows.size === 0 ? this.#stored.missing(within) : this.#missing(within);
  }

  held(within?: LeafRange): Iterable<LeafRange> {
    return this.#stored.held(within);
  }

  onHeld(listener: (range: LeafRange) => void): () => void {
    this.#listeners.add(listener);
    const off = this.#stored.onHeld(listener);
    return () => {
      off();
      this.#listeners.delete(listener);
    };
  }

  /** What proves leaves of windows only is forgotten with them: no tree of all rows piles up in the store. */
  async learn(proved: ProvedRange): Promise<void> {
    let isPassing = true;
    for (let i = 0; i < proved.count; i++) {
      const window = this.#windowOf(proved.start + i);
      if (window) window.learn(proved.start + i, nodeAt(proved.digests, i));
      else isPassing = false;
    }
    if (!isPassing) await this.#stored.learn(proved);
  }

  /** What is known for a while only does not count: somebody would rely on it later. */
  knows(range: LeafRange): Promise<boolean> {
    return this.#stored.knows(range);
  }

  /** A leaf that nobody knows (any more) came too late: it is dropped. */
  async putLeaves(start: number, blocks: readonly Uint8Array[], options: AbortOptions = {}): Promise<PutLeavesResult> {
    const results: Promise<PutLeavesResult>[] = [];
    for (let from = 0; from < blocks.length; ) {
      const window = this.#windowOf(start + from);
      const isStored = this.#stored.node(0, start + from) !== undefined;
      let to = from + 1;
      while (
        to < blocks.length &&
        this.#windowOf(start + to) === window &&
        (window !== undefined || (this.#stored.node(0, start + to) !== undefined) === isStored)
      )
        to++;
      const part = blocks.slice(from, to);
      if (window) results.push(window.put(start + from, part));
      else if (isStored) results.push(this.#stored.putLeaves(start + from, part, options));
      from = to;
    }
    const settled = await Promise.allSettled(results);
    const failed = settled.find((result) => result.status === 'rejected');
    if (failed) throw failed.reason;
    const put = settled.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []));
    return {
      stored: put.reduce((sum, { stored }) => sum + stored, 0),
      rejected: put.flatMap(({ rejected }) => rejected).sort((a, b) => a - b),
    };
  }

  holdStored(range: LeafRange): Promise<number> {
    return this.#stored.holdStored(range);
  }

  flush(): Promise<void> {
    return this.#stored.flush();
  }

  read(range: LeafRange, options?: AbortOptions): AsyncIterable<LeafBatch> {
    return this.#stored.read(range, options);
  }

  readInto(range: LeafRange, target: Uint8Array, options?: AbortOptions): Promise<readonly number[]> {
    return this.#stored.readInto(range, target, options);
  }

  digests(range: LeafRange): Promise<Uint8Array> {
    return this.#stored.digests(range);
  }

  node(layer: number, index: number): Uint8Array | undefined {
    return this.#stored.node(layer, index);
  }

  prove(range: LeafRange): Promise<ProvedRange> {
    return this.#stored.prove(range);
  }

  #windowOf(leaf: number): SourceWindow | undefined {
    for (const window of this.#windows) if (window.covers(leaf)) return window;
    return undefined;
  }

  *#missing(within?: LeafRange): Generator<LeafRange> {
    for (const { start, count } of this.#stored.missing(within)) {
      let first = start;
      for (const leaf of this.#passingIn({ start, count })) {
        if (leaf > first) yield { start: first, count: leaf - first };
        first = leaf + 1;
      }
      if (start + count > first) yield { start: first, count: start + count - first };
    }
  }

  /** Leaves that windows have, in order; gaps may be as long as the tree, or there may be very many. */
  #passingIn({ start, count }: LeafRange): number[] {
    let held = 0;
    for (const window of this.#windows) held += window.held.size;
    if (count > held) {
      const all = [...this.#windows].flatMap((window) => [...window.held]);
      return all.filter((leaf) => leaf >= start && leaf < start + count).sort((a, b) => a - b);
    }
    const leaves: number[] = [];
    for (let leaf = start; leaf < start + count; leaf++) if (this.#windowOf(leaf)?.has(leaf)) leaves.push(leaf);
    return leaves;
  }
}
