import type { Compute, Job } from '@codex/compute';
import type { AbortOptions } from '@codex/runtime';

/** Runs a job on each input, and settles when none is at work any more: not before, so that shared memory is free again. */
export async function runAll<I, O>(
  compute: Compute,
  job: Job<I, O>,
  inputs: readonly I[],
  { signal }: AbortOptions,
): Promise<O[]> {
  // Once aborted, or after a failure, what has not begun is left out; a running job is waited for.
  const stopped = new AbortController();
  const results = await Promise.allSettled(
    inputs.map(async (input) => {
      signal?.throwIfAborted();
      stopped.signal.throwIfAborted();
      try {
        return await compute.run(job, input);
      } catch (error) {
        stopped.abort(error);
        throw error;
      }
    }),
  );
  signal?.throwIfAborted();
  return results.map((result) => {
    if (result.status === 'rejected') throw result.reason;
    return result.value;
  });
}
