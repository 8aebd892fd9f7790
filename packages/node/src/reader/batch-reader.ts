import type { Dataset, LeafBatch } from '@codex/content';
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

/** Leaves read at once for a consumer that was suspended: it is slow, and gets what fits a socket's buffer. */
const SLOW_WINDOW_LEAVES = 4;

/**
 * Reads a part of a dataset in order. Only the leaves that hold it are touched, so seeking costs nothing. The repository
 * reads a bounded distance ahead; batches are views of pooled memory and must be released.
 * Errors: `BLOCK_NOT_FOUND` (data: index), those of the fetcher, and the signal's reason.
 */
export class BatchReader implements AsyncIterableIterator<ByteBatch> {
  readonly #dataset: Dataset;
  readonly #start: number;
  readonly #end: number;
  readonly #endLeaf: number;
  readonly #signal: AbortSignal | undefined;
  readonly #arrival: Arrival | undefined;
  #leaf: number;
  #reading: AsyncIterator<LeafBatch> | undefined;
  #slow = false;
  #corrupt = 0;

  constructor({ dataset, fetcher, range, signal }: ReadInit) {
    const { blockSize, leafCount } = dataset.ref;
    this.#dataset = dataset;
    this.#start = Math.max(0, range.start);
    this.#end = Math.min(range.end, leafCount * blockSize);
    this.#leaf = Math.floor(this.#start / blockSize);
    this.#endLeaf = this.#start < this.#end ? Math.ceil(this.#end / blockSize) : this.#leaf;
    this.#signal = signal;
    const leaves = { start: this.#leaf, count: this.#endLeaf - this.#leaf };
    if (fetcher && leaves.count > 0) this.#arrival = new Arrival(dataset, fetcher, leaves, signal);
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  /** Not to be called again before it has settled. */
  async next(): Promise<IteratorResult<ByteBatch, undefined>> {
    while (this.#leaf < this.#endLeaf) {
      const batch = await this.#read();
      if (!batch) continue;
      this.#leaf = batch.start + batch.count;
      return { done: false, value: cutBatch(batch, this.#dataset.ref.blockSize, this.#start, this.#end) };
    }
    await this.return();
    return { done: true, value: undefined };
  }

  /**
   * Gives back what was read ahead, for a consumer that does not take it: pooled memory is for everybody. Fetching goes
   * on. The next read is a small one.
   */
  async suspend(): Promise<void> {
    this.#slow = true;
    await this.#closeReading();
  }

  /** Ends reading and fetching. */
  async return(): Promise<IteratorResult<ByteBatch, undefined>> {
    this.#leaf = this.#endLeaf;
    this.#arrival?.close();
    await this.#closeReading();
    return { done: true, value: undefined };
  }

  async #read(): Promise<LeafBatch | undefined> {
    try {
      if (!this.#reading) {
        await this.#arrival?.waitFor(this.#leaf);
        const range = { start: this.#leaf, count: this.#window() };
        this.#reading = this.#dataset.read(range, this.#signal ? { signal: this.#signal } : {})[Symbol.asyncIterator]();
      }
      const { done, value } = await this.#reading.next();
      if (done) this.#reading = undefined;
      else this.#corrupt = 0;
      return done ? undefined : value;
    } catch (error) {
      this.#reading = undefined;
      // A corrupt block is no longer held: with a fetcher it comes again.
      if (this.#arrival && isCodexError(error, 'BLOCK_NOT_FOUND') && ++this.#corrupt <= CORRUPT_READS_MAX)
        return undefined;
      await this.return();
      throw error;
    }
  }

  /** Leaves that the next read may cover: while fetching, the run that is held. */
  #window(): number {
    const left = this.#endLeaf - this.#leaf;
    const limit = this.#slow ? Math.min(left, SLOW_WINDOW_LEAVES) : left;
    this.#slow = false;
    if (!this.#arrival) return limit;
    for (const run of this.#dataset.held({ start: this.#leaf, count: limit })) {
      if (run.start === this.#leaf) return run.count;
      break;
    }
    // It vanished since it came: the read says so.
    return 1;
  }

  async #closeReading(): Promise<void> {
    const reading = this.#reading;
    this.#reading = undefined;
    await reading?.return?.();
  }
}

/** A dataset's bytes one piece at a time. A piece is valid until the next one is asked for. */
export async function* readDataset(init: ReadInit): AsyncGenerator<Uint8Array> {
  const reader = new BatchReader(init);
  try {
    for await (const batch of reader) {
      try {
        yield* batch.chunks;
      } finally {
        batch.release();
      }
    }
  } finally {
    await reader.return();
  }
}
