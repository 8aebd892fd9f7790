import type { AbortOptions } from '@codex/runtime';
import type { BlockCid, Cid, ManifestCid, TreeCid } from './cid.ts';
import type { Manifest } from './manifest.ts';
import type { ProvedRange } from './range-proof.ts';

/** Consecutive leaves of one tree. */
export interface LeafRange {
  readonly start: number;
  readonly count: number;
}

/** What must be known of a dataset before a single block of it can be checked. */
export interface DatasetRef {
  readonly treeCid: TreeCid;
  /** Number of leaves, 1 or more. */
  readonly leafCount: number;
  /** Bytes; no block of the dataset is longer. */
  readonly blockSize: number;
}

/** Blocks of consecutive leaves, as views of pooled memory. */
export interface LeafBatch extends LeafRange {
  /** count × 32 bytes. */
  readonly digests: Uint8Array;
  /**
   * The stored bytes of each block, in order. The block of the empty CID (01 §4) has length 0 and stands for
   * `blockSize` zeros.
   */
  readonly blocks: readonly Uint8Array[];
  /** Gives the memory back; the views must not be used afterwards. */
  release(): void;
}

export interface PutLeavesResult {
  /** Blocks that are now held and were not before. */
  readonly stored: number;
  /** Indices whose bytes did not hash to their leaf: not stored. */
  readonly rejected: readonly number[];
}

/**
 * A dataset in the local store, whole or in part. Handles are shared: two opens of one tree give the same object.
 * Nothing that does not hash to its proved leaf can get in, whoever calls.
 */
export interface Dataset {
  readonly ref: DatasetRef;
  /** Leaves whose blocks are held. */
  readonly heldCount: number;
  has(index: number): boolean;
  /** The gaps inside `within` (default: everything), in order, as maximal runs. */
  missing(within?: LeafRange): Iterable<LeafRange>;
  /** The runs that are held inside `within`, in order. */
  held(within?: LeafRange): Iterable<LeafRange>;
  /** Calls `listener` after blocks became readable; returns its removal. */
  onHeld(listener: (range: LeafRange) => void): () => void;

  /** Keeps proved nodes of the tree, so that their blocks can be put and proofs be served. */
  learn(proved: ProvedRange): Promise<void>;
  /** True when the digests of all leaves of the range are known (learned or held). */
  knows(range: LeafRange): Promise<boolean>;
  /**
   * Hashes `blocks` (off the main thread) against the known leaves and stores those that match. Resolves when they are
   * readable; `flush` makes them durable. The caller may reuse the memory afterwards.
   * Errors: `QUOTA_EXCEEDED`, `DISK_FULL`, `LEAF_UNKNOWN` when a digest was not learned.
   */
  putLeaves(start: number, blocks: readonly Uint8Array[], options?: AbortOptions): Promise<PutLeavesResult>;
  /**
   * Holds those leaves of the range whose digests are known and whose blocks the store has already, for whatever reason they
   * came: nothing is read or hashed. Returns how many are held now and were not before.
   */
  holdStored(range: LeafRange): Promise<number>;
  /** Resolves when everything put so far survives a power loss. */
  flush(): Promise<void>;

  /**
   * Reads held blocks in order, verified, several at a time and ahead of the consumer. A block that is missing or
   * corrupt ends the stream with `BLOCK_NOT_FOUND` (data: index); a corrupt one is no longer held afterwards.
   */
  read(range: LeafRange, options?: AbortOptions): AsyncIterable<LeafBatch>;
  /**
   * Reads a range into `target` (count × blockSize bytes, best of shared memory): each block at its multiple of `blockSize`,
   * short and empty ones filled up with zeros. Returns the indices that are missing or turned out to be corrupt; what stands
   * in their places is undefined.
   */
  readInto(range: LeafRange, target: Uint8Array, options?: AbortOptions): Promise<readonly number[]>;
  /** count × 32 bytes; `BLOCK_NOT_FOUND` when one is unknown. */
  digests(range: LeafRange): Promise<Uint8Array>;
  /** A node of the tree as far as it is known (a proved one); layer 0 holds the leaves. */
  node(layer: number, index: number): Uint8Array | undefined;
  /**
   * The siblings that prove the range (see `range-proof.ts`); for one leaf they make its inclusion proof.
   * `BLOCK_NOT_FOUND` when a node is unknown.
   */
  prove(range: LeafRange): Promise<ProvedRange>;
}

/** Stores one new dataset, block by block in order; its root is known at the end only. */
export interface DatasetWriter {
  readonly blockSize: number;
  /** Unpadded bytes appended so far. */
  readonly bytesWritten: number;
  /**
   * Appends bytes of any length, cutting and padding blocks. Resolves when more may be appended (back-pressure); the
   * caller may reuse `bytes` then. Errors: `QUOTA_EXCEEDED`, `DISK_FULL`; the writer is then aborted.
   */
  append(bytes: Uint8Array): Promise<void>;
  /**
   * Ends the dataset: pads the last block, computes the root and stores manifest and dataset in one step, durable when
   * it resolves. Error: `EMPTY_DATASET` when nothing was appended.
   */
  finish(
    describe: (tree: { treeCid: TreeCid; leafCount: number; datasetSize: number }) => Manifest,
  ): Promise<ManifestCid>;
  /** Forgets everything that was appended. Harmless after `finish`. */
  abort(): Promise<void>;
}

/**
 * A new dataset whose leaves come in any order, as blocks or by reference, and whose root is known at the end only. It is
 * found again under its key, also after a crash, until it is ended or nobody touched it for a long time. Nobody can open
 * it as a dataset before.
 */
export interface DatasetAssembly {
  readonly blockSize: number;
  readonly leafCount: number;
  /** Leaves that are there. */
  readonly heldCount: number;
  has(index: number): boolean;
  missing(within?: LeafRange): Iterable<LeafRange>;
  held(within?: LeafRange): Iterable<LeafRange>;
  /**
   * Stores blocks at consecutive leaves; their digests are computed here. A leaf that is there already stays as it is. Readable when
   * it resolves, durable soon after. `blocks` must not change until then; blocks that stand side by side in shared memory
   * are not copied. Errors: `QUOTA_EXCEEDED`, `DISK_FULL`, `BLOCK_SIZE_INVALID`.
   */
  putLeaves(start: number, blocks: readonly Uint8Array[], options?: AbortOptions): Promise<void>;
  /**
   * Takes leaves (n × 32 bytes of digests) by reference: their blocks must be in the store, or be the empty block.
   * Error: `BLOCK_NOT_FOUND` (data: index); leaves before it may have been taken.
   */
  refer(start: number, digests: Uint8Array, options?: AbortOptions): Promise<void>;
  /** count × 32 bytes; `BLOCK_NOT_FOUND` when a leaf is not there. */
  digests(range: LeafRange): Promise<Uint8Array>;
  /** See `Dataset.read`. Reading goes on when the assembly has become a dataset. */
  read(range: LeafRange, options?: AbortOptions): AsyncIterable<LeafBatch>;
  /** See `Dataset.readInto`. */
  readInto(range: LeafRange, target: Uint8Array, options?: AbortOptions): Promise<readonly number[]>;
  /**
   * Computes the root and stores manifest and dataset in one step, durable when it resolves; `describe` may read the leaves.
   * The assembly stays as it is when this fails. Errors: `BLOCK_NOT_FOUND` when a leaf is missing, `DATASET_MISMATCH`.
   */
  finish(
    describe: (tree: { treeCid: TreeCid; leafCount: number }) => Manifest | Promise<Manifest>,
    options?: AbortOptions,
  ): Promise<ManifestCid>;
  /** Computes the root and becomes the dataset of `ref`, durably, if it is that one's; else `DATASET_MISMATCH`. */
  become(ref: DatasetRef, options?: AbortOptions): Promise<Dataset>;
  /** Lets go of it; what is there is kept for the next one who asks for the key. Harmless after an end. */
  close(): Promise<void>;
  /** Forgets everything. Harmless after an end. */
  abort(): Promise<void>;
}

export interface StoredManifest {
  readonly cid: ManifestCid;
  readonly manifest: Manifest;
  /** Unix time in ms after which the dataset may be deleted; Infinity = never. */
  readonly expiry: number;
}

export interface SpaceUsage {
  /** Data blocks and manifests. */
  readonly totalBlocks: number;
  readonly quotaMaxBytes: number;
  readonly quotaUsedBytes: number;
  readonly quotaReservedBytes: number;
}

export interface PutOptions extends AbortOptions {
  /** Unix time in ms; default: now + the store's TTL. An existing later expiry is kept. */
  readonly expiry?: number;
}

/** The local repository as its users see it; `@codex/store` implements it on disk. */
export interface Repository {
  /** The verified bytes of a manifest or block by CID, or undefined. The empty block has length 0. */
  getBlock(cid: Cid): Promise<Uint8Array | undefined>;
  hasBlock(cid: Cid): Promise<boolean>;
  /**
   * Stores a block by CID, durable when it resolves. A manifest is decoded, listed, and holds a reference on its
   * dataset, which starts empty. Errors: `BLOCK_MISMATCH`, `QUOTA_EXCEEDED`, `DISK_FULL`, `MANIFEST_INVALID`.
   */
  putBlock(cid: Cid, bytes: Uint8Array, options?: PutOptions): Promise<void>;
  /**
   * Deletes a block, or with a manifest CID the dataset that it names, as far as nothing else refers to it.
   * Resolves to false when it was not there. Error: `BLOCK_IN_USE` for a block that belongs to a dataset.
   */
  delete(cid: Cid): Promise<boolean>;
  /** All local manifests, a page at a time, without loading them all. */
  manifests(): AsyncIterable<StoredManifest>;

  /** Opens a dataset for reading and filling; creates an empty one that lives as long as a manifest refers to it or it is open. */
  openDataset(ref: DatasetRef): Promise<Dataset>;
  /** The dataset of a tree that is (in part) held, or undefined. */
  findDataset(treeCid: TreeCid): Promise<Dataset | undefined>;
  createDataset(init: { readonly blockSize: number; readonly expiry?: number }): DatasetWriter;
  /**
   * Begins an assembly, or goes on with the one of this key (any text). Errors: `ASSEMBLY_BUSY` while somebody else has it,
   * `DATASET_MISMATCH` when the key belongs to one of another shape.
   */
  assembleDataset(
    key: string,
    init: { readonly blockSize: number; readonly leafCount: number; readonly expiry?: number },
  ): Promise<DatasetAssembly>;

  /** Raises the expiry of a block or, by manifest or tree CID, of a whole dataset with its manifests; never lowers it. */
  ensureExpiry(cid: BlockCid | ManifestCid | TreeCid, expiry: number): Promise<void>;
  /** Sets quota aside for a sale. Error: `QUOTA_EXCEEDED`. */
  reserve(bytes: number): Promise<void>;
  /** Gives reserved quota back. Error: `RESERVATION_UNDERFLOW`. */
  release(bytes: number): Promise<void>;
  usage(): SpaceUsage;
  /** Called after a manifest was stored: the advertiser's hook. */
  onManifest(listener: (manifest: StoredManifest) => void): () => void;
}
