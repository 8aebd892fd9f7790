/** Cancels what was scheduled; calling it twice is harmless. */
export type Cancel = () => void;

/** The only way that code reads time or waits: a simulator replaces it with virtual time. */
export interface Clock {
  /** Wall-clock time, milliseconds since the Unix epoch. */
  now(): number;
  /** Milliseconds on a clock that never goes backwards; only differences have a meaning. */
  monotonic(): number;
  /** Calls `run` once after `delayMs`. Scheduled work does not keep the process alive. */
  schedule(delayMs: number, run: () => void): Cancel;
  /** Resolves after `delayMs`; rejects with the signal's reason when it is aborted first. */
  sleep(delayMs: number, options?: { signal?: AbortSignal | undefined }): Promise<void>;
}

/** The longest delay that a Node timer takes; longer ones are cut to it. */
const TIMER_MAX_MS = 2 ** 31 - 1;

function sleepOn(clock: Clock, delayMs: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) {
      reject(signal.reason);
      return;
    }
    const onAbort = () => {
      cancel();
      reject(signal?.reason);
    };
    const cancel = clock.schedule(delayMs, () => {
      signal?.removeEventListener('abort', onAbort);
      resolve();
    });
    signal?.addEventListener('abort', onAbort, { once: true });
  });
}

export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  schedule(delayMs, run) {
    const timer = setTimeout(run, Math.min(Math.max(0, delayMs), TIMER_MAX_MS));
    timer.unref?.();
    return () => clearTimeout(timer);
  },
  sleep(delayMs, options) {
    return sleepOn(systemClock, delayMs, options?.signal);
  },
};

interface Scheduled {
  readonly at: number;
  readonly order: number;
  readonly run: () => void;
}

/**
 * Time that stands still until it is advanced: for tests and simulators. Everything due runs in order of its time, then
 * in the order in which it was scheduled.
 */
export class VirtualClock implements Clock {
  #now: number;
  #order = 0;
  readonly #start: number;
  readonly #queue = new Set<Scheduled>();

  constructor(startMs = 0) {
    this.#now = startMs;
    this.#start = startMs;
  }

  now(): number {
    return this.#now;
  }

  monotonic(): number {
    return this.#now - this.#start;
  }

  schedule(delayMs: number, run: () => void): Cancel {
    const item = { at: this.#now + Math.max(0, delayMs), order: this.#order++, run };
    this.#queue.add(item);
    return () => this.#queue.delete(item);
  }

  sleep(delayMs: number, options?: { signal?: AbortSignal | undefined }): Promise<void> {
    return sleepOn(this, delayMs, options?.signal);
  }

  /** Moves time forward by `ms`, running what falls due and letting promises settle after each call. */
  async advance(ms: number): Promise<void> {
    const end = this.#now + ms;
    for (;;) {
      await settle();
      let next: Scheduled | undefined;
      for (const item of this.#queue) {
        if (item.at <= end && (!next || item.at < next.at || (item.at === next.at && item.order < next.order))) next = item;
      }
      if (!next) break;
      this.#queue.delete(next);
      this.#now = Math.max(this.#now, next.at);
      next.run();
    }
    this.#now = end;
    await settle();
  }
}

/** Lets every promise that can settle do so: a turn of the macrotask queue drains all microtasks. */
function settle(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
