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

/** The longest delay that a Node timer takes, some 25 days; longer ones are made of several. */
const TIMER_MAX_MS = 2 ** 31 - 1;

/** `sleep` by means of a clock's `schedule`. */
export function sleepOn(
  clock: Pick<Clock, 'schedule'>,
  delayMs: number,
  signal: AbortSignal | undefined,
): Promise<void> {
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
    let timer: NodeJS.Timeout;
    let rest = Math.max(0, delayMs);
    const arm = () => {
      const step = Math.min(rest, TIMER_MAX_MS);
      rest -= step;
      timer = setTimeout(rest > 0 ? arm : run, step);
      timer.unref();
    };
    arm();
    return () => clearTimeout(timer);
  },
  sleep(delayMs, options) {
    return sleepOn(systemClock, delayMs, options?.signal);
  },
};
