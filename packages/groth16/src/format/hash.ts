import { createHash } from 'node:crypto';
import { type Compute, defineJob } from '@codex/compute';
import type { AbortOptions } from '@codex/runtime';
import { Groth16Error } from '../errors.ts';
import { readAt, type Source, withSource } from './source.ts';
import { runStoppable, type StopFlag, throwIfStopped } from './stoppable.ts';

const PIECE_BYTES = 1 << 20;

export const hashJob = defineJob(
  import.meta.url,
  'hashJob',
  ({ source, stop }: { readonly source: Source; readonly stop: StopFlag }): string => {
    const hash = createHash('sha256');
    const piece = new Uint8Array(PIECE_BYTES);
    for (let at = 0; at < source.bytes; at += PIECE_BYTES) {
      throwIfStopped(stop);
      const part = piece.subarray(0, Math.min(PIECE_BYTES, source.bytes - at));
      readAt(source, at, part);
      hash.update(part);
    }
    return hash.digest('hex');
  },
);

/**
 * SHA-256 of a file, in hexadecimal digits: what a zkey is known by (11 §5.3).
 *
 * @throws GROTH16_FILE_UNREADABLE
 */
export async function hashFile(compute: Compute, path: string, options: AbortOptions = {}): Promise<string> {
  return await withSource(path, path, (source) => runStoppable(compute, hashJob, { source }, options));
}

/**
 * Makes sure that a proving key is the one that is meant, say by `configuration().proofs.zkeyHash`.
 *
 * @throws GROTH16_KEY_HASH_MISMATCH, GROTH16_FILE_UNREADABLE
 */
export async function expectKeyHash(
  compute: Compute,
  path: string,
  expected: string,
  options?: AbortOptions,
): Promise<void> {
  const found = await hashFile(compute, path, options);
  if (found === expected.toLowerCase().replace(/^0x/, '')) return;
  throw new Groth16Error('GROTH16_KEY_HASH_MISMATCH', `${path} is another key: its hash is ${found}, not ${expected}`, {
    path,
    found,
    expected,
  });
}
