import { hash } from 'node:crypto';
import { defineJob, type Job } from '@codex/compute';
import { DIGEST_BYTES } from './constants.ts';

export interface HashBlocksInput {
  /** Consecutive blocks; best a view of shared memory, which is not copied to the worker. */
  readonly bytes: Uint8Array;
  /** Bytes of each block. A shorter last one is hashed as it is. */
  readonly blockSize: number;
}

/** The SHA-256 digests of consecutive blocks of equal size: n × 32 bytes. */
export const hashBlocks: Job<HashBlocksInput, Uint8Array> = defineJob(
  import.meta.url,
  'hashBlocks',
  ({ bytes, blockSize }: HashBlocksInput) => {
    const count = Math.ceil(bytes.length / blockSize);
    const digests = new Uint8Array(count * DIGEST_BYTES);
    for (let i = 0; i < count; i++) {
      const block = bytes.subarray(i * blockSize, (i + 1) * blockSize);
      digests.set(hash('sha256', block, 'buffer'), i * DIGEST_BYTES);
    }
    return digests;
  },
);
