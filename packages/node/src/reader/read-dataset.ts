import type { Dataset, LeafBatch, LeafRange } from '@codex/content';
import { isCodexError } from '@codex/runtime';
import { Arrival, type DatasetFetcher } from './arrival.ts';
import { type ByteBatch, cutBatch } from './byte-batch.ts';

export interface ReadInit {
  readonly dataset: Dataset;
  /** Brings what is missing; without it a missing block ends the read. */
  readonly fetcher?: DatasetFetcher | undefined;
  /** Bytes `start` … `end` − 1 of the unpadded data; the caller knows its size from the manifest. */
  readonly range: { readonly start: number; readonly end: number };
  readonly signal?: AbortSignal | undefined;
}

/** Attempts at a block that is fetched, stored, and then found corrupt when it is read. */
const CORRUPT_READS_MAX = 3;

/**
 * Reads a part of a dataset in order. Only the leaves that hold it are touched, so seeking costs nothing. The repository
 * reads a bounded distance ahead; batches are pooled memory and must be released.
 * Errors: `BLOCK_NOT_FOUND` (data: index), those of the fetcher, and the signal's reason.
 */
export async function* readBatches(init: ReadInit): AsyncGenerator<ByteBatch> {
  const { dataset, fetcher, range, signal } = init;
  const { blockSize, leafCount } = dataset.ref;
  const start = Math.max(0, range.start);
  const end = Math.min(range.end, leafCount * blockSize);
  if (start >= end) return;
  const first = Math.floor(start / blockSize);
  const leaves: LeafRange = { start: first, count: Math.ceil(end / blockSize) - first };
  const batches = fetcher
    ? readWhileFetching(dataset, fetcher, leaves, signal)
    : dataset.read(leaves, signal ? { signal } : {});
  for await (const batch of batches) yield cutBatch(batch, blockSize, start, end);
}

/** Reads runs of held blocks as they grow. A block that turns out to be corrupt is fetched again. */
async function* readWhileFetching(
  dataset: Dataset,
  fetcher: DatasetFetcher,
  leaves: LeafRange,
  signal: AbortSignal | undefined,
): AsyncGenerator<LeafBatch> {
  const end = leaves.start + leaves.count;
  const arrival = new Arrival(dataset, fetcher, leaves, signal);
  let at = leaves.start;
  let corrupt = 0;
  try {
    while (at < end) {
      await arrival.waitFor(at);
      const count = firstRun(dataset, { start: at, count: end - at });
      try {
        for await (const batch of dataset.read({ start: at, count }, signal ? { signal } : {})) {
          at = batch.start + batch.count;
          corrupt = 0;
          yield batch;
        }
      } catch (error) {
        if (!isCodexError(error, 'BLOCK_NOT_FOUND') || ++corrupt > CORRUPT_READS_MAX) throw error;
      }
    }
  } finally {
    arrival.close();
  }
}

/** Length of the run of held blocks at the beginning of `range`; at least 1, so that a vanished block fails the read. */
function firstRun(dataset: Dataset, range: LeafRange): number {
  for (const run of dataset.held(range)) return run.start === range.start ? run.count : 1;
  return 1;
}

/** Like `readBatches`, one piece at a time. A piece is valid until the next one is asked for. */
export async function* readDataset(init: ReadInit): AsyncGenerator<Uint8Array> {
  for await (const batch of readBatches(init)) {
    try {
      yield* batch.chunks;
    } finally {
      batch.release();
    }
  }
}
