import { type Dataset, type LeafBatch, type Manifest, originalSize } from '@codex/content';
import type { ErasureProgress, Geometry, Restorations, SharedRestoration } from '@codex/erasure';
import { isCodexError } from '@codex/runtime';
import { BatchReader, type ByteBatch, cutBatch } from '../reader/index.ts';
import type { LeafSupply } from './leaf-supply.ts';

export interface ProtectedReadInit {
  /** Of a protected dataset. */
  readonly manifest: Manifest;
  readonly geometry: Geometry;
  readonly dataset: Dataset;
  /** Bytes `start` … `end` − 1 of the original file. */
  readonly range: { readonly start: number; readonly end: number };
  /** For restoring. Whoever shares the restoration uses it as well, so it is there for local readers, too. */
  readonly supply: LeafSupply;
  /** Reads what is here; the caller has seen that it suffices. */
  readonly isLocal: boolean;
  readonly signal: AbortSignal;
  /** Called while the end of the file is checked, which takes a while in large ones. */
  readonly onProgress?: (progress: ErasureProgress) => void;
}

/** Reads in a row that may end at a block which turned out to be corrupt, or with peers showing up too late. */
const FRUITLESS_READS_MAX = 3;

/** Leaves read at once for a consumer that was suspended: it is slow. */
const SLOW_WINDOW_LEAVES = 4;

/**
 * Reads the original bytes of a protected dataset in order: data rows as they are, like any dataset, until a block is lost;
 * from there on what is missing is restored, in the order of the reader. A file that was read from its beginning to its
 * end is checked against its own root before its last bytes are given away, if anything was restored.
 * Errors: `ERASURE_TOO_MANY_LOSSES`, `ERASURE_TREE_MISMATCH`, those of the fetcher, and the signal's reason.
 */
export class ProtectedReader {
  readonly #restorations: Restorations;
  readonly #init: ProtectedReadInit;
  readonly #endLeaf: number;
  readonly #closing = new AbortController();
  readonly #signal: AbortSignal;
  /** While nothing is lost. */
  #plain: BatchReader | undefined;
  #leaf: number;
  #share: SharedRestoration | undefined;
  #reading: AsyncIterator<LeafBatch> | undefined;
  #slow = false;
  #fruitless = 0;

  constructor(components: { readonly restorations: Restorations }, init: ProtectedReadInit) {
    const { dataset, geometry, isLocal, range, supply } = init;
    const { blockSize } = geometry;
    this.#restorations = components.restorations;
    this.#init = init;
    this.#signal = AbortSignal.any([init.signal, this.#closing.signal]);
    this.#leaf = Math.floor(range.start / blockSize);
    this.#endLeaf = range.start < range.end ? Math.ceil(range.end / blockSize) : this.#leaf;
    if (!isLocal) supply.readAhead({ start: this.#leaf, count: this.#endLeaf - this.#leaf }, this.#signal);
    this.#plain = new BatchReader({ dataset, range, signal: this.#signal, ...(!isLocal && { fetcher: supply }) });
  }

  /** Not to be called again before it has settled. */
  async next(): Promise<IteratorResult<ByteBatch, undefined>> {
    if (this.#plain) {
      try {
        const next = await this.#plain.next();
        if (!next.done) {
          this.#leaf = Math.ceil((next.value.offset + next.value.byteLength) / this.#init.geometry.blockSize);
          return next;
        }
        await this.return();
        return next;
      } catch (error) {
        if (!isCodexError(error, 'BLOCK_NOT_FOUND') || this.#signal.aborted) {
          await this.return();
          throw error;
        }
        this.#plain = undefined;
      }
    }
    try {
      const batch = await this.#restored();
      if (batch) return { done: false, value: batch };
    } catch (error) {
      await this.#close(error);
      throw error;
    }
    await this.return();
    return { done: true, value: undefined };
  }

  /** Gives back what was read ahead; the next read is a small one. */
  async suspend(): Promise<void> {
    await this.#plain?.suspend();
    this.#slow = true;
    await this.#stopReading();
  }

  async return(): Promise<IteratorResult<ByteBatch, undefined>> {
    await this.#close();
    return { done: true, value: undefined };
  }

  async #restored(): Promise<ByteBatch | undefined> {
    const { blockSize } = this.#init.geometry;
    const { start, end } = this.#init.range;
    while (this.#leaf < this.#endLeaf) {
      const batch = await this.#read();
      if (!batch) continue;
      const next = batch.start + batch.count;
      try {
        if (next >= this.#endLeaf) await this.#check();
      } catch (error) {
        batch.release();
        throw error;
      }
      this.#leaf = next;
      return cutBatch(batch, blockSize, start, end);
    }
    return undefined;
  }

  async #read(): Promise<LeafBatch | undefined> {
    try {
      this.#share ??= await this.#open();
      if (!this.#reading) {
        const left = this.#endLeaf - this.#leaf;
        const count = this.#slow ? Math.min(left, SLOW_WINDOW_LEAVES) : left;
        this.#slow = false;
        const range = { start: this.#leaf, count };
        this.#reading = this.#share.restoration.read(range, { signal: this.#signal })[Symbol.asyncIterator]();
      }
      const { done, value } = await this.#reading.next();
      if (done) this.#reading = undefined;
      else this.#fruitless = 0;
      return done ? undefined : value;
    } catch (error) {
      this.#reading = undefined;
      if (this.#signal.aborted || !this.#mayGoOn(error) || ++this.#fruitless > FRUITLESS_READS_MAX) throw error;
      await this.#share?.release();
      this.#share = undefined;
      return undefined;
    }
  }

  #mayGoOn(error: unknown): boolean {
    // Found corrupt, so it is no longer held: what is opened now knows that it must be restored.
    if (isCodexError(error, 'BLOCK_NOT_FOUND')) return true;
    const { isLocal, supply } = this.#init;
    const column = isCodexError(error, 'ERASURE_TOO_MANY_LOSSES') ? error.data?.column : undefined;
    return typeof column === 'number' && !isLocal && supply.isCovered(column);
  }

  #open(): Promise<SharedRestoration> {
    const { manifest, supply } = this.#init;
    return this.#restorations.open(manifest, { fetch: supply.fetch });
  }

  /** Whoever made the parity may have lied: only the root of the whole file tells. */
  async #check(): Promise<void> {
    const { range, manifest, onProgress } = this.#init;
    if (range.start > 0 || range.end < originalSize(manifest)) return;
    await this.#share?.restoration.finish({ signal: this.#signal, ...(onProgress && { onProgress }) });
  }

  async #close(failure?: unknown): Promise<void> {
    this.#leaf = this.#endLeaf;
    // Asked before: ending it is no reason to keep what failed.
    const { aborted } = this.#signal;
    this.#closing.abort();
    await this.#plain?.return();
    await this.#stopReading();
    const share = this.#share;
    this.#share = undefined;
    await share?.release(failure, aborted ? { signal: this.#signal } : {});
  }

  async #stopReading(): Promise<void> {
    const reading = this.#reading;
    this.#reading = undefined;
    await reading?.return?.();
  }
}
