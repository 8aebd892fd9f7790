import { type Logger, Semaphore } from '@codex/runtime';
import { NodeError } from '../errors.ts';
import type { ApiLimits } from './limits.ts';
import { HttpError } from './respond.ts';

/** Fetches that go on after their request was answered: a few at a time, the others wait in a bounded queue. */
export class BackgroundFetches {
  readonly #logger: Logger;
  readonly #queueLimit: number;
  readonly #permits: Semaphore;
  readonly #running = new Map<string, Promise<void>>();
  readonly #stop = new AbortController();

  constructor(
    components: { readonly logger: Logger },
    limits: Pick<ApiLimits, 'backgroundFetches' | 'backgroundQueue'>,
  ) {
    this.#logger = components.logger;
    this.#queueLimit = limits.backgroundQueue;
    this.#permits = new Semaphore(limits.backgroundFetches);
  }

  /** Fetches running or waiting. */
  get size(): number {
    return this.#running.size;
  }

  /** Begins `work`, or does nothing when the same is under way. Error: 503 when too many wait. */
  begin(key: string, work: (signal: AbortSignal) => Promise<void>): void {
    if (this.#running.has(key) || this.#stop.signal.aborted) return;
    if (this.#permits.waiting >= this.#queueLimit) throw new HttpError(503, 'Too many fetches are waiting');
    const signal = this.#stop.signal;
    const run = this.#permits
      .run(() => work(signal), { signal })
      .then(
        () => this.#logger.debug('Fetched dataset', { cid: key }),
        (error: unknown) => {
          if (!signal.aborted) this.#logger.warn('Fetching dataset failed', { cid: key, error });
        },
      )
      .finally(() => this.#running.delete(key));
    this.#running.set(key, run);
  }

  /** Cancels all, and waits until they are over. */
  async stop(): Promise<void> {
    this.#stop.abort(new NodeError('API_STOPPED', 'The node is stopping'));
    await Promise.all(this.#running.values());
  }
}
