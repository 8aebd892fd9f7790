import type { Cid, Dataset, LeafRange, TreeCid } from '@codex/content';
import type { AbortOptions } from '@codex/runtime';

/** The seam for the DHT. The exchange works without it, with the peers that connect by themselves. */
export interface PeerFinder {
  /** Looks for providers of `cid` and tries to connect them; resolves when it has tried. */
  find(cid: Cid, options?: AbortOptions): Promise<void>;
  /** Tells the network that this node has `cid`. */
  provide(cid: Cid): void;
}

export interface FetchProgress {
  /** Leaves of the asked ranges that are held. */
  readonly held: number;
  /** Leaves of the asked ranges. */
  readonly total: number;
}

export interface FetchDatasetOptions extends AbortOptions {
  /** Default: the whole dataset. Leaves are wanted in the order of the ranges. */
  readonly ranges?: readonly LeafRange[];
  readonly onProgress?: (progress: FetchProgress) => void;
}

/** What connected peers say that they have of a tree that is being fetched. */
export interface LeafOffers {
  has(leaf: number): boolean;
  /** They say all that they have. Those of 1.0.0 tell only what they are asked about, and that is what is wanted first. */
  readonly isAll: boolean;
}

/** Brings blocks from peers; `Exchange` implements it. */
export interface BlockFetcher {
  /**
   * A manifest or stand-alone block by CID: from the repository, else from peers, verified and then stored.
   * Errors: `BLOCK_NOT_FOUND` when nobody had it until `findDeadlineMs`; `MANIFEST_INVALID` when the bytes of this id are
   * no manifest, which is no peer's fault.
   */
  fetchBlock(cid: Cid, options?: AbortOptions): Promise<Uint8Array>;
  /**
   * Brings all blocks of the ranges into the local dataset; resolves when they are held. Concurrent fetches of one
   * dataset share their work. Errors: `BLOCK_NOT_FOUND` after `findDeadlineMs` without progress, `RANGE_INVALID`,
   * and what `Dataset.putLeaves` throws.
   */
  fetchDataset(dataset: Dataset, options?: FetchDatasetOptions): Promise<void>;
  /** Moves the front of what is fetched first to the leaf `index`: for a reader that seeks. */
  focus(treeCid: TreeCid, index: number): void;
}
