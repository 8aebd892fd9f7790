import type { Dataset, LeafRange, TreeCid } from '@codex/content';
import { CodexError } from '@codex/runtime';

/** What a reader needs of the exchange. */
export interface DatasetFetcher {
  fetchDataset(
    dataset: Dataset,
    options?: { readonly signal?: AbortSignal | undefined; readonly ranges?: readonly LeafRange[] },
  ): Promise<void>;
  /** Tells which leaf is waited for, in case somebody else's fetch of the dataset is somewhere else. */
  focus?(treeCid: TreeCid, index: number): void;
}

/**
 * Fetches in a row that may end without the block that is waited for. A fetch promises all its blocks, so this happens
 * only when one was evicted or found corrupt after it had come.
 */
const FRUITLESS_FETCHES_MAX = 3;

/** Runs a fetch beside a reader, and lets the reader wait for single blocks. */
export class Arrival {
  readonly #dataset: Dataset;
  readonly #fetcher: DatasetFetcher;
  readonly #end: number;
  readonly #stop = new AbortController();
  readonly #signal: AbortSignal;
  #fetch: Promise<void> | undefined;
  #fruitless = 0;

  constructor(dataset: Dataset, fetcher: DatasetFetcher, range: LeafRange, signal?: AbortSignal) {
    this.#dataset = dataset;
    this.#fetcher = fetcher;
    this.#end = range.start + range.count;
    this.#signal = signal ? AbortSignal.any([signal, this.#stop.signal]) : this.#stop.signal;
    for (const _gap of dataset.missing(range)) {
      this.#start(range.start);
      break;
    }
  }

  /** Resolves when the block is held; rejects with the error of the fetch. */
  async waitFor(index: number): Promise<void> {
    while (!this.#dataset.has(index)) {
      if (!this.#fetch) {
        if (++this.#fruitless > FRUITLESS_FETCHES_MAX) {
          throw new CodexError('BLOCK_NOT_FOUND', `Block ${index} does not stay`, { index });
        }
        this.#start(index);
      }
      this.#fetcher.focus?.(this.#dataset.ref.treeCid, index);
      await this.#heldOrOver(index);
    }
    this.#fruitless = 0;
  }

  /** Ends the fetch. */
  close(): void {
    this.#stop.abort();
  }

  #start(first: number): void {
    this.#signal.throwIfAborted();
    const ranges = [{ start: first, count: this.#end - first }];
    const fetch = this.#fetcher.fetchDataset(this.#dataset, { ranges, signal: this.#signal });
    this.#fetch = fetch;
    fetch.then(
      () => {
        if (this.#fetch === fetch) this.#fetch = undefined;
      },
      // A failed fetch stays, so that it fails the reader when (and only when) it comes to what is missing.
      () => {},
    );
  }

  #heldOrOver(index: number): Promise<void> {
    return new Promise((resolve, reject) => {
      const over = () => {
        stopListening();
        this.#signal.removeEventListener('abort', onAbort);
      };
      const onAbort = () => {
        over();
        reject(this.#signal.reason);
      };
      const stopListening = this.#dataset.onHeld(() => {
        if (!this.#dataset.has(index)) return;
        over();
        resolve();
      });
      this.#signal.addEventListener('abort', onAbort, { once: true });
      this.#fetch!.finally(over).then(resolve, reject);
      if (this.#signal.aborted) onAbort();
      else if (this.#dataset.has(index)) {
        over();
        resolve();
      }
    });
  }
}
