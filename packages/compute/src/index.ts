export type { Compute, Job, RunOptions } from './job.ts';
export type { Slab, SlabPool } from './slab-pool.ts';
