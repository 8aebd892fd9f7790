import { createCipheriv, createHash } from 'node:crypto';
import { once } from 'node:events';
import { createWriteStream } from 'node:fs';

/** One write of the client: many blocks of 64 KiB. */
export const CHUNK_BYTES = 1024 * 1024;
const BLOCK_BYTES = 64 * 1024;
/** Buffers that are filled in turn; a writer may hold fewer than this many at once. */
export const CHUNKS_LIVE = 16;

/**
 * Deterministic, incompressible content of any size, at next to no cost: a few chunks of cipher stream are reused, and
 * every 64 KiB block is stamped with the seed and its number, so that no two blocks are equal.
 */
export class Content {
  readonly size: number;
  readonly #seed: number;
  readonly #chunks: Buffer[];

  constructor(init: { readonly seed: number; readonly size: number }) {
    this.size = init.size;
    this.#seed = init.seed;
    const cipher = createCipheriv('aes-128-ctr', Buffer.alloc(16, 7), Buffer.alloc(16));
    this.#chunks = Array.from({ length: CHUNKS_LIVE }, () => cipher.update(Buffer.alloc(CHUNK_BYTES)));
  }

  /** The chunks in order. A chunk is overwritten when `CHUNKS_LIVE` more were taken. */
  *[Symbol.iterator](): Generator<Buffer> {
    for (let offset = 0, n = 0; offset < this.size; offset += CHUNK_BYTES, n++) {
      const chunk = this.#chunks[n % CHUNKS_LIVE]!;
      for (let at = 0; at < CHUNK_BYTES; at += BLOCK_BYTES) {
        chunk.writeUInt32LE(this.#seed, at);
        chunk.writeUInt32LE((offset + at) / BLOCK_BYTES, at + 4);
      }
      yield this.size - offset < CHUNK_BYTES ? chunk.subarray(0, this.size - offset) : chunk;
    }
  }

  /** SHA-256 of all of it, hex. */
  sha256(): string {
    const hash = createHash('sha256');
    for (const chunk of this) hash.update(chunk);
    return hash.digest('hex');
  }

  async writeTo(path: string): Promise<void> {
    const file = createWriteStream(path);
    for (const chunk of this) {
      if (!file.write(chunk)) await once(file, 'drain');
    }
    file.end();
    await once(file, 'close');
  }
}
