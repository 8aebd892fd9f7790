import type { Compute } from '@codex/compute';
import type { AbortOptions } from '@codex/runtime';
import type { Proof, VerificationKey } from '../format/types.ts';
import { verifyJob } from './verify-job.ts';

/**
 * Whether a proof is one of these public signals, in a job. Whatever is wrong with points, signals or their number, of the proof or of
 * the key, the answer is false, as that of the contract (11 §5.5). What belongs to the key is computed once in each thread.
 */
export async function verify(
  compute: Compute,
  key: VerificationKey,
  proof: Proof,
  publicSignals: readonly bigint[],
  options?: AbortOptions,
): Promise<boolean> {
  return await compute.run(verifyJob, { key, proof, publicSignals }, options);
}
