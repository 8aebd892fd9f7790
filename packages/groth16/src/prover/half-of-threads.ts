import type { Compute, Job, RunOptions } from '@codex/compute';

/**
 * Runs jobs where the other one does, for work that is cut by the number of threads: pieces of sums that run beside others are larger so, and
 * a larger sum has cheaper points.
 */
export class HalfOfThreads implements Compute {
  readonly threads: number;
  readonly #whole: Compute;

  constructor(whole: Compute) {
    this.#whole = whole;
    this.threads = Math.ceil(whole.threads / 2);
  }

  start(): void {}

  run<I, O>(job: Job<I, O>, input: I, options?: RunOptions): Promise<O> {
    return this.#whole.run(job, input, options);
  }

  stop(): void {}
}
