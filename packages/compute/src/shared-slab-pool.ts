import { type AbortOptions, type Cancel, type Clock, Semaphore, systemClock } from '@codex/runtime';
import { ComputeError } from './errors.ts';
import type { Slab, SlabPool } from './slab-pool.ts';

/** Sixteen default blocks: large enough to keep the cost per job and per disk write small. */
export const DEFAULT_SLAB_BYTES = 1024 * 1024;

/** 48 MiB of default slabs: what a few fast streams need in flight, and what a node can spare. */
export const DEFAULT_SLAB_LIMIT = 48;

/** Slabs that were not needed for this long are given back to the system. */
export const SLAB_IDLE_MS = 10_000;

export interface SharedSlabPoolInit {
  readonly slabBytes?: number;
  /** Slabs at most. */
  readonly limit?: number;
  readonly idleMs?: number;
}

/** Slabs are made when they are first needed, used again and again, and dropped after a time without use. */
export class SharedSlabPool implements SlabPool {
  readonly slabBytes: number;
  readonly limit: number;
  readonly #idleMs: number;
  readonly #clock: Clock;
  readonly #permits: Semaphore;
  /** Memory without a holder; the end was used last. */
  readonly #free: Uint8Array<SharedArrayBuffer>[] = [];
  /** The fewest free slabs since the last trim: so many were not needed at all. */
  #unneeded = 0;
  #trim: Cancel | undefined;

  constructor(components: { readonly clock?: Clock } = {}, init: SharedSlabPoolInit = {}) {
    this.slabBytes = init.slabBytes ?? DEFAULT_SLAB_BYTES;
    this.limit = init.limit ?? DEFAULT_SLAB_LIMIT;
    this.#idleMs = init.idleMs ?? SLAB_IDLE_MS;
    this.#clock = components.clock ?? systemClock;
    this.#permits = new Semaphore(this.limit);
  }

  get inUse(): number {
    return this.#permits.used;
  }

  /** Slabs that exist, used or free. */
  get allocated(): number {
    return this.inUse + this.#free.length;
  }

  async acquire(options?: AbortOptions): Promise<Slab> {
    const release = await this.#permits.acquire(options);
    const bytes = this.#free.pop() ?? new Uint8Array(new SharedArrayBuffer(this.slabBytes));
    this.#unneeded = Math.min(this.#unneeded, this.#free.length);
    return new HeldSlab(bytes, () => {
      // The memory first: releasing the permit may hand it to a waiter at once.
      this.#free.push(bytes);
      release();
      this.#trim ??= this.#clock.schedule(this.#idleMs, () => this.#dropUnneeded());
    });
  }

  #dropUnneeded(): void {
    this.#free.splice(0, this.#unneeded);
    this.#unneeded = this.#free.length;
    this.#trim = this.#free.length > 0 ? this.#clock.schedule(this.#idleMs, () => this.#dropUnneeded()) : undefined;
  }
}

/** One loan of a slab: a new object each time, so that a late release cannot hit the next holder. */
class HeldSlab implements Slab {
  readonly bytes: Uint8Array<SharedArrayBuffer>;
  readonly #giveBack: () => void;
  #holders = 1;

  constructor(bytes: Uint8Array<SharedArrayBuffer>, giveBack: () => void) {
    this.bytes = bytes;
    this.#giveBack = giveBack;
  }

  retain(): void {
    this.#check();
    this.#holders++;
  }

  release(): void {
    this.#check();
    if (--this.#holders === 0) this.#giveBack();
  }

  #check(): void {
    if (this.#holders === 0) throw new ComputeError('SLAB_RELEASED', 'The slab was given back already');
  }
}
