import type { SpaceUsage } from '@codex/content';
import { StoreError } from './errors.ts';

/**
 * The books of the store (03 §3): logical bytes, padded blocks plus manifests, each distinct CID once. Bytes are booked
 * before they are written, so that the quota is never exceeded, not even by what is under way.
 */
export class Quota {
  readonly maxBytes: number;
  #blocks = 0;
  #used = 0;
  #reserved = 0;
  #underWayBlocks = 0;
  #underWayBytes = 0;

  constructor(maxBytes: number, counters: { blocks?: number; usedBytes?: number; reservedBytes?: number } = {}) {
    this.maxBytes = maxBytes;
    this.#blocks = counters.blocks ?? 0;
    this.#used = counters.usedBytes ?? 0;
    this.#reserved = counters.reservedBytes ?? 0;
  }

  /** Books blocks. Error: `QUOTA_EXCEEDED` when used + reserved would be more than the quota; equality is allowed. */
  take(blocks: number, bytes: number): void {
    this.#check(bytes);
    this.#blocks += blocks;
    this.#used += bytes;
  }

  /** Books blocks out. */
  give(blocks: number, bytes: number): void {
    this.#blocks -= blocks;
    this.#used -= bytes;
  }

  /** Books blocks that are about to be written; `arrived` or `failed` must follow. Error: `QUOTA_EXCEEDED`. */
  announce(blocks: number, bytes: number): void {
    this.take(blocks, bytes);
    this.#underWayBlocks += blocks;
    this.#underWayBytes += bytes;
  }

  /** Announced blocks were written and recorded. */
  arrived(blocks: number, bytes: number): void {
    this.#underWayBlocks -= blocks;
    this.#underWayBytes -= bytes;
  }

  /** Announced blocks could not be written. */
  failed(blocks: number, bytes: number): void {
    this.arrived(blocks, bytes);
    this.give(blocks, bytes);
  }

  /** The books without what is under way: what the records add up to. */
  recorded(): { readonly blocks: number; readonly usedBytes: number; readonly reservedBytes: number } {
    return {
      blocks: this.#blocks - this.#underWayBlocks,
      usedBytes: this.#used - this.#underWayBytes,
      reservedBytes: this.#reserved,
    };
  }

  reserve(bytes: number): void {
    checkBytes(bytes);
    this.#check(bytes);
    this.#reserved += bytes;
  }

  release(bytes: number): void {
    checkBytes(bytes);
    if (bytes > this.#reserved) {
      throw new StoreError('RESERVATION_UNDERFLOW', `Cannot release ${bytes} of ${this.#reserved} reserved bytes`, {
        bytes,
        reservedBytes: this.#reserved,
      });
    }
    this.#reserved -= bytes;
  }

  usage(): SpaceUsage {
    return {
      totalBlocks: this.#blocks,
      quotaMaxBytes: this.maxBytes,
      quotaUsedBytes: this.#used,
      quotaReservedBytes: this.#reserved,
    };
  }

  #check(bytes: number): void {
    const availableBytes = this.maxBytes - this.#used - this.#reserved;
    if (bytes > availableBytes) {
      throw new StoreError('QUOTA_EXCEEDED', `${bytes} bytes do not fit: ${availableBytes} of the quota are free`, {
        bytes,
        availableBytes,
        quotaMaxBytes: this.maxBytes,
      });
    }
  }
}

function checkBytes(bytes: number): void {
  if (!Number.isSafeInteger(bytes) || bytes < 0) {
    throw new StoreError('RANGE_INVALID', `Not a number of bytes: ${bytes}`, { bytes });
  }
}
