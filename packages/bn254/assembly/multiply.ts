/**
 * Parts of products in Montgomery form, R = 2^255, of two pairs of elements at a time, one in each lane.
 *
 * An element is five limbs of 51 bits, as floating-point numbers that are integers, from about -2^50 to 2^50; limb i counts
 * 2^(51 i). A fused multiply-add gives the high part of a product of limbs, a second one gives the rest, both exact. The
 * bits of these sums are added up as integers: what the exponents add is known beforehand, and is what columns begin with.
 *
 * The lowest four limbs of a product are folded into the next five, all at once: limb i is multiplied by 2^(51 (i - 4)) modulo p.
 * Only then a multiple of p makes the lowest limb vanish. So little waits for what comes before.
 *
 * Limbs of the factors: |a| · |b| at most 2^102. Values: |a b| / R + 1.01 p comes out at most, so factors may be negative or some p.
 */
import { integral, lowBits, middle, numberBits } from './constants';

/** The product rounded to a multiple of 2^51, + 1.5 · 2^103. */
// @ts-expect-error: decorator
@inline
export function high(a: v128, b: v128, up: v128): v128 {
  return ASC_FEATURE_RELAXED_SIMD ? f64x2.relaxed_madd(a, b, up) : f64x2.add(f64x2.mul(a, b), up);
}

/** The rest of the product, + 1.5 · 2^52, given what `high` gave. */
// @ts-expect-error: decorator
@inline
export function low(a: v128, b: v128, h: v128, down: v128): v128 {
  if (ASC_FEATURE_RELAXED_SIMD) return f64x2.relaxed_madd(a, b, f64x2.sub(down, h));
  // Without fused instructions: the error of a rounded product is the sum of products of half limbs.
  const splitter = f64x2.splat(134_217_729);
  const product = f64x2.mul(a, b);
  let t = f64x2.mul(a, splitter);
  const aHigh = f64x2.sub(t, f64x2.sub(t, a));
  const aLow = f64x2.sub(a, aHigh);
  t = f64x2.mul(b, splitter);
  const bHigh = f64x2.sub(t, f64x2.sub(t, b));
  const bLow = f64x2.sub(b, bHigh);
  let error = f64x2.sub(f64x2.mul(aHigh, bHigh), product);
  error = f64x2.add(error, f64x2.mul(aHigh, bLow));
  error = f64x2.add(error, f64x2.mul(aLow, bHigh));
  error = f64x2.add(error, f64x2.mul(aLow, bLow));
  return f64x2.add(f64x2.add(product, f64x2.sub(down, h)), error);
}

/** What makes the lowest column a multiple of 2^51 when so many moduli are added. */
// @ts-expect-error: decorator
@inline
export function quotient(column: v128, inverse: v128, up: v128, down: v128): v128 {
  const m = f64x2.sub(v128.or(v128.and(column, lowBits()), numberBits()), middle());
  return f64x2.sub(low(m, inverse, high(m, inverse, up), down), integral());
}

/** The limb of a column, from -2^50 to 2^50. */
// @ts-expect-error: decorator
@inline
export function limb(column: v128): v128 {
  return f64x2.sub(v128.or(v128.and(column, lowBits()), numberBits()), middle());
}

/** What the column hands on. */
// @ts-expect-error: decorator
@inline
export function carry(column: v128): v128 {
  return i64x2.shr_u(column, 51);
}
