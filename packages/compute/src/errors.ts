import { CodexError } from '@codex/runtime';

/** The codes that this package throws, documented in `docs/errors.md`. */
export const COMPUTE_ERRORS = {
  COMPUTE_STOPPED: 'the pool was stopped before the job was done',
  JOB_FAILED: 'a job threw something without a code, or could not be loaded or sent',
  SLAB_RELEASED: 'a slab was retained or released after its last holder let go',
  WORKER_DIED: 'the worker that ran the job ended',
} as const;

export type ComputeErrorCode = keyof typeof COMPUTE_ERRORS;

export class ComputeError extends CodexError {
  override readonly name = 'ComputeError';

  constructor(code: ComputeErrorCode, message: string, data?: Record<string, unknown>, options?: ErrorOptions) {
    super(code, message, data, options);
  }
}
