import type { AbortOptions } from './async.ts';
import { CodexError } from './errors.ts';

interface WaitingPush<T> {
  readonly value: T;
  readonly accept: () => void;
  readonly refuse: (reason: unknown) => void;
}

/**
 * A first-in first-out queue between any number of producers and consumers. `push` waits while the queue is full
 * (back-pressure). Each item goes to one consumer.
 */
export class BoundedQueue<T> implements AsyncIterable<T> {
  readonly #limit: number;
  readonly #items: T[] = [];
  /** Pushes that wait for room, with what they bring. */
  readonly #pushes = new Set<WaitingPush<T>>();
  /** Consumers that wait for an item. */
  readonly #wakes = new Set<() => void>();
  #closed: { readonly error: unknown } | undefined;

  /** `limit`: items held at most; 1 or more. */
  constructor(limit: number) {
    this.#limit = limit;
  }

  /** Items held, without those of waiting pushes. */
  get size(): number {
    return this.#items.length;
  }

  get isClosed(): boolean {
    return this.#closed !== undefined;
  }

  /**
   * Resolves when the queue holds `value`. Errors: the error of `close`, or `QUEUE_CLOSED`, also when the queue closes
   * while this call waits; the value is not in the queue then.
   */
  async push(value: T, options?: AbortOptions): Promise<void> {
    const signal = options?.signal;
    signal?.throwIfAborted();
    if (this.#closed) throw this.#refusal();
    if (this.#items.length < this.#limit) {
      this.#add(value);
      return;
    }
    await new Promise<void>((resolve, reject) => {
      const settle = (then: () => void) => {
        this.#pushes.delete(waiting);
        signal?.removeEventListener('abort', onAbort);
        then();
      };
      const onAbort = () => settle(() => reject(signal?.reason));
      const waiting: WaitingPush<T> = {
        value,
        accept: () => settle(resolve),
        refuse: (reason) => settle(() => reject(reason)),
      };
      this.#pushes.add(waiting);
      signal?.addEventListener('abort', onAbort, { once: true });
    });
  }

  /**
   * Ends the queue: pushes that wait fail; consumers drain what is left and then finish, or fail with `error`. Only the
   * first call counts.
   */
  close(error?: unknown): void {
    if (this.#closed) return;
    this.#closed = { error };
    for (const push of [...this.#pushes]) push.refuse(this.#refusal());
    for (const wake of [...this.#wakes]) wake();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<T> {
    for (;;) {
      if (this.#items.length > 0) {
        const item = this.#items.shift() as T;
        const [next] = this.#pushes;
        if (next) {
          this.#add(next.value);
          next.accept();
        }
        yield item;
      } else if (this.#closed) {
        if (this.#closed.error !== undefined) throw this.#closed.error;
        return;
      } else {
        await new Promise<void>((resolve) => {
          const wake = () => {
            this.#wakes.delete(wake);
            resolve();
          };
          this.#wakes.add(wake);
        });
      }
    }
  }

  #add(value: T): void {
    this.#items.push(value);
    const [wake] = this.#wakes;
    wake?.();
  }

  #refusal(): unknown {
    return this.#closed?.error ?? new CodexError('QUEUE_CLOSED', 'The queue is closed');
  }
}
