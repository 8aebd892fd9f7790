import type { Slab, SlabPool } from '@codex/compute';
import { isEmptyDigest, type LeafBatch, type LeafRange, nodeAt } from '@codex/content';
import { type AbortOptions, Semaphore } from '@codex/runtime';
import { blockNotFound } from '../errors.ts';
import type { BlockReader } from './block-reader.ts';

/** Batches that are read ahead of the consumer: 4 MiB of default slabs, some 10 ms of a fast disk. */
const READ_AHEAD_BATCHES = 4;

/** Blocks of a batch at most, however small they are. */
const BATCH_BLOCKS_MAX = 64;

/**
 * Readers together use at most half of the slabs: a consumer that copies one dataset into another must find a slab to
 * write with while it holds one that it reads from.
 */
export class LeafReader {
  readonly slabs: SlabPool;
  readonly blocks: BlockReader;
  readonly budget: Semaphore;

  constructor(components: { slabs: SlabPool; blocks: BlockReader }) {
    this.slabs = components.slabs;
    this.blocks = components.blocks;
    this.budget = new Semaphore(Math.max(1, Math.floor(components.slabs.limit / 2)));
  }

  /** True when a slab can be had without waiting, and without taking it from somebody who needs one more. */
  get hasRoom(): boolean {
    return this.budget.waiting === 0 && this.budget.used < Math.max(1, Math.floor(this.slabs.limit / 2));
  }

  async acquire(options: AbortOptions): Promise<Slab> {
    const release = await this.budget.acquire(options);
    try {
      const slab = await this.slabs.acquire(options);
      return {
        bytes: slab.bytes,
        retain: () => slab.retain(),
        release: () => {
          slab.release();
          release();
        },
      };
    } catch (error) {
      release();
      throw error;
    }
  }
}

/** The dataset or assembly that is read. */
export interface LeafSource {
  readonly blockSize: number;
  digests(range: LeafRange): Uint8Array;
  has(index: number): boolean;
  held(within: LeafRange): Iterable<LeafRange>;
  /** Told of a leaf whose block turned out to be missing. */
  lost(index: number): Promise<void>;
}

/** Reads leaves in order, several batches ahead (see `Dataset.read`). */
export async function* readLeaves(
  reader: LeafReader,
  source: LeafSource,
  range: LeafRange,
  options: AbortOptions,
): AsyncGenerator<LeafBatch> {
  const { blockSize } = source;
  const perBatch = batchBlocks(reader, blockSize);
  const end = range.start + range.count;
  let next = range.start;
  const ahead: Promise<LeafBatch>[] = [];
  const begin = () => {
    // Batches end where those of an upload did, so that each is one long read.
    const count = Math.min(perBatch - (next % perBatch), end - next);
    const batch = readBatch(reader, source, { start: next, count }, options);
    batch.catch(() => {});
    ahead.push(batch);
    next += count;
  };
  try {
    while (next < end || ahead.length > 0) {
      options.signal?.throwIfAborted();
      if (ahead.length === 0) begin();
      while (next < end && ahead.length < READ_AHEAD_BATCHES && reader.hasRoom) begin();
      const batch = await ahead[0]!;
      ahead.shift();
      yield batch;
    }
  } finally {
    for (const batch of ahead) {
      batch.then(
        ({ release }) => release(),
        () => {},
      );
    }
  }
}

function batchBlocks(reader: LeafReader, blockSize: number): number {
  return Math.min(BATCH_BLOCKS_MAX, Math.max(1, Math.floor(reader.slabs.slabBytes / blockSize)));
}

/** Reads leaves into memory of the caller (see `Dataset.readInto`). */
export async function readLeavesInto(
  reader: LeafReader,
  source: LeafSource,
  range: LeafRange,
  target: Uint8Array,
  options: AbortOptions,
): Promise<number[]> {
  const { blockSize } = source;
  const perBatch = batchBlocks(reader, blockSize);
  const missing: number[] = [];
  let next = range.start;
  const skipTo = (index: number) => {
    for (; next < index; next++) missing.push(next);
  };
  for (const run of [...source.held(range)]) {
    skipTo(run.start);
    for (const end = run.start + run.count; next < end; ) {
      options.signal?.throwIfAborted();
      const count = Math.min(perBatch, end - next);
      const view = target.subarray((next - range.start) * blockSize, (next - range.start + count) * blockSize);
      const digests = source.digests({ start: next, count });
      const blocks = await reader.blocks.read(digests, count, view, blockSize, options.signal);
      for (const [i, block] of blocks.entries()) {
        if (block) view.fill(0, i * blockSize + block.length, (i + 1) * blockSize);
        else missing.push(next + i);
      }
      next += count;
    }
  }
  skipTo(range.start + range.count);
  for (const index of missing) if (source.has(index)) await source.lost(index);
  return missing;
}

async function readBatch(
  reader: LeafReader,
  source: LeafSource,
  range: LeafRange,
  options: AbortOptions,
): Promise<LeafBatch> {
  const { start, count } = range;
  const { blockSize } = source;
  const digests = source.digests(range);
  for (let i = 0; i < count; i++) {
    if (!source.has(start + i) && !isEmptyDigest(nodeAt(digests, i))) throw blockNotFound({ index: start + i });
  }
  const slab = await reader.acquire(options);
  let held = true;
  const release = () => {
    if (held) slab.release();
    held = false;
  };
  try {
    const blocks = await reader.blocks.read(digests, count, slab.bytes, blockSize, options.signal);
    const missing = blocks.flatMap((block, i) => (block ? [] : [start + i]));
    for (const index of missing) await source.lost(index);
    if (missing[0] !== undefined) throw blockNotFound({ index: missing[0] });
    return { start, count, digests, blocks: blocks as Uint8Array[], release };
  } catch (error) {
    release();
    throw error;
  }
}
