import { type Dataset, decodeCid, type LeafRange, type Repository, type TreeCid } from '@codex/content';
import { latin1 } from '../message/message.ts';

export type HeldListener = (dataset: Dataset, range: LeafRange | undefined) => void;

interface Watch {
  readonly cid: TreeCid;
  readonly listeners: Set<HeldListener>;
  dataset: Dataset | undefined;
  off: (() => void) | undefined;
}

/**
 * Tells those who wait for leaves of a tree when they are held, also when the dataset does not exist here yet. One
 * subscription per dataset, however many peers wait.
 */
export class TreeWatches {
  readonly #repository: Repository;
  readonly #watches = new Map<string, Watch>();
  /** Datasets that are being fetched: the repository need not name them before they hold something. */
  readonly #pinned = new Map<string, Dataset>();

  constructor(components: { repository: Repository }) {
    this.#repository = components.repository;
  }

  get size(): number {
    return this.#watches.size;
  }

  /**
   * Calls `listener` for what is held now (without range: look at the dataset) and for what comes. `treeCid` is the
   * binary form. Error: `CID_INVALID`.
   */
  watch(treeCid: Uint8Array, listener: HeldListener): () => void {
    const key = latin1(treeCid);
    let watch = this.#watches.get(key);
    if (!watch) {
      watch = { cid: decodeCid(treeCid) as TreeCid, listeners: new Set(), dataset: undefined, off: undefined };
      this.#watches.set(key, watch);
    }
    const own = watch;
    own.listeners.add(listener);
    if (own.dataset)
      queueMicrotask(() => own.dataset && own.listeners.has(listener) && listener(own.dataset, undefined));
    else void this.#find(own);
    return () => {
      own.listeners.delete(listener);
      if (own.listeners.size > 0) return;
      own.off?.();
      this.#watches.delete(key);
    };
  }

  /** A dataset is being fetched, until the returned function is called. */
  pin(dataset: Dataset): () => void {
    const key = latin1(dataset.ref.treeCid.bytes);
    this.#pinned.set(key, dataset);
    this.adopt(dataset);
    return () => {
      if (this.#pinned.get(key) === dataset) this.#pinned.delete(key);
    };
  }

  /** A dataset was opened or created here. */
  adopt(dataset: Dataset): void {
    const watch = this.#watches.get(latin1(dataset.ref.treeCid.bytes));
    if (watch) this.#attach(watch, dataset);
  }

  /** Looks again for datasets that somebody else may have created meanwhile. */
  async rescan(): Promise<void> {
    for (const watch of [...this.#watches.values()]) if (!watch.dataset) await this.#find(watch);
  }

  close(): void {
    for (const watch of this.#watches.values()) watch.off?.();
    this.#watches.clear();
  }

  async #find(watch: Watch): Promise<void> {
    const pinned = this.#pinned.get(latin1(watch.cid.bytes));
    const dataset = pinned ?? (await this.#repository.findDataset(watch.cid).catch(() => undefined));
    if (dataset && watch.listeners.size > 0) this.#attach(watch, dataset);
  }

  #attach(watch: Watch, dataset: Dataset): void {
    if (watch.dataset === dataset) return;
    watch.off?.();
    watch.dataset = dataset;
    watch.off = dataset.onHeld((range) => {
      for (const listener of watch.listeners) listener(dataset, range);
    });
    for (const listener of watch.listeners) listener(dataset, undefined);
  }
}
