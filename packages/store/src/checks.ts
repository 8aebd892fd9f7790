import {
  blockCount,
  type Cid,
  type DatasetRef,
  digestOf,
  equalBytes,
  type LeafRange,
  layerLengths,
  MAX_BLOCK_SIZE_BYTES,
  type Manifest,
  type ProvedRange,
  type TreeCid,
} from '@codex/content';
import { StoreError } from './errors.ts';

/** Refuses ranges outside the tree. Error: `RANGE_INVALID`. */
export function checkRange(leafCount: number, { start, count }: LeafRange): void {
  const sane = Number.isSafeInteger(start) && Number.isSafeInteger(count) && start >= 0 && count >= 0;
  if (!sane || start + count > leafCount) {
    throw new StoreError('RANGE_INVALID', `No leaves ${start} + ${count} in a tree of ${leafCount}`, {
      start,
      count,
      leafCount,
    });
  }
}

/** Refuses block sizes that no slab holds. Error: `BLOCK_SIZE_INVALID`. */
export function checkBlockSize(blockSize: number): void {
  if (!Number.isSafeInteger(blockSize) || blockSize < 1 || blockSize > MAX_BLOCK_SIZE_BYTES) {
    throw new StoreError('BLOCK_SIZE_INVALID', `A block cannot have ${blockSize} bytes`, {
      bytes: blockSize,
      maxBytes: MAX_BLOCK_SIZE_BYTES,
    });
  }
}

/** Refuses what is no time. `Infinity` = never. Error: `EXPIRY_INVALID` (03 §4). */
export function checkExpiry(expiry: number): number {
  if (!(expiry > 0)) throw new StoreError('EXPIRY_INVALID', `Not an expiry: ${expiry}`, { expiry });
  return expiry;
}

/** The expiry of something put now; a TTL of 0 means never (03, Do better). Unix time in ms. */
export function defaultExpiry(nowMs: number, ttlMs: number): number {
  return ttlMs === 0 ? Number.POSITIVE_INFINITY : nowMs + ttlMs;
}

/** Refuses references that no tree can have. Errors: `BLOCK_SIZE_INVALID`, `TREE_INVALID`. */
export function checkRef(ref: DatasetRef): void {
  checkBlockSize(ref.blockSize);
  layerLengths(ref.leafCount);
}

/** Refuses a proof of another tree. Error: `DATASET_MISMATCH`. */
export function checkProved(ref: DatasetRef, proved: ProvedRange): void {
  const root = proved.runs.at(-1)?.nodes;
  if (proved.leafCount !== ref.leafCount || !root || !equalBytes(root, digestOf(ref.treeCid))) {
    throw new StoreError('DATASET_MISMATCH', 'The proof is about another tree', { leafCount: proved.leafCount });
  }
}

/** Refuses a manifest that does not describe the tree that was written. Error: `DATASET_MISMATCH`. */
export function checkDescribed(manifest: Manifest, tree: DatasetRef): void {
  checkSameTree({ treeCid: manifest.treeCid, leafCount: blockCount(manifest), blockSize: manifest.blockSize }, tree);
}

/** Refuses a tree that is not the one that was written. Error: `DATASET_MISMATCH`. */
export function checkSameTree(ref: DatasetRef, tree: DatasetRef): void {
  const same =
    sameCid(ref.treeCid, tree.treeCid) && ref.blockSize === tree.blockSize && ref.leafCount === tree.leafCount;
  if (!same) throw new StoreError('DATASET_MISMATCH', 'The dataset that was written is not the one that was described');
}

function sameCid(a: Cid, b: Cid): boolean {
  return a.code === b.code && equalBytes(digestOf(a), digestOf(b));
}

/** The trees that a manifest keeps alive: its own, and the one that it was made from by erasure coding. */
export function treesOf(manifest: Manifest): TreeCid[] {
  return manifest.protection ? [manifest.treeCid, manifest.protection.originalTreeCid] : [manifest.treeCid];
}
