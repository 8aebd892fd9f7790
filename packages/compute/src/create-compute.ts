import { InlineCompute } from './inline-compute.ts';
import type { Compute } from './job.ts';
import { type ComputeComponents, WorkerPool, type WorkerPoolInit } from './worker-pool.ts';

/** Workers, or with `threads: 0` the calling thread. */
export function createCompute(init: WorkerPoolInit = {}, components: ComputeComponents = {}): Compute {
  return init.threads === 0 ? new InlineCompute() : new WorkerPool(components, init);
}
