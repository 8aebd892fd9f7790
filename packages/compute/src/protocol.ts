import { CodexError, type ErrorFields } from '@codex/runtime';
import { ComputeError } from './errors.ts';
import type { Job } from './job.ts';

/** To a worker: run this. */
export interface JobRequest {
  readonly id: number;
  readonly module: string;
  readonly name: string;
  readonly input: unknown;
  /** Load the job and do not run it: a worker that starts makes itself ready. */
  readonly loadOnly?: boolean;
}

/** From a worker: how it went. */
export type JobReply =
  | { readonly id: number; readonly result: unknown }
  | { readonly id: number; readonly error: ErrorFields };

/** What travels for a thrown value: coded errors as they are, anything else as `JOB_FAILED`. */
export function errorFields(job: Pick<Job<never, unknown>, 'name'>, thrown: unknown): ErrorFields {
  if (thrown instanceof CodexError) return thrown.toObject();
  const { name, message, stack } = thrown instanceof Error ? thrown : new Error(String(thrown));
  return { code: 'JOB_FAILED', message: `Job ${job.name} failed: ${message}`, data: { job: job.name, name, stack } };
}

/** The error that a caller sees for what a job threw, on whatever thread it ran. */
export function errorOf(fields: ErrorFields): CodexError {
  if (fields.code === 'JOB_FAILED') return new ComputeError('JOB_FAILED', fields.message, fields.data);
  return CodexError.fromObject(fields);
}
