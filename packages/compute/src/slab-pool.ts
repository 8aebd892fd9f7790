import type { AbortOptions } from '@codex/runtime';

/** A piece of pooled shared memory. It goes back to the pool when every holder has released it; later use is `SLAB_RELEASED`. */
export interface Slab {
  readonly bytes: Uint8Array<SharedArrayBuffer>;
  /** Adds a holder. */
  retain(): void;
  release(): void;
}

/** A bounded set of equal slabs of shared memory: memory stays flat whatever flows through it. */
export interface SlabPool {
  readonly slabBytes: number;
  /** Slabs at most. */
  readonly limit: number;
  readonly inUse: number;
  /** Takes a slab, waiting (in order) until one is free. Contents are undefined. */
  acquire(options?: AbortOptions): Promise<Slab>;
}
