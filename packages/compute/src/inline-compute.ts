import { raceSignal, Semaphore } from '@codex/runtime';
import { ComputeError } from './errors.ts';
import type { Compute, Job, RunOptions } from './job.ts';
import { errorFields, errorOf } from './protocol.ts';

/**
 * Runs jobs on the calling thread, one at a time, each in its own turn of the event loop: for simulators, small devices
 * and tests. Inputs and results are passed as they are.
 */
export class InlineCompute implements Compute {
  readonly threads = 0;
  readonly #turn = new Semaphore(1);
  readonly #stopped = new AbortController();

  start(): void {}

  async run<I, O>(job: Job<I, O>, input: I, { signal }: RunOptions = {}): Promise<O> {
    signal?.throwIfAborted();
    this.#stopped.signal.throwIfAborted();
    const either = signal ? AbortSignal.any([signal, this.#stopped.signal]) : this.#stopped.signal;
    const release = await this.#turn.acquire({ signal: either });
    try {
      await new Promise((resolve) => setImmediate(resolve));
      either.throwIfAborted();
      return await raceSignal(attempt(job, input), signal);
    } finally {
      release();
    }
  }

  stop(): void {
    this.#stopped.abort(new ComputeError('COMPUTE_STOPPED', 'The compute pool was stopped'));
  }
}

async function attempt<I, O>(job: Job<I, O>, input: I): Promise<O> {
  try {
    return await job.run(input);
  } catch (error) {
    throw errorOf(errorFields(job, error));
  }
}
