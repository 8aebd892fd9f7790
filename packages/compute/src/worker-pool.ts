import { availableParallelism } from 'node:os';
import {
  type Cancel,
  type Clock,
  type Counter,
  isCodexError,
  type Logger,
  type MetricsRegistry,
  noMetrics,
  Semaphore,
  silentLogger,
  systemClock,
} from '@codex/runtime';
import { ComputeError } from './errors.ts';
import { InlineCompute } from './inline-compute.ts';
import type { Compute, Job, RunOptions } from './job.ts';
import { PoolWorker, type Task } from './pool-worker.ts';

/** More threads than this do not help: the main thread that feeds them is the limit by then. */
export const THREADS_MAX = 16;

/** Jobs accepted at a time for each thread, running ones included: enough to keep threads busy, few enough to stop fast. */
export const DEFAULT_QUEUE_PER_THREAD = 16;

/** How long `stop` lets running jobs finish. Jobs take milliseconds; only a stuck one meets this. */
export const STOP_GRACE_MS = 5000;

/** An idle thread ends after this time, as it holds some 10 MB and the slabs that it saw; a new one starts in ~50 ms. */
export const WORKER_IDLE_MS = 60_000;

/** A worker whose heap grows beyond this is ended by the runtime. WebAssembly and shared memory do not count. */
export const WORKER_HEAP_LIMIT_BYTES = 256 * 1024 * 1024;

export interface ComputeComponents {
  readonly logger?: Logger;
  readonly metrics?: MetricsRegistry;
  readonly clock?: Clock;
}

export interface WorkerPoolInit {
  /** Default: one per processor, at most `THREADS_MAX`. */
  readonly threads?: number;
  /** Jobs accepted at a time, running ones included; more calls of `run` wait. */
  readonly queueLimit?: number;
  readonly stopGraceMs?: number;
  readonly workerIdleMs?: number;
  readonly heapLimitBytes?: number;
}

/**
 * Runs jobs in threads that start when they are first needed and end when they were idle for a while. Jobs go by plain
 * messages: signalling through shared memory was measured and gains nothing as long as the main thread must not block.
 */
export class WorkerPool implements Compute {
  readonly threads: number;
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #jobs: Counter;
  readonly #room: Semaphore;
  readonly #queueLimit: number;
  readonly #queue = new Set<Task>();
  readonly #workers = new Set<PoolWorker>();
  readonly #inline = new InlineCompute();
  /** Idle workers, the longest idle first, with the timers that end them. */
  readonly #idle = new Map<PoolWorker, Cancel>();
  readonly #stopped = new AbortController();
  readonly #stopGraceMs: number;
  readonly #workerIdleMs: number;
  readonly #heapLimitBytes: number;
  #nextId = 0;
  #stopping: Promise<void> | undefined;

  constructor(components: ComputeComponents = {}, init: WorkerPoolInit = {}) {
    this.threads = Math.max(1, Math.min(init.threads ?? availableParallelism(), THREADS_MAX));
    this.#queueLimit = Math.max(this.threads, init.queueLimit ?? this.threads * DEFAULT_QUEUE_PER_THREAD);
    this.#room = new Semaphore(this.#queueLimit);
    this.#stopGraceMs = init.stopGraceMs ?? STOP_GRACE_MS;
    this.#workerIdleMs = init.workerIdleMs ?? WORKER_IDLE_MS;
    this.#heapLimitBytes = init.heapLimitBytes ?? WORKER_HEAP_LIMIT_BYTES;
    this.#clock = components.clock ?? systemClock;
    this.#logger = components.logger ?? silentLogger;
    const metrics = components.metrics ?? noMetrics;
    this.#jobs = metrics.counter({
      name: 'codex_compute_jobs',
      help: 'Jobs that were run in workers',
      labels: ['result'],
    });
    metrics.gauge({
      name: 'codex_compute_queued_jobs',
      help: 'Jobs that wait for a worker',
      collect: () => this.#queue.size + this.#room.waiting,
    });
    metrics.gauge({ name: 'codex_compute_workers', help: 'Live worker threads', collect: () => this.#workers.size });
  }

  /** Threads that are alive. */
  get liveWorkers(): number {
    return this.#workers.size;
  }

  /** Nothing to do: threads start with the first jobs. */
  start(): void {}

  async run<I, O>(job: Job<I, O>, input: I, options: RunOptions = {}): Promise<O> {
    options.signal?.throwIfAborted();
    this.#stopped.signal.throwIfAborted();
    const release = await this.#room.acquire({ signal: this.#admissionSignal(options.signal) });
    try {
      const result =
        job.brief && this.#isCold()
          ? await this.#runInline(job, input, options)
          : await this.#enqueue(job, input, options);
      this.#jobs.inc(1, { result: 'ok' });
      return result;
    } catch (error) {
      this.#jobs.inc(1, { result: options.signal?.aborted ? 'aborted' : 'failed' });
      throw error;
    } finally {
      release();
    }
  }

  stop(): Promise<void> {
    this.#stopping ??= this.#stop();
    return this.#stopping;
  }

  /** Only a call that must wait needs to hear about the stop. */
  #admissionSignal(signal: AbortSignal | undefined): AbortSignal | undefined {
    if (this.#room.used < this.#queueLimit) return signal;
    return signal ? AbortSignal.any([signal, this.#stopped.signal]) : this.#stopped.signal;
  }

  /** No worker can take a job at once, not even after those that are ahead in the queue. */
  #isCold(): boolean {
    for (const worker of this.#workers) if (worker.isReady) return false;
    return true;
  }

  /** Runs a brief job here, while a worker makes itself ready for the next ones. */
  #runInline<I, O>(job: Job<I, O>, input: I, options: RunOptions): Promise<O> {
    if (this.#workers.size === 0) this.#startWorker(job);
    return this.#inline.run(job, input, options);
  }

  #enqueue<I, O>(job: Job<I, O>, input: I, { signal, transfer = [] }: RunOptions): Promise<O> {
    return new Promise((resolve, reject) => {
      signal?.throwIfAborted();
      this.#stopped.signal.throwIfAborted();
      const onAbort = () => {
        this.#queue.delete(task);
        reject(signal?.reason);
      };
      const done = () => signal?.removeEventListener('abort', onAbort);
      const task: Task = {
        request: { id: this.#nextId++, module: job.module, name: job.name, input },
        transfer,
        resolve: (result) => {
          done();
          resolve(result as O);
        },
        reject: (reason) => {
          done();
          reject(reason);
        },
      };
      signal?.addEventListener('abort', onAbort, { once: true });
      this.#queue.add(task);
      this.#dispatch();
    });
  }

  /**
   * Gives waiting tasks to idle workers. When there are too few, one more starts, but no task is bound to it before it is
   * ready: whoever is free first takes it.
   */
  #dispatch(): void {
    for (const task of this.#queue) {
      const worker = this.#takeIdle();
      if (!worker) {
        const starting = [...this.#workers].filter(({ isReady }) => !isReady).length;
        if (starting < this.#queue.size) this.#startWorker(task.request, task);
        return;
      }
      this.#queue.delete(task);
      worker.assign(task);
    }
  }

  #takeIdle(): PoolWorker | undefined {
    // The one that worked last: its caches are warm, and the others may fall asleep for good.
    const worker = [...this.#idle.keys()].at(-1);
    if (worker) {
      this.#idle.get(worker)?.();
      this.#idle.delete(worker);
    }
    return worker;
  }

  /** Starts a worker, if there may be one more, that loads `job`. If it dies of that, `waiting` fails. */
  #startWorker({ module, name }: { readonly module: string; readonly name: string }, waiting?: Task): void {
    if (this.#workers.size >= this.threads) return;
    const worker = new PoolWorker({
      heapLimitBytes: this.#heapLimitBytes,
      onIdle: (idle) => this.#onIdle(idle),
      onEnd: (ended) => this.#onEnd(ended),
    });
    this.#workers.add(worker);
    worker.assign({
      request: { id: this.#nextId++, module, name, input: undefined, loadOnly: true },
      transfer: [],
      resolve: () => {},
      // A job that cannot be loaded tells so when it is run; a thread that does not even get there cannot tell.
      reject: (reason) => {
        if (isCodexError(reason, 'WORKER_DIED') && waiting && this.#queue.delete(waiting)) waiting.reject(reason);
      },
    });
  }

  #onIdle(worker: PoolWorker): void {
    if (!this.#workers.has(worker)) return;
    const end = this.#clock.schedule(this.#workerIdleMs, () => {
      this.#idle.delete(worker);
      this.#workers.delete(worker);
      void worker.terminate(undefined);
    });
    this.#idle.set(worker, end);
    this.#dispatch();
  }

  #onEnd(worker: PoolWorker): void {
    this.#idle.get(worker)?.();
    this.#idle.delete(worker);
    // Workers that were ended on purpose are not in the set any more.
    if (this.#workers.delete(worker)) this.#logger.warn('Compute worker died');
    if (!this.#stopped.signal.aborted) this.#dispatch();
  }

  async #stop(): Promise<void> {
    const reason = new ComputeError('COMPUTE_STOPPED', 'The compute pool was stopped');
    this.#stopped.abort(reason);
    for (const task of this.#queue) task.reject(reason);
    this.#queue.clear();
    const busy = [...this.#workers].filter((worker) => worker.isBusy);
    if (busy.length > 0) {
      const grace = new AbortController();
      const finished = Promise.all(busy.map((worker) => worker.whenIdle()));
      await Promise.race([finished, this.#clock.sleep(this.#stopGraceMs, { signal: grace.signal }).catch(() => {})]);
      grace.abort();
    }
    const workers = [...this.#workers];
    this.#workers.clear();
    for (const cancel of this.#idle.values()) cancel();
    this.#idle.clear();
    this.#inline.stop();
    await Promise.all(workers.map((worker) => worker.terminate(reason)));
  }
}
