import type { Compute, SlabPool } from '@codex/compute';
import {
  type Dataset,
  type DatasetRef,
  DIGEST_BYTES,
  equalBytes,
  isEmptyDigest,
  type LeafBatch,
  type LeafRange,
  nodeAt,
  type ProvedRange,
  type PutLeavesResult,
  provedFromNodes,
} from '@codex/content';
import type { AbortOptions } from '@codex/runtime';
import { checkProved, checkRange } from '../checks.ts';
import { blockNotFound, StoreError } from '../errors.ts';
import { LeafBitmap } from '../leaf-bitmap.ts';
import { Listeners } from '../listeners.ts';
import type { BlockIndex } from './block-index.ts';
import type { BlockStore } from './block-store.ts';
import type { Committer } from './committer.ts';
import { type LeafReader, type LeafSource, readLeaves, readLeavesInto } from './dataset-reader.ts';
import { inspectBlocks } from './inspect-job.ts';
import type { TreeRecord } from './records.ts';
import type { Tables } from './tables.ts';
import { HeldPages, loadHeld, TreeNodes } from './tree-pages.ts';
import type { Trees } from './trees.ts';

/** References taken in one go: a ms of the main thread. */
const LEAVES_PER_TURN = 64;

/** What all datasets of a repository share. */
export interface DatasetParts {
  readonly tables: Tables;
  readonly index: BlockIndex;
  readonly store: BlockStore;
  readonly committer: Committer;
  readonly compute: Compute;
  readonly slabs: SlabPool;
  readonly reader: LeafReader;
  readonly trees: Trees;
}

/** A dataset on disk. Nodes live in pages of the index; the held bitmap lives in memory while the dataset is open. */
export class DiskDataset implements Dataset {
  readonly ref: DatasetRef;
  readonly #parts: DatasetParts;
  readonly #bitmap: LeafBitmap;
  readonly #held = new Listeners<LeafRange>();
  /** Undefined while nothing is known of the dataset. */
  #tree: { readonly nodes: TreeNodes; readonly heldPages: HeldPages } | undefined;

  constructor(parts: DatasetParts, ref: DatasetRef, record: TreeRecord | undefined) {
    this.#parts = parts;
    this.ref = ref;
    this.#bitmap = new LeafBitmap(ref.leafCount);
    if (record) {
      this.#attach(record);
      loadHeld(parts.tables, record.id, this.#bitmap);
    }
  }

  get heldCount(): number {
    return this.#bitmap.count;
  }

  has(index: number): boolean {
    return this.#bitmap.has(index);
  }

  missing(within?: LeafRange): Iterable<LeafRange> {
    return this.#bitmap.runs(false, within);
  }

  held(within?: LeafRange): Iterable<LeafRange> {
    return this.#bitmap.runs(true, within);
  }

  onHeld(listener: (range: LeafRange) => void): () => void {
    return this.#held.add(listener);
  }

  async learn(proved: ProvedRange): Promise<void> {
    checkProved(this.ref, proved);
    const { nodes } = this.#tree ?? this.#attach(this.#parts.trees.create(this.ref));
    for (const run of proved.runs) nodes.put(run);
    // The empty block is always there (01 §4).
    const leaves = proved.runs[0]!;
    for (let i = 0; i < leaves.nodes.length / DIGEST_BYTES; i++) {
      if (isEmptyDigest(nodeAt(leaves.nodes, i))) this.#hold([leaves.first + i]);
    }
    await this.#parts.committer.wrote(0);
  }

  async knows(range: LeafRange): Promise<boolean> {
    checkRange(this.ref.leafCount, range);
    return this.#tree !== undefined && this.#tree.nodes.leaves(range).missing === undefined;
  }

  async putLeaves(start: number, blocks: readonly Uint8Array[], options: AbortOptions = {}): Promise<PutLeavesResult> {
    options.signal?.throwIfAborted();
    const range = { start, count: blocks.length };
    checkRange(this.ref.leafCount, range);
    const digests = this.#leaves(range, (index) => {
      return new StoreError('LEAF_UNKNOWN', `The leaf ${index} was not learned`, { index });
    });
    const perSlab = Math.max(1, Math.floor(this.#parts.slabs.slabBytes / this.ref.blockSize));
    const parts: Promise<PutLeavesResult>[] = [];
    for (let from = 0; from < blocks.length; from += perSlab) {
      const part = blocks.slice(from, from + perSlab);
      const leaves = digests.subarray(from * DIGEST_BYTES, (from + part.length) * DIGEST_BYTES);
      parts.push(this.#putPart(start + from, part, leaves, options));
    }
    const results = await allOrFirstError(parts);
    return {
      stored: results.reduce((sum, { stored }) => sum + stored, 0),
      rejected: results.flatMap(({ rejected }) => rejected).sort((a, b) => a - b),
    };
  }

  async holdStored(range: LeafRange): Promise<number> {
    checkRange(this.ref.leafCount, range);
    const { store, index, committer } = this.#parts;
    let held = 0;
    for (let start = range.start; start < range.start + range.count; start += LEAVES_PER_TURN) {
      const end = Math.min(start + LEAVES_PER_TURN, range.start + range.count);
      await store.exclusively(() => {
        const found: number[] = [];
        for (let leaf = start; leaf < end; leaf++) {
          const digest = this.has(leaf) ? undefined : this.#tree?.nodes.get(0, leaf);
          if (!digest || !index.has(digest)) continue;
          index.addReference(digest);
          found.push(leaf);
        }
        this.#hold(found);
        held += found.length;
      });
      await committer.wrote(0);
      if (end < range.start + range.count) await new Promise((resolve) => setImmediate(resolve));
    }
    return held;
  }

  flush(): Promise<void> {
    return this.#parts.committer.flush();
  }

  read(range: LeafRange, options: AbortOptions = {}): AsyncIterable<LeafBatch> {
    checkRange(this.ref.leafCount, range);
    return readLeaves(this.#parts.reader, this.#source(), range, options);
  }

  async readInto(range: LeafRange, target: Uint8Array, options: AbortOptions = {}): Promise<readonly number[]> {
    checkRange(this.ref.leafCount, range);
    return readLeavesInto(this.#parts.reader, this.#source(), range, target, options);
  }

  node(layer: number, index: number): Uint8Array | undefined {
    return this.#tree?.nodes.get(layer, index);
  }

  async digests(range: LeafRange): Promise<Uint8Array> {
    checkRange(this.ref.leafCount, range);
    return this.#leaves(range, (index) => blockNotFound({ index }));
  }

  async prove(range: LeafRange): Promise<ProvedRange> {
    checkRange(this.ref.leafCount, range);
    const proved =
      this.#tree && provedFromNodes(this.ref, range, (layer, index) => this.#tree!.nodes.get(layer, index));
    if (!proved) throw blockNotFound({ index: range.start });
    return proved;
  }

  /** The tree was deleted or replaced: forgets it, leaving in the tables what its deletion must know. */
  letGo(): void {
    this.#tree?.heldPages.stage();
    this.#tree = undefined;
    this.#bitmap.clearAll();
  }

  /** An upload brought the whole dataset. */
  become(record: TreeRecord): void {
    this.#attach(record);
    this.#bitmap.setAll();
    this.#held.emit({ start: 0, count: this.ref.leafCount });
  }

  #source(): LeafSource {
    return {
      blockSize: this.ref.blockSize,
      digests: (part) => this.#leaves(part, (index) => blockNotFound({ index })),
      has: (index) => this.has(index),
      held: (within) => this.held(within),
      lost: (index) => this.#lose(index),
    };
  }

  #attach(record: TreeRecord) {
    const { tables, committer } = this.#parts;
    this.#tree = {
      nodes: new TreeNodes(tables, record),
      heldPages: new HeldPages({ tables, committer }, { id: record.id, bitmap: this.#bitmap }),
    };
    return this.#tree;
  }

  #leaves(range: LeafRange, unknown: (index: number) => Error): Uint8Array {
    if (range.count === 0) return new Uint8Array(0);
    if (!this.#tree) throw unknown(range.start);
    const { digests, missing } = this.#tree.nodes.leaves(range);
    if (missing !== undefined) throw unknown(missing);
    return digests;
  }

  /** Checks and stores the blocks that one slab holds. */
  async #putPart(
    start: number,
    blocks: readonly Uint8Array[],
    leaves: Uint8Array,
    options: AbortOptions,
  ): Promise<PutLeavesResult> {
    const { slabs, compute, store } = this.#parts;
    const rejected = new Set<number>();
    const slab = await slabs.acquire(options);
    try {
      // A block that is too long is not even hashed: in its place stands an empty one.
      const own = blocks.map((block) => (block.length <= this.ref.blockSize ? block : block.subarray(0, 0)));
      const lengths = Uint32Array.from(own, (block) => block.length);
      let at = 0;
      const views = own.map((block) => {
        slab.bytes.set(block, at);
        at += block.length;
        return slab.bytes.subarray(at - block.length, at);
      });
      const checked = await compute.run(inspectBlocks, { bytes: slab.bytes.subarray(0, at), lengths }, options);
      for (const [i, block] of blocks.entries()) {
        const same = equalBytes(nodeAt(checked.digests, i), nodeAt(leaves, i));
        if (!same || block.length > this.ref.blockSize) rejected.add(start + i);
      }
      const good = blocks.map((_, i) => i).filter((i) => !rejected.has(start + i) && blocks[i]!.length > 0);
      const wanted = (i: number) => this.#tree !== undefined && !this.has(start + good[i]!);
      const put = good.map((i) => ({
        digest: nodeAt(checked.digests, i),
        logicalBytes: lengths[i]!,
        physicalBytes: checked.physicalBytes[i]!,
        crc: checked.crcs[i]!,
        payload: views[i]!.subarray(0, checked.physicalBytes[i]!),
      }));
      let stored = 0;
      const record = () => {
        // The dataset was deleted meanwhile: its leaves are unknown again.
        if (!this.#tree) throw new StoreError('LEAF_UNKNOWN', 'The dataset was deleted', { index: start });
        const fresh = good.filter((i) => !this.has(start + i));
        for (const i of fresh) this.#parts.index.addReference(nodeAt(checked.digests, i));
        this.#hold(fresh.map((i) => start + i));
        stored = fresh.length;
      };
      if (put.length > 0) await store.put(put, record, wanted);
      return { stored, rejected: [...rejected] };
    } finally {
      slab.release();
    }
  }

  /** Marks leaves (ascending) as held and tells the listeners, run by run. */
  #hold(indices: readonly number[]): void {
    let run: LeafRange | undefined;
    for (const index of indices) {
      if (!this.#bitmap.set(index)) continue;
      this.#tree?.heldPages.changed(index);
      if (run && run.start + run.count === index) {
        run = { start: run.start, count: run.count + 1 };
      } else {
        if (run) this.#held.emit(run);
        run = { start: index, count: 1 };
      }
    }
    if (run) this.#held.emit(run);
  }

  /** The block of a leaf turned out to be missing. */
  #lose(index: number): Promise<void> {
    return this.#parts.store.exclusively(() => {
      const digest = this.#tree?.nodes.get(0, index);
      // Somebody may have put it again since it was found missing.
      if (!digest || this.#parts.index.has(digest) || !this.#bitmap.clear(index)) return;
      this.#tree?.heldPages.changed(index);
      this.#parts.index.dropReference(digest);
    });
  }
}

/** Like Promise.all, but waits for all before it fails: nobody uses the caller's memory afterwards. */
export async function allOrFirstError<T>(promises: readonly Promise<T>[]): Promise<T[]> {
  const settled = await Promise.allSettled(promises);
  const failed = settled.find((result) => result.status === 'rejected');
  if (failed) throw failed.reason;
  return settled.map((result) => (result as PromiseFulfilledResult<T>).value);
}
