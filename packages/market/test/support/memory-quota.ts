import type { Quota } from '../../src/index.ts';

/** A store's books without a store. */
export class MemoryQuota implements Quota {
  readonly maxBytes: number;
  usedBytes = 0;
  #reserved = 0;

  constructor(maxBytes: number) {
    this.maxBytes = maxBytes;
  }

  reservedBytes(): number {
    return this.#reserved;
  }

  async reserve(bytes: number): Promise<void> {
    if (this.usedBytes + this.#reserved + bytes > this.maxBytes) throw new Error('over quota');
    this.#reserved += bytes;
  }

  async release(bytes: number): Promise<void> {
    if (bytes > this.#reserved) throw new Error(`released ${bytes} of ${this.#reserved}`);
    this.#reserved -= bytes;
  }
}
