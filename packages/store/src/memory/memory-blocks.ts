import { StoreError } from '../errors.ts';
import type { Quota } from '../quota.ts';

interface Entry {
  readonly bytes: Uint8Array;
  /** Leaves of all trees that hold it. */
  references: number;
  /** Set while the block was put on its own: when that ends, Unix time in ms. */
  expiry: number | undefined;
}

/** Data blocks by digest, with their references (03 §4). */
export class MemoryBlocks {
  readonly #quota: Quota;
  readonly #entries = new Map<string, Entry>();

  constructor(quota: Quota) {
    this.#quota = quota;
  }

  get(digest: Uint8Array): Uint8Array | undefined {
    return this.#entries.get(keyOf(digest))?.bytes;
  }

  has(digest: Uint8Array): boolean {
    return this.#entries.has(keyOf(digest));
  }

  /** Adds a leaf's reference; stores a copy of `bytes` when the block is new. Error: `QUOTA_EXCEEDED`. */
  addReference(digest: Uint8Array, bytes: Uint8Array): void {
    this.#obtain(digest, bytes).references++;
  }

  /** Stores a block for its own sake; a later expiry is kept. */
  pin(digest: Uint8Array, bytes: Uint8Array, expiry: number): void {
    const entry = this.#obtain(digest, bytes);
    entry.expiry = Math.max(entry.expiry ?? 0, expiry);
  }

  dropReference(digest: Uint8Array): void {
    const key = keyOf(digest);
    const entry = this.#entries.get(key);
    if (!entry) return;
    entry.references--;
    this.#dropUnused(key, entry);
  }

  /** Deletes a block that was put on its own. Error: `BLOCK_IN_USE`. */
  delete(digest: Uint8Array): boolean {
    const key = keyOf(digest);
    const entry = this.#entries.get(key);
    if (!entry) return false;
    if (entry.references > 0) {
      throw new StoreError('BLOCK_IN_USE', 'Directly deleting a block that is part of a dataset is not allowed.');
    }
    entry.expiry = undefined;
    this.#dropUnused(key, entry);
    return true;
  }

  /** Ends the own lives of up to `limit` expired blocks and returns how many. */
  expire(nowMs: number, limit: number): number {
    let expired = 0;
    for (const [key, entry] of this.#entries) {
      if (expired === limit) break;
      if (entry.expiry === undefined || entry.expiry >= nowMs) continue;
      entry.expiry = undefined;
      this.#dropUnused(key, entry);
      expired++;
    }
    return expired;
  }

  #obtain(digest: Uint8Array, bytes: Uint8Array): Entry {
    const key = keyOf(digest);
    let entry = this.#entries.get(key);
    if (!entry) {
      this.#quota.take(1, bytes.length);
      entry = { bytes: new Uint8Array(bytes), references: 0, expiry: undefined };
      this.#entries.set(key, entry);
    }
    return entry;
  }

  #dropUnused(key: string, entry: Entry): void {
    if (entry.references > 0 || entry.expiry !== undefined) return;
    this.#entries.delete(key);
    this.#quota.give(1, entry.bytes.length);
  }
}

/** A digest as a map key. */
export function keyOf(digest: Uint8Array): string {
  return Buffer.from(digest.buffer, digest.byteOffset, digest.byteLength).toString('latin1');
}
