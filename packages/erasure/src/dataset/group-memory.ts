import { type AbortOptions, type Cancel, type Clock, systemClock } from '@codex/runtime';
import { COLUMN_BYTES_MAX } from './geometry.ts';

/** One group of columns, all rows: long reads and writes, and jobs that are worth their message. */
export const GROUP_BYTES = 16 * 1024 * 1024;

/** Groups in work, over all operations of a node: one is read or written while another is coded. */
export const GROUP_MEMORY_BYTES = 3 * GROUP_BYTES;

/**
 * Memory that nobody needed for this long is given back. Not at once: workers that saw it keep it until they collect garbage,
 * so fresh memory for each group would add up.
 */
export const GROUP_IDLE_MS = 10_000;

/** Shared memory for one group. */
export interface GroupBuffer {
  readonly bytes: Uint8Array<SharedArrayBuffer>;
  /** Once. No worker may be at it any more. */
  release(): void;
}

interface Waiter {
  readonly bytes: number;
  readonly grant: () => void;
}

/**
 * The memory that coding may use, shared by all operations of a node and handed out in order. Something larger than the
 * budget (one column of very many rows) gets all of it for itself, and the excess.
 */
export class GroupMemory {
  readonly #limitBytes: number;
  readonly #waiting: Waiter[] = [];
  readonly #clock: Clock;
  /** Of the usual size, given back. */
  readonly #free: Uint8Array<SharedArrayBuffer>[] = [];
  #used = 0;
  #trim: Cancel | undefined;

  constructor(components: { readonly clock?: Clock } = {}, init: { readonly limitBytes?: number } = {}) {
    this.#clock = components.clock ?? systemClock;
    this.#limitBytes = Math.max(GROUP_BYTES, init.limitBytes ?? GROUP_MEMORY_BYTES);
  }

  /** Groups of the usual size that there is room for: how many are worth beginning at a time. */
  get lanes(): number {
    return Math.floor(this.#limitBytes / GROUP_BYTES);
  }

  /** Bytes that are kept for the next ones. */
  get idleBytes(): number {
    return this.#free.length * GROUP_BYTES;
  }

  get usedBytes(): number {
    return this.#used;
  }

  /** `bytes`: at most `COLUMN_BYTES_MAX`. Contents are undefined. */
  async acquire(bytes: number, { signal }: AbortOptions = {}): Promise<GroupBuffer> {
    signal?.throwIfAborted();
    const size = Math.min(COLUMN_BYTES_MAX, Math.max(GROUP_BYTES, bytes));
    if (this.#waiting.length > 0 || !this.#fits(size)) await this.#wait(size, signal);
    else this.#used += size;
    this.#trim?.();
    this.#trim = undefined;
    const usual = size === GROUP_BYTES;
    const memory = (usual && this.#free.pop()) || new Uint8Array(new SharedArrayBuffer(size));
    let held = true;
    return {
      bytes: memory.subarray(0, bytes),
      release: () => {
        if (!held) return;
        held = false;
        if (usual) this.#free.push(memory);
        this.#give(size);
      },
    };
  }

  #fits(bytes: number): boolean {
    return this.#used === 0 || this.#used + bytes <= this.#limitBytes;
  }

  #wait(bytes: number, signal: AbortSignal | undefined): Promise<void> {
    return new Promise((resolve, reject) => {
      const onAbort = () => {
        this.#waiting.splice(this.#waiting.indexOf(waiter), 1);
        reject(signal?.reason);
        this.#serve();
      };
      const waiter = {
        bytes,
        grant: () => {
          signal?.removeEventListener('abort', onAbort);
          this.#used += bytes;
          resolve();
        },
      };
      this.#waiting.push(waiter);
      signal?.addEventListener('abort', onAbort, { once: true });
    });
  }

  #give(bytes: number): void {
    this.#used -= bytes;
    this.#serve();
    if (this.#used > 0) return;
    this.#trim = this.#clock.schedule(GROUP_IDLE_MS, () => {
      this.#free.length = 0;
    });
  }

  #serve(): void {
    for (let first = this.#waiting[0]; first && this.#fits(first.bytes); first = this.#waiting[0]) {
      this.#waiting.shift();
      first.grant();
    }
  }
}
