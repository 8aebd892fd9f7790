import { type AbortOptions, raceSignal, Semaphore } from '@codex/runtime';
import { NodeError } from './errors.ts';

export interface WorkOptions<P> extends AbortOptions {
  readonly onProgress?: (progress: P) => void;
}

interface Running<P> {
  readonly done: Promise<unknown>;
  readonly end: AbortController;
  /** Of those who wait for it. */
  readonly listeners: Set<(progress: P) => void>;
}

/**
 * Long work that several callers may ask for: it is done once for all who ask for the same, a few at a time, and ends when
 * nobody waits for it any more.
 */
export class SharedWork<P> {
  readonly #permits: Semaphore;
  readonly #waitingMax: number;
  readonly #running = new Map<string, Running<P>>();

  constructor(limits: { readonly running: number; readonly waiting: number }) {
    this.#permits = new Semaphore(limits.running);
    this.#waitingMax = limits.waiting;
  }

  /** Joins the work of this key, or begins it. Errors: those of the work, `CODING_LIMIT`, and the signal's reason. */
  async join<T>(
    key: string,
    work: (options: Required<WorkOptions<P>>) => Promise<T>,
    { signal, onProgress = () => {} }: WorkOptions<P>,
  ): Promise<T> {
    for (let ending = this.#ending(key); ending; ending = this.#ending(key)) {
      await raceSignal(ending, signal);
    }
    signal?.throwIfAborted();
    const running = this.#running.get(key) ?? this.#begin(key, work);
    // A function of its own for each caller.
    const listener = (progress: P) => onProgress(progress);
    running.listeners.add(listener);
    try {
      return (await raceSignal(running.done, signal)) as T;
    } finally {
      running.listeners.delete(listener);
      if (running.listeners.size === 0) {
        running.end.abort(new NodeError('CODING_ABANDONED', 'Nobody waits for it any more'));
        // What it holds is given back before the caller goes on.
        await running.done.catch(() => {});
      }
    }
  }

  /** Work that nobody waits for and that has not come to its end yet. */
  #ending(key: string): Promise<unknown> | undefined {
    const running = this.#running.get(key);
    return running?.end.signal.aborted ? running.done.catch(() => {}) : undefined;
  }

  #begin(key: string, work: (options: Required<WorkOptions<P>>) => Promise<unknown>): Running<P> {
    if (this.#permits.waiting >= this.#waitingMax) {
      throw new NodeError('CODING_LIMIT', 'Too many datasets wait to be protected, repaired or cut into slots');
    }
    const end = new AbortController();
    const listeners = new Set<(progress: P) => void>();
    const onProgress = (progress: P) => {
      for (const listener of listeners) listener(progress);
    };
    const { signal } = end;
    const done = this.#permits
      .run(() => work({ signal, onProgress }), { signal })
      .finally(() => this.#running.delete(key));
    done.catch(() => {});
    const running = { done, end, listeners };
    this.#running.set(key, running);
    return running;
  }
}
