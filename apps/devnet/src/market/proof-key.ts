import { createCompute } from '@codex/compute';
import type { VerificationKey } from '@codex/contracts';
import type { AbortOptions } from '@codex/runtime';

/** What a marketplace must know of the key that its hosts prove with. */
export interface ProofKey {
  readonly verificationKey: VerificationKey;
  /** SHA-256 of the key's file, hex. */
  readonly sha256: string;
}

/**
 * The development key for proofs of so many samples, from `<circuitDir>/development` or made there, where nodes with
 * `--proving-keys=development` and the same `--circuit-dir` find it. Making it takes seconds for one sample.
 */
export async function developmentProofKey(
  init: AbortOptions & { readonly samples: number; readonly circuitDir: string },
): Promise<ProofKey> {
  const { samples, signal } = init;
  const cache = `${init.circuitDir}/development`;
  // What makes proofs is loaded by those alone who want a marketplace.
  const [{ buildCircuit, NETWORK_PARAMETERS }, { developmentKey, readKeyOfProofs }] = await Promise.all([
    import('@codex/circuits'),
    import('@codex/groth16'),
  ]);
  const circuit = await buildCircuit({ ...NETWORK_PARAMETERS, nSamples: samples }, { cache, signal });
  const compute = createCompute();
  try {
    const { sha256, zkey } = await developmentKey({ compute }, { circuit, cache, signal });
    return { sha256, verificationKey: (await readKeyOfProofs(compute, zkey)).verification };
  } finally {
    await compute.stop();
  }
}
