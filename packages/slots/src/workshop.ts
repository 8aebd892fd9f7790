import { type Compute, DEFAULT_SLAB_BYTES, type Job, SharedSlabPool } from '@codex/compute';
import { type AbortOptions, Semaphore } from '@codex/runtime';

/** Slabs for one slow thread: one is hashed while others are read. */
const SLABS_LEAST = 4;

/**
 * Jobs in the pool for each of its threads: one runs and one waits. More would make the rest of the node wait: hashing for slots is
 * the slowest work that there is.
 */
const JOBS_PER_THREAD = 2;

/** What all work on slots by one pool shares: memory does not grow with the number of slots in work. */
export class Workshop {
  readonly slabs: SharedSlabPool;
  readonly #compute: Compute;
  readonly #turns: Semaphore;

  constructor(compute: Compute) {
    const threads = Math.max(1, compute.threads);
    this.#compute = compute;
    this.slabs = new SharedSlabPool(
      {},
      { slabBytes: DEFAULT_SLAB_BYTES, limit: SLABS_LEAST + Math.floor(threads / 2) },
    );
    this.#turns = new Semaphore(JOBS_PER_THREAD * threads);
  }

  /** Pieces that are worth beginning at a time. */
  get lanes(): number {
    return this.slabs.limit;
  }

  /** Runs a job in its turn. An abort does not cut it short: when this settles, no worker is at the memory any more. */
  run<I, O>(job: Job<I, O>, input: I, options: AbortOptions = {}): Promise<O> {
    return this.#turns.run(() => this.#compute.run(job, input), options);
  }

  /** Runs several; fails when all have ended. */
  async runAll<I, O>(job: Job<I, O>, inputs: readonly I[], options: AbortOptions = {}): Promise<O[]> {
    const settled = await Promise.allSettled(inputs.map((input) => this.run(job, input, options)));
    return settled.map((result) => {
      if (result.status === 'rejected') throw result.reason;
      return result.value;
    });
  }
}

const workshops = new WeakMap<Compute, Workshop>();

/** The workshop of a pool. */
export function workshopOf(compute: Compute): Workshop {
  const workshop = workshops.get(compute) ?? new Workshop(compute);
  workshops.set(compute, workshop);
  return workshop;
}
