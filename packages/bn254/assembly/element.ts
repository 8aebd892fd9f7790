/** Sums, differences and small values of elements; an element is as multiply.ts says, two of them lie in 80 bytes. */
import { limbDown, modulus, modulusBits, reciprocal, roundUp } from './constants';

/** Bytes of a pair of elements. */
// @ts-expect-error: decorator
@inline
export const PAIR: usize = 80;

/** Limbs are added, and nothing is carried: a few sums may follow each other before `settle`. */
// @ts-expect-error: decorator
@inline
export function add(to: usize, a: usize, b: usize): void {
  v128.store(to, f64x2.add(v128.load(a, 0), v128.load(b, 0)), 0);
  v128.store(to, f64x2.add(v128.load(a, 16), v128.load(b, 16)), 16);
  v128.store(to, f64x2.add(v128.load(a, 32), v128.load(b, 32)), 32);
  v128.store(to, f64x2.add(v128.load(a, 48), v128.load(b, 48)), 48);
  v128.store(to, f64x2.add(v128.load(a, 64), v128.load(b, 64)), 64);
}

// @ts-expect-error: decorator
@inline
export function subtract(to: usize, a: usize, b: usize): void {
  v128.store(to, f64x2.sub(v128.load(a, 0), v128.load(b, 0)), 0);
  v128.store(to, f64x2.sub(v128.load(a, 16), v128.load(b, 16)), 16);
  v128.store(to, f64x2.sub(v128.load(a, 32), v128.load(b, 32)), 32);
  v128.store(to, f64x2.sub(v128.load(a, 48), v128.load(b, 48)), 48);
  v128.store(to, f64x2.sub(v128.load(a, 64), v128.load(b, 64)), 64);
}

// @ts-expect-error: decorator
@inline
export function copyPair(to: usize, from: usize): void {
  v128.store(to, v128.load(from, 0), 0);
  v128.store(to, v128.load(from, 16), 16);
  v128.store(to, v128.load(from, 32), 32);
  v128.store(to, v128.load(from, 48), 48);
  v128.store(to, v128.load(from, 64), 64);
}

/** Product and difference; the product is exact, so that it does not matter whether it is rounded. */
// @ts-expect-error: decorator
@inline
function lessProduct(x: v128, a: v128, b: v128): v128 {
  return ASC_FEATURE_RELAXED_SIMD ? f64x2.relaxed_nmadd(a, b, x) : f64x2.sub(x, f64x2.mul(a, b));
}

// @ts-expect-error: decorator
@inline
function plusProduct(x: v128, a: v128, b: v128): v128 {
  return ASC_FEATURE_RELAXED_SIMD ? f64x2.relaxed_madd(a, b, x) : f64x2.add(x, f64x2.mul(a, b));
}

/**
 * Takes off the nearest multiple of the modulus and carries: from limbs up to 2^52 and values up to 4 p, to limbs up to 2^50
 * and values a little above p / 2 at most.
 */
export function settle(to: usize, a: usize, field: usize): void {
  const up = roundUp();
  const down = limbDown();
  let x = v128.load(a, 64);
  const times = f64x2.nearest(f64x2.mul(x, reciprocal(field)));
  const top = lessProduct(x, times, modulus(field, 4));
  x = lessProduct(v128.load(a), times, modulus(field, 0));
  let high = f64x2.sub(f64x2.add(x, up), up);
  v128.store(to, f64x2.sub(x, high));
  x = plusProduct(lessProduct(v128.load(a, 16), times, modulus(field, 1)), high, down);
  high = f64x2.sub(f64x2.add(x, up), up);
  v128.store(to, f64x2.sub(x, high), 16);
  x = plusProduct(lessProduct(v128.load(a, 32), times, modulus(field, 2)), high, down);
  high = f64x2.sub(f64x2.add(x, up), up);
  v128.store(to, f64x2.sub(x, high), 32);
  x = plusProduct(lessProduct(v128.load(a, 48), times, modulus(field, 3)), high, down);
  high = f64x2.sub(f64x2.add(x, up), up);
  v128.store(to, f64x2.sub(x, high), 48);
  v128.store(to, plusProduct(top, high, down), 64);
}

/** Whether a settled element is 0; `lane` is 0 or 8. */
export function isZero(a: usize, lane: usize): bool {
  for (let i: usize = lane; i < 80; i += 16) if (load<f64>(a + i) != 0) return false;
  return true;
}

/** Reads one element of 32 bytes, little-endian, below p, into each lane. The limbs lie from 0 to 2^51. */
export function unpack(to: usize, from0: usize, from1: usize): void {
  const mask = i64x2.splat((1 << 51) - 1);
  const exponent = i64x2.splat(0x4330000000000000);
  const offset = f64x2.splat(4503599627370496);
  const w0 = v128.load64_lane(from1, v128.load64_zero(from0), 1);
  const w1 = v128.load64_lane(from1, v128.load64_zero(from0, 8), 1, 8);
  const w2 = v128.load64_lane(from1, v128.load64_zero(from0, 16), 1, 16);
  const w3 = v128.load64_lane(from1, v128.load64_zero(from0, 24), 1, 24);
  const l1 = v128.or(i64x2.shr_u(w0, 51), i64x2.shl(w1, 13));
  const l2 = v128.or(i64x2.shr_u(w1, 38), i64x2.shl(w2, 26));
  const l3 = v128.or(i64x2.shr_u(w2, 25), i64x2.shl(w3, 39));
  const l4 = i64x2.shr_u(w3, 12);
  v128.store(to, f64x2.sub(v128.or(v128.and(w0, mask), exponent), offset));
  v128.store(to, f64x2.sub(v128.or(v128.and(l1, mask), exponent), offset), 16);
  v128.store(to, f64x2.sub(v128.or(v128.and(l2, mask), exponent), offset), 32);
  v128.store(to, f64x2.sub(v128.or(v128.and(l3, mask), exponent), offset), 48);
  v128.store(to, f64x2.sub(v128.or(v128.and(l4, mask), exponent), offset), 64);
}

/** A limb as an integer. */
// @ts-expect-error: decorator
@inline
export function integerOf(at: usize): i64 {
  return i64.reinterpret_f64(load<f64>(at) + 6755399441055744) - 0x4338000000000000;
}

/** Writes the settled element of one lane (0 or 8) as 32 bytes, from 0 to p - 1. */
export function pack(to: usize, a: usize, lane: usize, field: usize): void {
  const at = a + lane;
  packIntegers(
    to, integerOf(at), integerOf(at + 16), integerOf(at + 32), integerOf(at + 48), integerOf(at + 64), field,
  );
}

/** The same of limbs that are integers. */
// @ts-expect-error: decorator
@inline
export function packIntegers(to: usize, l0: i64, l1: i64, l2: i64, l3: i64, l4: i64, field: usize): void {
  const mask: i64 = (1 << 51) - 1;
  l1 += l0 >> 51;
  l2 += l1 >> 51;
  l3 += l2 >> 51;
  l4 += l3 >> 51;
  const negative = l4 >> 63;
  l0 = (l0 & mask) + (modulusBits(field, 0) & negative);
  l1 = (l1 & mask) + (modulusBits(field, 1) & negative) + (l0 >> 51);
  l2 = (l2 & mask) + (modulusBits(field, 2) & negative) + (l1 >> 51);
  l3 = (l3 & mask) + (modulusBits(field, 3) & negative) + (l2 >> 51);
  l4 = l4 + (modulusBits(field, 4) & negative) + (l3 >> 51);
  l0 &= mask;
  l1 &= mask;
  l2 &= mask;
  l3 &= mask;
  store<i64>(to, l0 | (l1 << 51));
  store<i64>(to, (l1 >> 13) | (l2 << 38), 8);
  store<i64>(to, (l2 >> 26) | (l3 << 25), 16);
  store<i64>(to, (l3 >> 39) | (l4 << 12), 24);
}
