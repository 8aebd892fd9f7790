import {
  buildTree,
  type Dataset,
  type DatasetAssembly,
  type DatasetRef,
  DIGEST_BYTES,
  isEmptyDigest,
  type LeafBatch,
  type LeafRange,
  type Manifest,
  type ManifestCid,
  type MerkleTree,
  nodeAt,
  sha256,
  type TreeCid,
  treeCid,
} from '@codex/content';
import type { AbortOptions } from '@codex/runtime';
import { checkBlockSize, checkDescribed, checkRange, checkSameTree } from '../checks.ts';
import { blockNotFound, StoreError } from '../errors.ts';
import { LeafBitmap } from '../leaf-bitmap.ts';
import type { MemoryBlocks } from './memory-blocks.ts';
import { readMemory, readMemoryInto } from './memory-reader.ts';

/** What is kept of an unfinished assembly while nobody works on it. */
export interface MemoryAssemblyState {
  readonly blockSize: number;
  readonly leafCount: number;
  /** Layer 0. */
  readonly leaves: Uint8Array;
  readonly bitmap: LeafBitmap;
  /** Unix ms. */
  touchedMs: number;
  open: boolean;
}

export function newAssemblyState(shape: { blockSize: number; leafCount: number }): MemoryAssemblyState {
  const { blockSize, leafCount } = shape;
  const leaves = new Uint8Array(leafCount * DIGEST_BYTES);
  return { blockSize, leafCount, leaves, bitmap: new LeafBitmap(leafCount), touchedMs: 0, open: false };
}

/** Releases all references. */
export function dropAssembly(blocks: MemoryBlocks, { bitmap, leaves }: MemoryAssemblyState): void {
  for (const { start, count } of bitmap.runs(true)) {
    for (let i = start; i < start + count; i++) blocks.dropReference(nodeAt(leaves, i));
  }
  bitmap.clearAll();
}

export interface MemoryAssemblyParts {
  readonly blocks: MemoryBlocks;
  finish(manifest: Manifest, tree: MerkleTree): Promise<ManifestCid>;
  become(ref: DatasetRef, tree: MerkleTree): Promise<Dataset>;
  close(): void;
  drop(): void;
}

export class MemoryAssembly implements DatasetAssembly {
  readonly #parts: MemoryAssemblyParts;
  readonly #state: MemoryAssemblyState;
  #open = true;

  constructor(parts: MemoryAssemblyParts, state: MemoryAssemblyState) {
    this.#parts = parts;
    this.#state = state;
  }

  get blockSize(): number {
    return this.#state.blockSize;
  }

  get leafCount(): number {
    return this.#state.leafCount;
  }

  get heldCount(): number {
    return this.#state.bitmap.count;
  }

  has(index: number): boolean {
    return this.#state.bitmap.has(index);
  }

  missing(within?: LeafRange): Iterable<LeafRange> {
    return this.#state.bitmap.runs(false, within);
  }

  held(within?: LeafRange): Iterable<LeafRange> {
    return this.#state.bitmap.runs(true, within);
  }

  async putLeaves(start: number, blocks: readonly Uint8Array[], { signal }: AbortOptions = {}): Promise<void> {
    this.#checkOpen();
    signal?.throwIfAborted();
    checkRange(this.leafCount, { start, count: blocks.length });
    for (const block of blocks) {
      checkBlockSize(block.length);
      if (block.length > this.blockSize) {
        throw new StoreError('BLOCK_SIZE_INVALID', 'A block is longer than those of its dataset');
      }
    }
    for (const [i, block] of blocks.entries()) {
      if (this.has(start + i)) continue;
      const digest = sha256(block);
      this.#parts.blocks.addReference(digest, block);
      this.#hold(start + i, digest);
    }
  }

  async refer(start: number, digests: Uint8Array, { signal }: AbortOptions = {}): Promise<void> {
    this.#checkOpen();
    signal?.throwIfAborted();
    checkRange(this.leafCount, { start, count: digests.length / DIGEST_BYTES });
    for (let i = 0; i < digests.length / DIGEST_BYTES; i++) {
      const digest = nodeAt(digests, i);
      if (this.has(start + i)) continue;
      if (!isEmptyDigest(digest)) {
        const block = this.#parts.blocks.get(digest);
        if (!block) throw blockNotFound({ index: start + i });
        this.#parts.blocks.addReference(digest, block);
      }
      this.#hold(start + i, digest);
    }
  }

  async digests(range: LeafRange): Promise<Uint8Array> {
    checkRange(this.leafCount, range);
    for (const { start } of this.missing(range)) throw blockNotFound({ index: start });
    return this.#state.leaves.slice(range.start * DIGEST_BYTES, (range.start + range.count) * DIGEST_BYTES);
  }

  read(range: LeafRange, options: AbortOptions = {}): AsyncIterable<LeafBatch> {
    checkRange(this.leafCount, range);
    return readMemory(this.#parts.blocks, this, range, options);
  }

  async readInto(range: LeafRange, target: Uint8Array): Promise<readonly number[]> {
    checkRange(this.leafCount, range);
    return readMemoryInto(this.#parts.blocks, this, range, target);
  }

  async finish(
    describe: (tree: { treeCid: TreeCid; leafCount: number }) => Manifest | Promise<Manifest>,
    { signal }: AbortOptions = {},
  ): Promise<ManifestCid> {
    const tree = this.#tree();
    const ref = { treeCid: treeCid(tree.root), leafCount: this.leafCount, blockSize: this.blockSize };
    const manifest = await describe(ref);
    checkDescribed(manifest, ref);
    signal?.throwIfAborted();
    this.#checkOpen();
    const stored = await this.#parts.finish(manifest, tree);
    this.#open = false;
    return stored;
  }

  async become(ref: DatasetRef, { signal }: AbortOptions = {}): Promise<Dataset> {
    const tree = this.#tree();
    checkSameTree(ref, { treeCid: treeCid(tree.root), leafCount: this.leafCount, blockSize: this.blockSize });
    signal?.throwIfAborted();
    this.#open = false;
    return this.#parts.become(ref, tree);
  }

  async close(): Promise<void> {
    if (!this.#open) return;
    this.#open = false;
    this.#parts.close();
  }

  async abort(): Promise<void> {
    if (!this.#open) return;
    this.#open = false;
    this.#parts.drop();
  }

  #tree(): MerkleTree {
    this.#checkOpen();
    for (const { start } of this.missing()) throw blockNotFound({ index: start });
    return buildTree(this.#state.leaves.slice());
  }

  #hold(index: number, digest: Uint8Array): void {
    this.#state.leaves.set(digest, index * DIGEST_BYTES);
    this.#state.bitmap.set(index);
  }

  #checkOpen(): void {
    if (!this.#open) throw new StoreError('STORE_CLOSED', 'The assembly was ended or closed');
  }
}
