import { type Fp2, type Fp12, fp12, type G1Point, type G2Point, pairingProduct } from '@codex/bn254';
import { type Compute, defineJob } from '@codex/compute';
import type { AbortOptions } from '@codex/runtime';
import type { Proof, VerificationKey } from '../format/types.ts';

type Text1 = [string, string, string];
type Pair = [string, string];
type Text2 = [Pair, Pair, Pair];

/** As in proof.json of snarkjs. */
export interface ProofJson {
  readonly pi_a: Text1;
  readonly pi_b: Text2;
  readonly pi_c: Text1;
  readonly protocol: 'groth16';
  readonly curve: 'bn128';
}

/** As in verification_key.json of snarkjs. */
export interface VerificationKeyJson {
  readonly protocol: 'groth16';
  readonly curve: 'bn128';
  readonly nPublic: number;
  readonly vk_alpha_1: Text1;
  readonly vk_beta_2: Text2;
  readonly vk_gamma_2: Text2;
  readonly vk_delta_2: Text2;
  /** The pairing of α and β, to a power (see `POWER`). */
  readonly vk_alphabeta_12: [Text2, Text2];
  readonly IC: readonly Text1[];
}

export function encodeProof({ a, b, c }: Proof): ProofJson {
  return { pi_a: g1(a), pi_b: g2(b), pi_c: g1(c), protocol: 'groth16', curve: 'bn128' };
}

/** As in public.json. */
export function encodePublicSignals(signals: readonly bigint[]): string[] {
  return signals.map(String);
}

/** The pairing takes milliseconds, and is done in a job. */
export async function encodeVerificationKey(
  compute: Compute,
  { alpha, beta, gamma, delta, ic }: VerificationKey,
  options?: AbortOptions,
): Promise<VerificationKeyJson> {
  const { c0, c1 } = await compute.run(pairJob, { g1: alpha, g2: beta }, options);
  const text = ({ c0, c1, c2 }: Fp12['c0']): Text2 => [pair(c0), pair(c1), pair(c2)];
  return {
    protocol: 'groth16',
    curve: 'bn128',
    nPublic: ic.length - 1,
    vk_alpha_1: g1(alpha),
    vk_beta_2: g2(beta),
    vk_gamma_2: g2(gamma),
    vk_delta_2: g2(delta),
    vk_alphabeta_12: [text(c0), text(c1)],
    IC: ic.map(g1),
  };
}

/** The curve's parameter, and the power of the pairing that snarkjs writes: its last step of the exponent is this multiple. */
const X = 4965661367192848881n;
const POWER = 2n * X * (6n * X * X + 3n * X + 1n);

export const pairJob = defineJob(
  import.meta.url,
  'pairJob',
  (pair: { readonly g1: G1Point; readonly g2: G2Point }): Fp12 => fp12.powerUnitary(pairingProduct([pair]), POWER),
);

function g1(point: G1Point): Text1 {
  return point ? [String(point.x), String(point.y), '1'] : ['0', '1', '0'];
}

function pair({ real, imaginary }: Fp2): Pair {
  return [String(real), String(imaginary)];
}

function g2(point: G2Point): Text2 {
  if (!point)
    return [
      ['0', '0'],
      ['1', '0'],
      ['0', '0'],
    ];
  return [pair(point.x), pair(point.y), ['1', '0']];
}
