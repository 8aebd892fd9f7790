import {
  type Dataset,
  type DatasetRef,
  DIGEST_BYTES,
  equalBytes,
  isEmptyDigest,
  type LeafBatch,
  type LeafRange,
  layerLengths,
  type MerkleTree,
  nodeAt,
  type ProvedRange,
  type PutLeavesResult,
  provedFromNodes,
  sha256,
  ZERO_NODE,
} from '@codex/content';
import type { AbortOptions } from '@codex/runtime';
import { checkProved, checkRange } from '../checks.ts';
import { blockNotFound, StoreError } from '../errors.ts';
import { LeafBitmap } from '../leaf-bitmap.ts';
import { Listeners } from '../listeners.ts';
import type { MemoryBlocks } from './memory-blocks.ts';
import { readMemory, readMemoryInto } from './memory-reader.ts';

export class MemoryDataset implements Dataset {
  readonly ref: DatasetRef;
  readonly #blocks: MemoryBlocks;
  readonly #bitmap: LeafBitmap;
  readonly #held = new Listeners<LeafRange>();
  /** By layer; zeros = unknown. Made when the first node is learned. */
  #layers: Uint8Array[] | undefined;

  constructor(blocks: MemoryBlocks, ref: DatasetRef) {
    this.#blocks = blocks;
    this.ref = ref;
    this.#bitmap = new LeafBitmap(ref.leafCount);
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
    const layers = this.#obtainLayers();
    for (const { layer, first, nodes } of proved.runs) {
      layers[layer]!.set(nodes, first * DIGEST_BYTES);
      if (layer > 0) continue;
      // The empty block is always there (01 §4).
      for (let i = 0; i < nodes.length / DIGEST_BYTES; i++) {
        if (isEmptyDigest(nodeAt(nodes, i))) this.#hold(first + i);
      }
    }
  }

  async knows(range: LeafRange): Promise<boolean> {
    checkRange(this.ref.leafCount, range);
    for (let i = 0; i < range.count; i++) if (!this.node(0, range.start + i)) return false;
    return true;
  }

  async putLeaves(
    start: number,
    blocks: readonly Uint8Array[],
    { signal }: AbortOptions = {},
  ): Promise<PutLeavesResult> {
    signal?.throwIfAborted();
    checkRange(this.ref.leafCount, { start, count: blocks.length });
    const leaves = blocks.map((_, i) => {
      const leaf = this.node(0, start + i);
      if (!leaf) throw new StoreError('LEAF_UNKNOWN', `The leaf ${start + i} was not learned`, { index: start + i });
      return leaf;
    });
    const rejected: number[] = [];
    let stored = 0;
    for (const [i, block] of blocks.entries()) {
      const leaf = leaves[i]!;
      if (block.length > this.ref.blockSize || !equalBytes(sha256(block), leaf)) {
        rejected.push(start + i);
      } else if (!this.has(start + i)) {
        if (block.length > 0) this.#blocks.addReference(leaf, block);
        this.#hold(start + i);
        stored++;
      }
    }
    return { stored, rejected };
  }

  async holdStored(range: LeafRange): Promise<number> {
    checkRange(this.ref.leafCount, range);
    let held = 0;
    for (let i = range.start; i < range.start + range.count; i++) {
      const leaf = this.has(i) ? undefined : this.node(0, i);
      const block = leaf && this.#blocks.get(leaf);
      if (!block) continue;
      this.#blocks.addReference(leaf, block);
      this.#hold(i);
      held++;
    }
    return held;
  }

  async flush(): Promise<void> {}

  read(range: LeafRange, options: AbortOptions = {}): AsyncIterable<LeafBatch> {
    checkRange(this.ref.leafCount, range);
    return readMemory(this.#blocks, this, range, options);
  }

  async readInto(range: LeafRange, target: Uint8Array): Promise<readonly number[]> {
    checkRange(this.ref.leafCount, range);
    return readMemoryInto(this.#blocks, this, range, target);
  }

  get blockSize(): number {
    return this.ref.blockSize;
  }

  async digests(range: LeafRange): Promise<Uint8Array> {
    checkRange(this.ref.leafCount, range);
    const digests = new Uint8Array(range.count * DIGEST_BYTES);
    for (let i = 0; i < range.count; i++) {
      const leaf = this.node(0, range.start + i);
      if (!leaf) throw blockNotFound({ index: range.start + i });
      digests.set(leaf, i * DIGEST_BYTES);
    }
    return digests;
  }

  async prove(range: LeafRange): Promise<ProvedRange> {
    checkRange(this.ref.leafCount, range);
    const proved = provedFromNodes(this.ref, range, (layer, index) => this.node(layer, index));
    if (!proved) throw blockNotFound({ index: range.start });
    return proved;
  }

  /** Becomes complete: the writer stored all blocks, and hands over one reference for each leaf. */
  complete(tree: MerkleTree): void {
    const layers = this.#obtainLayers();
    for (const [i, nodes] of tree.layers.entries()) layers[i]!.set(nodes);
    for (let i = 0; i < tree.leafCount; i++) {
      if (this.has(i)) this.#blocks.dropReference(nodeAt(tree.layers[0]!, i));
      else this.#hold(i);
    }
  }

  /** Forgets everything: the last manifest that named it is gone. */
  clear(): void {
    for (const { start, count } of this.held()) {
      for (let i = start; i < start + count; i++) this.#blocks.dropReference(this.node(0, i)!);
    }
    this.#bitmap.clearAll();
    this.#layers = undefined;
  }

  #hold(index: number): void {
    if (this.#bitmap.set(index)) this.#held.emit({ start: index, count: 1 });
  }

  node(layer: number, index: number): Uint8Array | undefined {
    const nodes = this.#layers?.[layer];
    const node = nodes && nodeAt(nodes, index);
    return node && node.length > 0 && !equalBytes(node, ZERO_NODE) ? node : undefined;
  }

  #obtainLayers(): Uint8Array[] {
    this.#layers ??= layerLengths(this.ref.leafCount).map((length) => new Uint8Array(length * DIGEST_BYTES));
    return this.#layers;
  }
}
