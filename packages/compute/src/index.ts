export { createCompute } from './create-compute.ts';
export { COMPUTE_ERRORS, ComputeError, type ComputeErrorCode } from './errors.ts';
export { InlineCompute } from './inline-compute.ts';
export { type Compute, defineJob, type Job, type RunOptions } from './job.ts';
export {
  DEFAULT_SLAB_BYTES,
  DEFAULT_SLAB_LIMIT,
  SharedSlabPool,
  type SharedSlabPoolInit,
  SLAB_IDLE_MS,
} from './shared-slab-pool.ts';
export type { Slab, SlabPool } from './slab-pool.ts';
export {
  type ComputeComponents,
  DEFAULT_QUEUE_PER_THREAD,
  STOP_GRACE_MS,
  THREADS_MAX,
  WORKER_HEAP_LIMIT_BYTES,
  WORKER_IDLE_MS,
  WorkerPool,
  type WorkerPoolInit,
} from './worker-pool.ts';
