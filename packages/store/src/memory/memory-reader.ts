import { isEmptyDigest, type LeafBatch, type LeafRange, nodeAt } from '@codex/content';
import type { AbortOptions } from '@codex/runtime';
import { blockNotFound } from '../errors.ts';
import type { MemoryBlocks } from './memory-blocks.ts';

/** Blocks of a batch: as many as the disk store reads at once. */
const BATCH_BLOCKS = 16;

/** The dataset or assembly that is read. */
interface MemoryLeaves {
  readonly blockSize: number;
  has(index: number): boolean;
  held(within: LeafRange): Iterable<LeafRange>;
  digests(range: LeafRange): Promise<Uint8Array>;
}

/** See `Dataset.read`. */
export async function* readMemory(
  blocks: MemoryBlocks,
  source: MemoryLeaves,
  range: LeafRange,
  { signal }: AbortOptions,
): AsyncGenerator<LeafBatch> {
  const end = range.start + range.count;
  for (let start = range.start; start < end; start += BATCH_BLOCKS) {
    signal?.throwIfAborted();
    const count = Math.min(BATCH_BLOCKS, end - start);
    const digests = await source.digests({ start, count });
    const views: Uint8Array[] = [];
    for (let i = 0; i < count; i++) {
      const digest = nodeAt(digests, i);
      const block = isEmptyDigest(digest) ? new Uint8Array(0) : blocks.get(digest);
      if (!block || !source.has(start + i)) throw blockNotFound({ index: start + i });
      views.push(block);
    }
    yield { start, count, digests, blocks: views, release: () => {} };
  }
}

/** See `Dataset.readInto`. */
export async function readMemoryInto(
  blocks: MemoryBlocks,
  source: MemoryLeaves,
  range: LeafRange,
  target: Uint8Array,
): Promise<number[]> {
  const { blockSize } = source;
  const missing = new Set(Array.from({ length: range.count }, (_, i) => range.start + i));
  target.fill(0, 0, range.count * blockSize);
  for (const run of [...source.held(range)]) {
    const digests = await source.digests(run);
    for (let i = 0; i < run.count; i++) {
      const digest = nodeAt(digests, i);
      const block = isEmptyDigest(digest) ? new Uint8Array(0) : blocks.get(digest);
      if (!block) continue;
      missing.delete(run.start + i);
      target.set(block, (run.start + i - range.start) * blockSize);
    }
  }
  return [...missing];
}
