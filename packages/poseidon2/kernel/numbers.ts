/**
 * The representation that the kernels compute with (10 §1): an element is five signed limbs of 51 bits, lowest first, in
 * Montgomery form with R = 2^255. Limbs are doubles where they are multiplied, 64-bit integers where they are added up.
 */
import { R as MODULUS } from '../src/field.ts';

export { MODULUS };
export const LIMBS = 5;
export const LIMB_BITS = 51n;
const BASE = 1n << LIMB_BITS;
export const LIMB_MASK = BASE - 1n;
export const HALF = BASE / 2n;
const MONTGOMERY = 1n << (LIMB_BITS * BigInt(LIMBS));

/** Limbs in [-2^50, 2^50), the highest takes what is left. */
export function balanced(value: bigint): bigint[] {
  let rest = value;
  const limbs: bigint[] = [];
  for (let i = 1; i < LIMBS; i++) {
    const limb = (((rest + HALF) & LIMB_MASK) - HALF) as bigint;
    limbs.push(limb);
    rest = (rest - limb) >> LIMB_BITS;
  }
  return [...limbs, rest];
}

/** The representative nearest to zero. */
const nearest = (value: bigint, modulus: bigint): bigint => {
  const least = ((value % modulus) + modulus) % modulus;
  return 2n * least > modulus ? least - modulus : least;
};

function inverse(value: bigint, modulus: bigint): bigint {
  let [a, b, x, y] = [((value % modulus) + modulus) % modulus, modulus, 1n, 0n];
  while (a !== 0n) [a, b, x, y] = [b % a, a, y - (b / a) * x, x];
  return ((y % modulus) + modulus) % modulus;
}

/** Factor that brings an element into Montgomery form by one multiplication. */
export const INTO_MONTGOMERY = balanced(nearest(MONTGOMERY * MONTGOMERY, MODULUS));
export const P = balanced(MODULUS);
export const P_UNSIGNED = Array.from({ length: LIMBS }, (_, i) => (MODULUS >> (LIMB_BITS * BigInt(i))) & LIMB_MASK);

/** -1 / p mod 2^51, nearest to zero. */
export const MINUS_INVERSE = nearest(-inverse(MODULUS, BASE), BASE);

/**
 * The multiple of p that is -1 mod 2^51: adding `low limb` times it clears the lowest limb, without a multiplication to
 * find the factor. These are the limbs of (multiple + 1) / 2^51.
 */
export const FRIENDLY = balanced((MINUS_INVERSE * MODULUS + 1n) / BASE);

/** Doubles whose last bit is worth 2^51, and 1: adding one of them rounds, and the bits are those of an integer. */
export const HIGH_MAGIC = 1.5 * 2 ** 103;
export const LOW_MAGIC = 1.5 * 2 ** 52;
/** For Dekker's splitting: the last bit is worth 2^26. */
export const SPLIT_MAGIC = 1.5 * 2 ** 78;

/** The bits of a double. */
export function bitsOf(value: number): bigint {
  return new BigUint64Array(Float64Array.of(value).buffer)[0] ?? 0n;
}

export const HIGH_BIAS = bitsOf(HIGH_MAGIC);
export const LOW_BIAS = bitsOf(LOW_MAGIC);
/** Bits of doubles in [2^52, 2^53): below them stands an integer of 52 bits. */
export const UNIT_BITS = bitsOf(2 ** 52);
