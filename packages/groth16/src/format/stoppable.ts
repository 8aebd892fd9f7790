import type { Compute, Job } from '@codex/compute';
import type { AbortOptions } from '@codex/runtime';

/** One word of shared memory, by which a running job hears that nobody wants its result. */
export type StopFlag = Int32Array;

export const isStopped = (stop: StopFlag): boolean => Atomics.load(stop, 0) !== 0;

/** For jobs: ends those that nobody waits for. What is thrown is seen by no one. */
export function throwIfStopped(stop: StopFlag): void {
  if (isStopped(stop)) throw new Error('This job was stopped');
}

/**
 * Runs a job that looks at its flag now and then, and returns when it has ended: not before, so that the file that it reads can be
 * closed. Rejects with the signal's reason when aborted.
 */
export async function runStoppable<I, O>(
  compute: Compute,
  job: Job<I & { readonly stop: StopFlag }, O>,
  input: I,
  { signal }: AbortOptions,
): Promise<O> {
  signal?.throwIfAborted();
  const stop = new Int32Array(new SharedArrayBuffer(4));
  const onAbort = () => Atomics.store(stop, 0, 1);
  signal?.addEventListener('abort', onAbort, { once: true });
  try {
    return await compute.run(job, { ...input, stop });
  } finally {
    signal?.removeEventListener('abort', onAbort);
    signal?.throwIfAborted();
  }
}
