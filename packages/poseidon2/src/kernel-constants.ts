import { EXTERNAL_ROUNDS, INTERNAL_ROUNDS, roundConstants, WIDTH } from './constants.ts';
import { R } from './field.ts';

const LIMBS = 5;
const LIMB_BITS = 51n;
const HALF_LIMB = 1n << (LIMB_BITS - 1n);
const LIMB_MASK = (1n << LIMB_BITS) - 1n;

/** Signed limbs of the Montgomery form nearest to zero: what kernels add (see kernel/numbers.ts). */
function limbsOf(value: bigint): bigint[] {
  const montgomery = (((value << (LIMB_BITS * BigInt(LIMBS))) % R) + R) % R;
  let rest = 2n * montgomery > R ? montgomery - R : montgomery;
  const limbs: bigint[] = [];
  for (let i = 1; i < LIMBS; i++) {
    const limb = ((rest + HALF_LIMB) & LIMB_MASK) - HALF_LIMB;
    limbs.push(limb);
    rest = (rest - limb) >> LIMB_BITS;
  }
  return [...limbs, rest];
}

/**
 * The round constants as the kernels add them: always after a linear layer, for the S-boxes of the next round.
 *
 * In the internal rounds a kernel adds the constant c to the first element before it derives the others from it: they
 * carry along y + c and z + c instead of y and z. What they are off by is known, so later constants take it back.
 */
export function kernelConstants(): { readonly mix: BigInt64Array; readonly inner: BigInt64Array } {
  const { external, internal } = roundConstants();
  const round = (j: number): bigint[] => external.slice(WIDTH * j, WIDTH * (j + 1));
  const inner: bigint[] = [];
  let offY = 0n;
  let offZ = 0n;
  for (let j = 1; j <= INTERNAL_ROUNDS; j++) {
    const constant = internal[j] ?? 0n;
    inner.push(constant - offY - offZ);
    offY = (offY + constant) % R;
    offZ = (2n * offZ + constant) % R;
  }
  const half = EXTERNAL_ROUNDS / 2;
  const [x = 0n, y = 0n, z = 0n] = round(half);
  const mix = [
    ...external.slice(0, WIDTH * half),
    ...[internal[0] ?? 0n, 0n, 0n],
    ...[x, y - offY, z - offZ],
    ...external.slice(WIDTH * (half + 1)),
    ...[0n, 0n, 0n],
  ];
  return { mix: BigInt64Array.from(mix.flatMap(limbsOf)), inner: BigInt64Array.from(inner.flatMap(limbsOf)) };
}
