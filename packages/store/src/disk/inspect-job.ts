import { hash } from 'node:crypto';
import { crc32 } from 'node:zlib';
import type { Job } from '@codex/compute';

// A worker loads this file before its first job: it imports nothing of ours at run time, so that it is there at once.

const DIGEST_BYTES = 32;

export interface InspectInput {
  /** Blocks one after another; best a view of shared memory, which is not copied to the worker. */
  readonly bytes: Uint8Array;
  /** Bytes of each block. */
  readonly lengths: Uint32Array;
}

export interface Inspected {
  /** n × 32 bytes, SHA-256. */
  readonly digests: Uint8Array;
  /** Bytes of each block without the zeros at its end. */
  readonly physicalBytes: Uint32Array;
  /** CRC-32 of those. */
  readonly crcs: Uint32Array;
}

/** Everything that must be known of blocks before they are written. */
export const inspectBlocks: Job<InspectInput, Inspected> = {
  module: import.meta.url,
  name: 'inspectBlocks',
  brief: true,
  run({ bytes, lengths }) {
    const digests = new Uint8Array(lengths.length * DIGEST_BYTES);
    const physicalBytes = new Uint32Array(lengths.length);
    const crcs = new Uint32Array(lengths.length);
    let at = 0;
    for (const [i, length] of lengths.entries()) {
      const block = bytes.subarray(at, at + length);
      digests.set(hash('sha256', block, 'buffer'), i * DIGEST_BYTES);
      physicalBytes[i] = trimmedLength(block);
      crcs[i] = crc32(block.subarray(0, physicalBytes[i]));
      at += length;
    }
    return { digests, physicalBytes, crcs };
  },
};

/** The CRC-32 of consecutive pieces. */
export const checksumPieces: Job<InspectInput, Uint32Array> = {
  module: import.meta.url,
  name: 'checksumPieces',
  brief: true,
  run({ bytes, lengths }) {
    let at = 0;
    return lengths.map((length) => {
      at += length;
      return crc32(bytes.subarray(at - length, at));
    });
  },
};

const ZEROS = Buffer.alloc(4096);

function trimmedLength(block: Uint8Array): number {
  const view = Buffer.from(block.buffer, block.byteOffset, block.byteLength);
  let end = view.length;
  while (end >= ZEROS.length && view.compare(ZEROS, 0, ZEROS.length, end - ZEROS.length, end) === 0)
    end -= ZEROS.length;
  while (end > 0 && view[end - 1] === 0) end--;
  return end;
}
