import type { Compute } from '@codex/compute';
import { equalBytes, type LeafRange, nodeAt, type PutLeavesResult } from '@codex/content';
import { digestBlocks } from './coding-jobs.ts';
import type { Columns, Geometry } from './geometry.ts';
import { runsWhere } from './losses.ts';

/** The leaves of a group of columns, in the memory of the group: all rows but the one that is rebuilt. */
export class SourceWindow {
  readonly columns: Columns;
  readonly #compute: Compute;
  readonly #geometry: Geometry;
  /** The row that is not taken: the store keeps it. */
  readonly #row: number;
  /** Row-major, all rows. */
  readonly #bytes: Uint8Array;
  readonly #onWrong: ((leaf: number) => void) | undefined;
  /** As many as the group has leaves at most, like the next three. */
  readonly #digests = new Map<number, Uint8Array>();
  readonly #held = new Set<number>();
  readonly #checking = new Map<number, Promise<PutLeavesResult>>();
  #listener: (range: LeafRange) => void = () => {};
  #sealed = false;

  constructor(
    components: { readonly compute: Compute },
    init: {
      readonly geometry: Geometry;
      readonly row: number;
      readonly columns: Columns;
      readonly bytes: Uint8Array;
      readonly onWrong: ((leaf: number) => void) | undefined;
    },
  ) {
    this.#compute = components.compute;
    this.#geometry = init.geometry;
    this.#row = init.row;
    this.columns = init.columns;
    this.#bytes = init.bytes;
    this.#onWrong = init.onWrong;
  }

  /** Leaves that came and are right. */
  get held(): ReadonlySet<number> {
    return this.#held;
  }

  onHeld(listener: (range: LeafRange) => void): void {
    this.#listener = listener;
  }

  covers(leaf: number): boolean {
    const { steps } = this.#geometry;
    const column = (leaf % steps) - this.columns.start;
    return column >= 0 && column < this.columns.count && Math.floor(leaf / steps) !== this.#row;
  }

  has(leaf: number): boolean {
    return this.#held.has(leaf);
  }

  /** A proved digest of a leaf that it covers. */
  digestOf(leaf: number): Uint8Array | undefined {
    return this.#digests.get(leaf);
  }

  learn(leaf: number, digest: Uint8Array): void {
    if (!this.#digests.has(leaf)) this.#digests.set(leaf, digest.slice());
  }

  /** The memory of a row in some of its columns. */
  slotOf(row: number, { start, count }: Columns): Uint8Array {
    const { blockSize } = this.#geometry;
    const from = (row * this.columns.count + start - this.columns.start) * blockSize;
    return this.#bytes.subarray(from, from + count * blockSize);
  }

  /** Takes blocks of leaves that it covers, if they are those of the tree; while it is sealed, none. */
  async put(start: number, blocks: readonly Uint8Array[]): Promise<PutLeavesResult> {
    const { blockSize, steps } = this.#geometry;
    const results: PutLeavesResult[] = [];
    // One row after the other: a run of columns is one stretch of memory.
    for (const part of rowParts({ start, count: blocks.length }, steps)) {
      for (let at = part.start; ; ) {
        const rest = { start: at, count: part.start + part.count - at };
        // Somebody else's copy may be being checked in the same place.
        for (let waits = this.#checkingIn(rest); waits.length > 0; waits = this.#checkingIn(rest)) {
          await Promise.all(waits);
        }
        const isFresh = (leaf: number) => !this.#held.has(leaf) && this.#digests.has(leaf);
        const [run] = this.#sealed ? [] : runsWhere(rest, isFresh);
        if (!run) break;
        const own = blocks.slice(run.start - start, run.start - start + run.count);
        const checking = this.#check(run, own, blockSize);
        for (let i = 0; i < run.count; i++) this.#checking.set(run.start + i, checking);
        results.push(await checking);
        at = run.start + run.count;
      }
    }
    return {
      stored: results.reduce((sum, result) => sum + result.stored, 0),
      rejected: results.flatMap((result) => result.rejected),
    };
  }

  /** Takes nothing more, until `unseal`; resolves when nothing is written any more. */
  async seal(): Promise<void> {
    this.#sealed = true;
    while (this.#checking.size > 0) await Promise.allSettled(this.#checking.values());
  }

  unseal(): void {
    this.#sealed = false;
  }

  #checkingIn({ start, count }: LeafRange): Promise<unknown>[] {
    const waits: Promise<unknown>[] = [];
    for (let leaf = start; leaf < start + count; leaf++) {
      const checking = this.#checking.get(leaf);
      if (checking) waits.push(checking.catch(() => {}));
    }
    return waits;
  }

  async #check(run: LeafRange, blocks: readonly Uint8Array[], blockSize: number): Promise<PutLeavesResult> {
    const { steps } = this.#geometry;
    const slot = this.slotOf(Math.floor(run.start / steps), { start: run.start % steps, count: run.count });
    const lengths = Uint32Array.from(blocks, (block) => Math.min(block.length, blockSize));
    try {
      for (const [i, block] of blocks.entries()) {
        slot.set(block.subarray(0, blockSize), i * blockSize);
        slot.fill(0, i * blockSize + lengths[i]!, (i + 1) * blockSize);
      }
      const digests = await this.#compute.run(digestBlocks, { bytes: slot, blockSize, lengths });
      const isGood = (i: number) =>
        blocks[i]!.length <= blockSize && equalBytes(nodeAt(digests, i), this.#digests.get(run.start + i)!);
      const good = blocks.map((_, i) => run.start + i).filter((leaf) => isGood(leaf - run.start));
      for (const leaf of good) this.#held.add(leaf);
      for (const part of runsWhere(run, (leaf) => this.#held.has(leaf))) this.#listener(part);
      const rejected = blocks.map((_, i) => run.start + i).filter((leaf) => !this.#held.has(leaf));
      for (const leaf of rejected) this.#onWrong?.(leaf);
      return { stored: good.length, rejected };
    } finally {
      for (let i = 0; i < run.count; i++) this.#checking.delete(run.start + i);
    }
  }
}

/** Cuts leaves where a row ends. */
function* rowParts({ start, count }: LeafRange, steps: number): Generator<LeafRange> {
  for (let leaf = start; leaf < start + count; ) {
    const length = Math.min(start + count - leaf, steps - (leaf % steps));
    yield { start: leaf, count: length };
    leaf += length;
  }
}
