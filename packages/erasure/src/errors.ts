import { CodexError } from '@codex/runtime';

/** The codes that this package throws. */
export const ERASURE_ERRORS = {
  ERASURE_BLOCK_MISSING: 'a block of the dataset to be encoded is not in the local store (data: index)',
  ERASURE_DATASET_TOO_SMALL: 'the dataset has fewer blocks than data rows were asked for (data: blocks, data, minSize)',
  ERASURE_MANIFEST_MISSING: 'the manifest of a dataset is not in the local store (data: cid)',
  ERASURE_MANIFEST_UNSUITABLE: 'a manifest is not of the kind that is needed: plain, or protected and stepped',
  ERASURE_PARAMETERS_INVALID:
    'no code has these numbers of rows, this shard size, or this row (data: data, parity, shardBytes or row)',
  ERASURE_TREE_MISMATCH:
    'restored or encoded blocks are not those of the tree in the manifest (data: column or index, if known)',
  ERASURE_TOO_MANY_LOSSES: 'fewer shards of a column are left than it has data rows (data: column, present, needed)',
} as const;

export type ErasureErrorCode = keyof typeof ERASURE_ERRORS;

export class ErasureError extends CodexError {
  override readonly name: string = 'ErasureError';
  declare readonly code: ErasureErrorCode;

  constructor(code: ErasureErrorCode, message: string, data: Record<string, unknown> = {}, options?: ErrorOptions) {
    super(code, message, data, options);
  }
}
