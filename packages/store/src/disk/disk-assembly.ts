import type { Compute, SlabPool } from '@codex/compute';
import {
  type Dataset,
  type DatasetAssembly,
  type DatasetRef,
  DIGEST_BYTES,
  isEmptyDigest,
  type LeafBatch,
  type LeafRange,
  type Manifest,
  type ManifestCid,
  nodeAt,
  TreeBuilder,
  type TreeCid,
  treeCid,
} from '@codex/content';
import type { AbortOptions } from '@codex/runtime';
import { checkBlockSize, checkDescribed, checkRange, checkSameTree } from '../checks.ts';
import { blockNotFound, StoreError } from '../errors.ts';
import { LeafBitmap } from '../leaf-bitmap.ts';
import type { BlockIndex } from './block-index.ts';
import type { BlockStore } from './block-store.ts';
import type { Committer } from './committer.ts';
import { type LeafReader, type LeafSource, readLeaves, readLeavesInto } from './dataset-reader.ts';
import { allOrFirstError } from './disk-dataset.ts';
import { inspectBlocks } from './inspect-job.ts';
import type { TreeRecord } from './records.ts';
import type { Tables } from './tables.ts';
import { HeldPages, loadHeld, PAGE_WIDTH, TreeNodes } from './tree-pages.ts';

/** References taken in one go: a ms of the main thread. */
const LEAVES_PER_TURN = PAGE_WIDTH / 4;

/** Pages of nodes that are written in one commit while the root is computed: handing 1 MiB to the index takes some ms. */
const PAGES_PER_COMMIT = 64;

export interface AssemblyParts {
  readonly tables: Tables;
  readonly index: BlockIndex;
  readonly store: BlockStore;
  readonly committer: Committer;
  readonly reader: LeafReader;
  readonly compute: Compute;
  readonly slabs: SlabPool;
  /** Makes the id the tree of the manifest and stores that, durably. */
  finish(manifest: Manifest): Promise<ManifestCid>;
  /** Makes the id the tree of `ref`, durably. */
  become(ref: DatasetRef): Promise<Dataset>;
  /** Lets go of the key. */
  close(): void;
  /** Releases all references. */
  drop(): Promise<void>;
}

/** An unfinished dataset on disk: pages and held bits under a tree id that no root points to. */
export class DiskAssembly implements DatasetAssembly {
  readonly blockSize: number;
  readonly leafCount: number;
  readonly #parts: AssemblyParts;
  readonly #bitmap: LeafBitmap;
  readonly #nodes: TreeNodes;
  readonly #heldPages: HeldPages;
  #open = true;

  constructor(parts: AssemblyParts, record: TreeRecord) {
    this.#parts = parts;
    this.blockSize = record.blockSize;
    this.leafCount = record.leafCount;
    this.#bitmap = new LeafBitmap(record.leafCount);
    this.#nodes = new TreeNodes(parts.tables, record);
    this.#heldPages = new HeldPages(parts, { id: record.id, bitmap: this.#bitmap });
    loadHeld(parts.tables, record.id, this.#bitmap);
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

  async putLeaves(start: number, blocks: readonly Uint8Array[], options: AbortOptions = {}): Promise<void> {
    this.#checkOpen();
    options.signal?.throwIfAborted();
    checkRange(this.leafCount, { start, count: blocks.length });
    for (const block of blocks) {
      checkBlockSize(block.length);
      if (block.length > this.blockSize) {
        throw new StoreError('BLOCK_SIZE_INVALID', 'A block is longer than those of its dataset', {
          bytes: block.length,
          maxBytes: this.blockSize,
        });
      }
    }
    const perPart = Math.max(1, Math.min(LEAVES_PER_TURN, Math.floor(this.#parts.slabs.slabBytes / this.blockSize)));
    const parts: Promise<void>[] = [];
    for (let from = 0; from < blocks.length; from += perPart) {
      parts.push(this.#putPart(start + from, blocks.slice(from, from + perPart), options));
    }
    await allOrFirstError(parts);
  }

  async refer(start: number, digests: Uint8Array, { signal }: AbortOptions = {}): Promise<void> {
    this.#checkOpen();
    const count = digests.length / DIGEST_BYTES;
    checkRange(this.leafCount, { start, count });
    const { store, index, committer } = this.#parts;
    for (let from = 0; from < count; from += LEAVES_PER_TURN) {
      signal?.throwIfAborted();
      const to = Math.min(count, from + LEAVES_PER_TURN);
      await store.exclusively(() => {
        this.#checkOpen();
        this.#take(start + from, digests.subarray(from * DIGEST_BYTES, to * DIGEST_BYTES), (digest, leaf) => {
          if (isEmptyDigest(digest)) return;
          if (!index.has(digest)) throw blockNotFound({ index: leaf });
          index.addReference(digest);
        });
      });
      await committer.wrote(0);
      if (to < count) await new Promise((resolve) => setImmediate(resolve));
    }
  }

  async digests(range: LeafRange): Promise<Uint8Array> {
    checkRange(this.leafCount, range);
    for (const { start } of this.missing(range)) throw blockNotFound({ index: start });
    return this.#leaves(range);
  }

  read(range: LeafRange, options: AbortOptions = {}): AsyncIterable<LeafBatch> {
    checkRange(this.leafCount, range);
    return readLeaves(this.#parts.reader, this.#source(), range, options);
  }

  async readInto(range: LeafRange, target: Uint8Array, options: AbortOptions = {}): Promise<readonly number[]> {
    checkRange(this.leafCount, range);
    return readLeavesInto(this.#parts.reader, this.#source(), range, target, options);
  }

  async finish(
    describe: (tree: { treeCid: TreeCid; leafCount: number }) => Manifest | Promise<Manifest>,
    options: AbortOptions = {},
  ): Promise<ManifestCid> {
    const cid = await this.#computeRoot(options);
    const manifest = await describe({ treeCid: cid, leafCount: this.leafCount });
    checkDescribed(manifest, { treeCid: cid, leafCount: this.leafCount, blockSize: this.blockSize });
    options.signal?.throwIfAborted();
    this.#checkOpen();
    const stored = await this.#parts.finish(manifest);
    this.#open = false;
    return stored;
  }

  async become(ref: DatasetRef, options: AbortOptions = {}): Promise<Dataset> {
    checkSameTree(ref, { ...this, treeCid: await this.#computeRoot(options) });
    options.signal?.throwIfAborted();
    this.#checkOpen();
    this.#open = false;
    return this.#parts.become(ref);
  }

  async close(): Promise<void> {
    if (!this.#open) return;
    this.#open = false;
    this.#parts.close();
    await this.#parts.committer.flush();
  }

  async abort(): Promise<void> {
    if (!this.#open) return;
    this.#open = false;
    await this.#parts.drop();
  }

  /** Puts the held bits into the tables: the reaper, and whoever opens the tree next, read them there. */
  settle(): void {
    this.#heldPages.stage();
  }

  /** Stores the blocks of one part. */
  async #putPart(start: number, blocks: readonly Uint8Array[], options: AbortOptions): Promise<void> {
    const { slabs, compute, store } = this.#parts;
    const lengths = Uint32Array.from(blocks, (block) => block.length);
    let bytes = sharedStretch(blocks);
    const slab = bytes ? undefined : await slabs.acquire(options);
    try {
      if (slab) {
        let at = 0;
        for (const block of blocks) {
          slab.bytes.set(block, at);
          at += block.length;
        }
        bytes = slab.bytes.subarray(0, at);
      }
      const all = bytes!;
      const { digests, physicalBytes, crcs } = await compute.run(inspectBlocks, { bytes: all, lengths }, options);
      let at = 0;
      const put = Array.from(lengths, (logicalBytes, i) => {
        const payload = all.subarray(at, at + physicalBytes[i]!);
        at += logicalBytes;
        return { digest: nodeAt(digests, i), logicalBytes, physicalBytes: physicalBytes[i]!, crc: crcs[i]!, payload };
      });
      const wanted = (i: number) => this.#open && !this.has(start + i);
      await store.put(
        put,
        () => {
          this.#checkOpen();
          this.#take(start, digests, (digest) => this.#parts.index.addReference(digest));
        },
        wanted,
      );
    } finally {
      slab?.release();
    }
  }

  /** Holds the leaves that are not held yet, after `refer` took a reference for each. */
  #take(start: number, digests: Uint8Array, refer: (digest: Uint8Array, leaf: number) => void): void {
    const count = digests.length / DIGEST_BYTES;
    for (const run of [...this.missing({ start, count })]) {
      const nodes = digests.subarray(
        (run.start - start) * DIGEST_BYTES,
        (run.start - start + run.count) * DIGEST_BYTES,
      );
      // The nodes first: a failure in the middle leaves no leaf held whose digest is unknown.
      this.#nodes.put({ layer: 0, first: run.start, nodes });
      for (let i = 0; i < run.count; i++) {
        refer(nodeAt(nodes, i), run.start + i);
        this.#bitmap.set(run.start + i);
        this.#heldPages.changed(run.start + i);
      }
    }
  }

  /** All nodes above the leaves, a few leaves at a time. */
  async #computeRoot({ signal }: AbortOptions): Promise<TreeCid> {
    this.#checkOpen();
    for (const { start } of this.missing()) throw blockNotFound({ index: start });
    const builder = new TreeBuilder((run) => {
      if (run.layer > 0) this.#nodes.put(run);
    });
    for (let start = 0; start < this.leafCount; start += PAGE_WIDTH) {
      signal?.throwIfAborted();
      this.#checkOpen();
      builder.append(this.#leaves({ start, count: Math.min(PAGE_WIDTH, this.leafCount - start) }));
      if ((start / PAGE_WIDTH) % PAGES_PER_COMMIT === PAGES_PER_COMMIT - 1) await this.#parts.committer.flush();
      await new Promise((resolve) => setImmediate(resolve));
    }
    return treeCid(builder.finish().root);
  }

  #leaves(range: LeafRange): Uint8Array {
    if (range.count === 0) return new Uint8Array(0);
    const { digests, missing } = this.#nodes.leaves(range);
    if (missing !== undefined) throw blockNotFound({ index: missing });
    return digests;
  }

  #source(): LeafSource {
    return {
      blockSize: this.blockSize,
      digests: (part) => this.#leaves(part),
      has: (index) => this.has(index),
      held: (within) => this.held(within),
      lost: (index) => this.#lose(index),
    };
  }

  /** The block of a leaf turned out to be missing. */
  #lose(index: number): Promise<void> {
    return this.#parts.store.exclusively(() => {
      const digest = this.#nodes.get(0, index);
      if (!this.#open || !digest || this.#parts.index.has(digest) || !this.#bitmap.clear(index)) return;
      this.#heldPages.changed(index);
      this.#parts.index.dropReference(digest);
    });
  }

  #checkOpen(): void {
    if (!this.#open) throw new StoreError('STORE_CLOSED', 'The assembly was ended or closed');
  }
}

/** The one stretch of shared memory that the blocks make up, if they do. */
function sharedStretch(blocks: readonly Uint8Array[]): Uint8Array | undefined {
  const first = blocks[0];
  if (!first || !(first.buffer instanceof SharedArrayBuffer)) return undefined;
  let end = first.byteOffset;
  for (const block of blocks) {
    if (block.buffer !== first.buffer || block.byteOffset !== end) return undefined;
    end += block.length;
  }
  return new Uint8Array(first.buffer, first.byteOffset, end - first.byteOffset);
}
