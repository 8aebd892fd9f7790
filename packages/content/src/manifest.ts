import type { TreeCid } from './cid.ts';

/** A decoded manifest (01 §7). */
export interface Manifest {
  readonly treeCid: TreeCid;
  readonly blockSize: number;
  /** Plain: unpadded bytes; protected: blockSize × total blocks. */
  readonly datasetSize: number;
  readonly filename?: string;
  readonly mimetype?: string;
  readonly protection?: Protection;
}

export interface Protection {
  readonly ecK: number;
  readonly ecM: number;
  readonly originalTreeCid: TreeCid;
  readonly originalDatasetSize: number;
  readonly strategy: 0 | 1;
  readonly verification?: Verification;
}

export interface Verification {
  /** Binary CIDs (0xCD05, 0xCD04; identity multihash). */
  readonly verifyRoot: Uint8Array;
  readonly slotRoots: readonly Uint8Array[];
  readonly cellSize: number;
  readonly strategy: number;
}
