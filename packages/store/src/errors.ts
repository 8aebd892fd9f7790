import { CodexError } from '@codex/runtime';

/** The codes that this package throws, documented in `docs/errors.md`. */
export const STORE_ERRORS = {
  ASSEMBLY_BUSY: 'the unfinished dataset of this key is being worked on already',
  BLOCK_IN_USE: 'a block that belongs to a dataset cannot be deleted on its own',
  BLOCK_MISMATCH: 'bytes do not hash to the CID that they were given as',
  BLOCK_NOT_FOUND: 'a block, leaf, tree node or dataset is not in the local store',
  BLOCK_SIZE_INVALID: 'a block or block size is empty or larger than a slab',
  CID_UNSUPPORTED: 'the store holds blocks and manifests, not this kind of CID',
  DATA_DIR_LOCKED: 'another process has the repository open',
  DATA_DIR_UNUSABLE: 'the directory of the repository cannot be made, read or written',
  DATASET_MISMATCH: 'what was said about a dataset contradicts the dataset',
  DISK_FAILED: 'the disk refused a read, write or sync',
  DISK_FULL: 'the disk has no room; nothing acknowledged was lost',
  EMPTY_DATASET: 'a dataset needs at least one byte',
  EXPIRY_INVALID: 'an expiry is not a positive time in milliseconds',
  FORMAT_UNSUPPORTED: 'the repository was written by another version of the store',
  LEAF_UNKNOWN: 'a block was put at a leaf whose digest was not learned',
  QUOTA_EXCEEDED: 'used and reserved bytes would exceed the quota',
  RANGE_INVALID: 'a range of leaves or a number of bytes is impossible',
  RESERVATION_UNDERFLOW: 'more bytes were released than are reserved',
  STORE_CLOSED: 'the repository, or the writer, is closed',
} as const;

export type StoreErrorCode = keyof typeof STORE_ERRORS;

export class StoreError extends CodexError {
  override readonly name = 'StoreError';

  constructor(code: StoreErrorCode, message: string, data?: Record<string, unknown>, options?: ErrorOptions) {
    super(code, message, data, options);
  }
}

export function blockNotFound(data: Record<string, unknown>): StoreError {
  return new StoreError('BLOCK_NOT_FOUND', 'The block is not in the local store', data);
}
