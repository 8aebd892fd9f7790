import { SHARE_ENV, type Transferable, Worker } from 'node:worker_threads';
import { ComputeError } from './errors.ts';
import { errorOf, type JobReply, type JobRequest } from './protocol.ts';

/** A job on its way: settled exactly once. */
export interface Task {
  readonly request: JobRequest;
  readonly transfer: readonly Transferable[];
  readonly resolve: (result: unknown) => void;
  readonly reject: (reason: unknown) => void;
}

export interface PoolWorkerInit {
  readonly heapLimitBytes: number;
  /** Called when the worker can take the next task. */
  readonly onIdle: (worker: PoolWorker) => void;
  /** Called once, when the thread has ended for whatever reason. */
  readonly onEnd: (worker: PoolWorker) => void;
}

const MiB = 1024 * 1024;

/** Space for short-lived objects of a worker. Jobs work on shared memory and create few: small keeps idle memory small. */
const YOUNG_GENERATION_MB = 4;

/** One thread and the task it is at. It keeps the process alive only while it works. */
export class PoolWorker {
  readonly #worker: Worker;
  readonly #init: PoolWorkerInit;
  #task: Task | undefined;
  #whenIdle: (() => void) | undefined;
  #ready = false;
  #ended = false;

  constructor(init: PoolWorkerInit) {
    this.#init = init;
    this.#worker = new Worker(new URL('./worker.ts', import.meta.url), {
      name: 'codex-compute',
      env: SHARE_ENV,
      execArgv: [],
      resourceLimits: {
        maxOldGenerationSizeMb: Math.ceil(init.heapLimitBytes / MiB),
        maxYoungGenerationSizeMb: YOUNG_GENERATION_MB,
      },
    });
    this.#worker.unref();
    this.#worker.on('message', (reply: JobReply) => this.#onReply(reply));
    this.#worker.on('error', (error) => this.#onEnd(error));
    this.#worker.on('exit', (exitCode) => this.#onEnd(new Error(`exit code ${exitCode}`)));
  }

  get isBusy(): boolean {
    return this.#task !== undefined;
  }

  /** It has answered once: the next task begins at once. */
  get isReady(): boolean {
    return this.#ready;
  }

  /** Starts a task; the worker must be idle. */
  assign(task: Task): void {
    this.#task = task;
    this.#worker.ref();
    try {
      this.#worker.postMessage(task.request, task.transfer);
    } catch (error) {
      // The input cannot be cloned; the worker has not seen it.
      this.#settle();
      const reason = error instanceof Error ? error.message : String(error);
      task.reject(new ComputeError('JOB_FAILED', `Job ${task.request.name} cannot be sent: ${reason}`));
      this.#init.onIdle(this);
    }
  }

  /** Resolves when the running task is done. One caller at a time. */
  whenIdle(): Promise<void> {
    if (!this.#task) return Promise.resolve();
    return new Promise((resolve) => {
      this.#whenIdle = resolve;
    });
  }

  /** Ends the thread at once. A running task fails with `reason`. */
  async terminate(reason: unknown): Promise<void> {
    this.#settle()?.reject(reason);
    await this.#worker.terminate();
  }

  #settle(): Task | undefined {
    const task = this.#task;
    this.#task = undefined;
    this.#worker.unref();
    this.#whenIdle?.();
    return task;
  }

  #onReply(reply: JobReply): void {
    if (reply.id !== this.#task?.request.id) return;
    this.#ready = true;
    const task = this.#settle();
    if ('error' in reply) task?.reject(errorOf(reply.error));
    else task?.resolve(reply.result);
    this.#init.onIdle(this);
  }

  #onEnd(cause: unknown): void {
    if (this.#ended) return;
    this.#ended = true;
    const task = this.#settle();
    const reason = cause instanceof Error ? cause.message : String(cause);
    task?.reject(
      new ComputeError('WORKER_DIED', `The worker ended during job ${task.request.name}: ${reason}`, {
        job: task.request.name,
        reason,
      }),
    );
    this.#init.onEnd(this);
  }
}
