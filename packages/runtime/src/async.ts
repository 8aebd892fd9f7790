export interface AbortOptions {
  readonly signal?: AbortSignal | undefined;
}

/** Rejects with the signal's reason when it is aborted before `promise` settles. `promise` itself goes on. */
export function raceSignal<T>(promise: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (!signal) return promise;
  if (signal.aborted) {
    promise.catch(() => {});
    return Promise.reject(signal.reason);
  }
  return new Promise<T>((resolve, reject) => {
    const onAbort = () => reject(signal.reason);
    signal.addEventListener('abort', onAbort, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort));
  });
}

/** Counts permits; waiters are served in order. A mutex is a semaphore of one. */
export class Semaphore {
  #free: number;
  readonly #limit: number;
  readonly #waiting = new Set<() => void>();

  constructor(permits: number) {
    this.#free = permits;
    this.#limit = permits;
  }

  /** Permits in use. */
  get used(): number {
    return this.#limit - this.#free;
  }

  /** Callers waiting. */
  get waiting(): number {
    return this.#waiting.size;
  }

  /** Takes a permit; the returned function gives it back, once. */
  async acquire(options?: AbortOptions): Promise<() => void> {
    options?.signal?.throwIfAborted();
    if (this.#free > 0) {
      this.#free--;
    } else {
      await new Promise<void>((resolve, reject) => {
        const signal = options?.signal;
        const grant = () => {
          signal?.removeEventListener('abort', onAbort);
          resolve();
        };
        const onAbort = () => {
          this.#waiting.delete(grant);
          reject(signal?.reason);
        };
        this.#waiting.add(grant);
        signal?.addEventListener('abort', onAbort, { once: true });
      });
    }
    let held = true;
    return () => {
      if (!held) return;
      held = false;
      const [next] = this.#waiting;
      if (next) {
        this.#waiting.delete(next);
        next();
      } else {
        this.#free++;
      }
    };
  }

  /** Runs `work` while holding a permit. */
  async run<T>(work: () => Promise<T> | T, options?: AbortOptions): Promise<T> {
    const release = await this.acquire(options);
    try {
      return await work();
    } finally {
      release();
    }
  }
}

/** One mutex per key; a key's mutex lives exactly as long as somebody holds or awaits it. */
export class KeyedMutex {
  readonly #locks = new Map<string, { mutex: Semaphore; users: number }>();

  get size(): number {
    return this.#locks.size;
  }

  async run<T>(key: string, work: () => Promise<T> | T, options?: AbortOptions): Promise<T> {
    let lock = this.#locks.get(key);
    if (!lock) {
      lock = { mutex: new Semaphore(1), users: 0 };
      this.#locks.set(key, lock);
    }
    lock.users++;
    try {
      return await lock.mutex.run(work, options);
    } finally {
      if (--lock.users === 0) this.#locks.delete(key);
    }
  }
}
