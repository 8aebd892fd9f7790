import { createHash } from 'node:crypto';
import { WorkerPool } from '@codex/compute';
import { afterAll, expect, it } from 'vitest';
import { EMPTY_DIGEST, hashBlocks } from '../src/index.ts';
import { data, hex, leavesOf } from './vectors.ts';

const pool = new WorkerPool({}, { threads: 1 });
afterAll(() => pool.stop());

it('hashes the blocks of shared memory in a worker', async () => {
  const bytes = new Uint8Array(new SharedArrayBuffer(8 * 4096));
  bytes.set(data('jobs', bytes.length));
  const digests = await pool.run(hashBlocks, { bytes, blockSize: 4096 });
  expect(hex(digests)).toBe(hex(leavesOf(bytes, 4096)));
});

it('hashes a short last block as it is, and nothing of nothing', async () => {
  const bytes = data('jobs', 5000);
  const digests = await pool.run(hashBlocks, { bytes, blockSize: 4096 });
  expect(hex(digests.subarray(32))).toBe(createHash('sha256').update(bytes.subarray(4096)).digest('hex'));
  expect((await pool.run(hashBlocks, { bytes: new Uint8Array(), blockSize: 4096 })).length).toBe(0);
  expect(hex(EMPTY_DIGEST)).toBe(createHash('sha256').digest('hex'));
});
