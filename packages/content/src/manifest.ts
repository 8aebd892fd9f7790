import type { ManifestCid, TreeCid } from './cid.ts';
import { formatCid, manifestCid } from './cid.ts';
import type { DatasetRef } from './dataset.ts';
import { sha256 } from './hash.ts';

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

/** Blocks of the dataset: ceil(datasetSize / blockSize). */
export function blockCount(manifest: Manifest): number {
  return Math.ceil(manifest.datasetSize / manifest.blockSize);
}

/** What is needed to fetch and check the blocks of the manifest's tree. */
export function datasetRef(manifest: Manifest): DatasetRef {
  return { treeCid: manifest.treeCid, leafCount: blockCount(manifest), blockSize: manifest.blockSize };
}

/** Bytes of the file that was uploaded, without padding and parity. */
export function originalSize(manifest: Manifest): number {
  return manifest.protection?.originalDatasetSize ?? manifest.datasetSize;
}

/** The plain manifest from which a protected one was made (02 §1); a plain one itself. */
export function originalManifest(manifest: Manifest): Manifest {
  const { protection, ...rest } = manifest;
  if (!protection) return manifest;
  return { ...rest, treeCid: protection.originalTreeCid, datasetSize: protection.originalDatasetSize };
}

/** The id of encoded manifest bytes. Of a received manifest, the id covers the bytes as they came: keep them. */
export function manifestCidOf(bytes: Uint8Array): ManifestCid {
  return manifestCid(sha256(bytes));
}

/** The REST form (01 §7). */
export interface ManifestJson {
  readonly treeCid: string;
  readonly datasetSize: number;
  readonly blockSize: number;
  readonly filename: string | null;
  readonly mimetype: string | null;
  readonly protected: boolean;
  /** Present when protected. */
  readonly verifiable?: boolean;
}

export function manifestJson(manifest: Manifest): ManifestJson {
  return {
    treeCid: formatCid(manifest.treeCid),
    datasetSize: manifest.datasetSize,
    blockSize: manifest.blockSize,
    filename: manifest.filename ?? null,
    mimetype: manifest.mimetype ?? null,
    protected: manifest.protection !== undefined,
    ...(manifest.protection && { verifiable: manifest.protection.verification !== undefined }),
  };
}
