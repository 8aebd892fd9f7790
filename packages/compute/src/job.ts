import type { Transferable } from 'node:worker_threads';
import type { AbortOptions, Startable } from '@codex/runtime';

/**
 * A pure function that can run in a worker. The worker imports `module` and runs its export `name`; the inline fallback
 * calls `run` directly. Inputs and results are structured-cloned; views of shared memory are shared, not copied.
 */
export interface Job<I, O> {
  readonly module: string;
  readonly name: string;
  readonly run: (input: I) => O | Promise<O>;
  /** Takes 2 ms at most: may run on the calling thread while the first worker starts, which takes 50 ms and more. */
  readonly brief?: boolean;
}

/**
 * Defines a job; the module must export the result under `name`:
 *
 * `export const double = defineJob(import.meta.url, 'double', (x: number) => 2 * x);`
 *
 * Workers load the module once, natively: keep what it imports small.
 */
export function defineJob<I, O>(module: string, name: string, run: (input: I) => O | Promise<O>): Job<I, O> {
  return { module, name, run };
}

export interface RunOptions extends AbortOptions {
  /** Objects whose ownership moves to the worker. */
  readonly transfer?: readonly Transferable[];
}

/** Runs jobs, in workers or inline. */
export interface Compute extends Startable {
  /** Worker threads; 0 when jobs run inline. */
  readonly threads: number;
  /**
   * Runs `job`. While the queue is full the call waits for room (back-pressure). An abort while it waits takes it out of
   * the queue; an abort while it runs rejects at once and drops the result. Coded errors keep their code across the
   * thread; others become `JOB_FAILED`. More errors: `WORKER_DIED`, `COMPUTE_STOPPED`.
   */
  run<I, O>(job: Job<I, O>, input: I, options?: RunOptions): Promise<O>;
}
