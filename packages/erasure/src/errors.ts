import { CodexError } from '@codex/runtime';

/** The codes that this package throws. */
export const ERASURE_ERRORS = {
  ERASURE_PARAMETERS_INVALID: 'no code has these numbers of rows, or this shard size (data: data, parity, shardBytes)',
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
