import { type G1Point, type G2Point, g1, g2, scalarField } from '@codex/bn254';
import { defineJob } from '@codex/compute';
import type { Random } from '@codex/runtime';

/** r has 254 bits. */
const SCALAR_BYTES = 32;
const TOP_BYTE_MASK = 0x3f;

/** What makes a proof one of all that show the same (docs/decisions/0008). */
export interface Randomness {
  /** ρ, not 0. */
  readonly factor: bigint;
  /** t. */
  readonly turn: bigint;
}

export function drawRandomness(random: Random): Randomness {
  let factor = 0n;
  while (factor === 0n) factor = drawScalar(random);
  return { factor, turn: drawScalar(random) };
}

/** From 0 to r - 1, all equally likely. */
function drawScalar(random: Random): bigint {
  for (;;) {
    let value = 0n;
    for (const [i, byte] of random.bytes(SCALAR_BYTES).entries()) {
      value = (value << 8n) | BigInt(i === 0 ? byte & TOP_BYTE_MASK : byte);
    }
    if (value < scalarField.modulus) return value;
  }
}

export interface Turned {
  readonly a: G1Point;
  readonly b: G2Point;
  /** What is added to C. */
  readonly c: G1Point;
}

/** A/ρ, ρ·(B + t·δ) and t·A: some ten ms of BigInt, not for the main thread. */
export const rerandomise = defineJob(
  import.meta.url,
  'rerandomise',
  (input: { a: G1Point; b: G2Point; delta: G2Point; randomness: Randomness }): Turned => {
    const { a, b, delta } = input;
    const { factor, turn } = input.randomness;
    return {
      a: g1.multiply(a, scalarField.invert(factor)),
      b: g2.multiply(g2.add(b, g2.multiply(delta, turn)), factor),
      c: g1.multiply(a, turn),
    };
  },
);
