/**
 * Products in Montgomery form, R = 2^255, of two pairs of elements at a time, one in each lane.
 *
 * An element is five limbs of 51 bits, as floating-point numbers that are integers, from about -2^50 to 2^50; limb i counts
 * 2^(51 i). A fused multiply-add gives the high part of a product of limbs, a second one gives the rest, both exact. The
 * bits of these sums are added up as integers: what the exponents add is known beforehand, and is what columns begin with.
 *
 * Limbs of the factors: |a| · |b| at most 2^102. Values: |a b| / R + p / 2 comes out, so factors may be negative or some p.
 */
import {
  columnStart, integral, lowBits, middle, modulus, negativeInverse, numberBits, roundDown, roundUp,
  squareStart,
} from './constants';

/** The product rounded to a multiple of 2^51, + 1.5 · 2^103. */
// @ts-expect-error: decorator
@inline
function high(a: v128, b: v128, up: v128): v128 {
  return ASC_FEATURE_RELAXED_SIMD ? f64x2.relaxed_madd(a, b, up) : f64x2.add(f64x2.mul(a, b), up);
}

/** The rest of the product, + 1.5 · 2^52, given what `high` gave. */
// @ts-expect-error: decorator
@inline
function low(a: v128, b: v128, h: v128, down: v128): v128 {
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
function quotient(column: v128, inverse: v128, up: v128, down: v128): v128 {
  const m = f64x2.sub(v128.or(v128.and(column, lowBits()), numberBits()), middle());
  return f64x2.sub(low(m, inverse, high(m, inverse, up), down), integral());
}

/** A limb of the result, and what it hands on. */
// @ts-expect-error: decorator
@inline
function limb(column: v128): v128 {
  return f64x2.sub(v128.or(v128.and(column, lowBits()), numberBits()), middle());
}

// @ts-expect-error: decorator
@inline
function carry(column: v128): v128 {
  return i64x2.shr_u(column, 51);
}

export function multiply(to: usize, a: usize, b: usize, field: usize): void {
  const up = roundUp();
  const down = roundDown();
  const inverse = negativeInverse(field);
  const a0 = v128.load(a, 0);
  const a1 = v128.load(a, 16);
  const a2 = v128.load(a, 32);
  const a3 = v128.load(a, 48);
  const a4 = v128.load(a, 64);
  let t0 = columnStart(0);
  let t1 = columnStart(1);
  let t2 = columnStart(2);
  let t3 = columnStart(3);
  let t4 = columnStart(4);
  let h: v128;
  let f: v128;
  let t5 = columnStart(5);
  let t6 = columnStart(6);
  let t7 = columnStart(7);
  let t8 = columnStart(8);
  let t9 = columnStart(9);

  f = v128.load(b, 0);
  h = high(a0, f, up);
  t0 = i64x2.add(t0, low(a0, f, h, down));
  t1 = i64x2.add(t1, h);
  h = high(a1, f, up);
  t1 = i64x2.add(t1, low(a1, f, h, down));
  t2 = i64x2.add(t2, h);
  h = high(a2, f, up);
  t2 = i64x2.add(t2, low(a2, f, h, down));
  t3 = i64x2.add(t3, h);
  h = high(a3, f, up);
  t3 = i64x2.add(t3, low(a3, f, h, down));
  t4 = i64x2.add(t4, h);
  h = high(a4, f, up);
  t4 = i64x2.add(t4, low(a4, f, h, down));
  t5 = i64x2.add(t5, h);
  f = quotient(t0, inverse, up, down);
  h = high(modulus(field, 0), f, up);
  t0 = i64x2.add(t0, low(modulus(field, 0), f, h, down));
  t1 = i64x2.add(t1, h);
  h = high(modulus(field, 1), f, up);
  t1 = i64x2.add(t1, low(modulus(field, 1), f, h, down));
  t2 = i64x2.add(t2, h);
  h = high(modulus(field, 2), f, up);
  t2 = i64x2.add(t2, low(modulus(field, 2), f, h, down));
  t3 = i64x2.add(t3, h);
  h = high(modulus(field, 3), f, up);
  t3 = i64x2.add(t3, low(modulus(field, 3), f, h, down));
  t4 = i64x2.add(t4, h);
  h = high(modulus(field, 4), f, up);
  t4 = i64x2.add(t4, low(modulus(field, 4), f, h, down));
  t5 = i64x2.add(t5, h);
  t1 = i64x2.add(t1, carry(t0));

  f = v128.load(b, 16);
  h = high(a0, f, up);
  t1 = i64x2.add(t1, low(a0, f, h, down));
  t2 = i64x2.add(t2, h);
  h = high(a1, f, up);
  t2 = i64x2.add(t2, low(a1, f, h, down));
  t3 = i64x2.add(t3, h);
  h = high(a2, f, up);
  t3 = i64x2.add(t3, low(a2, f, h, down));
  t4 = i64x2.add(t4, h);
  h = high(a3, f, up);
  t4 = i64x2.add(t4, low(a3, f, h, down));
  t5 = i64x2.add(t5, h);
  h = high(a4, f, up);
  t5 = i64x2.add(t5, low(a4, f, h, down));
  t6 = i64x2.add(t6, h);
  f = quotient(t1, inverse, up, down);
  h = high(modulus(field, 0), f, up);
  t1 = i64x2.add(t1, low(modulus(field, 0), f, h, down));
  t2 = i64x2.add(t2, h);
  h = high(modulus(field, 1), f, up);
  t2 = i64x2.add(t2, low(modulus(field, 1), f, h, down));
  t3 = i64x2.add(t3, h);
  h = high(modulus(field, 2), f, up);
  t3 = i64x2.add(t3, low(modulus(field, 2), f, h, down));
  t4 = i64x2.add(t4, h);
  h = high(modulus(field, 3), f, up);
  t4 = i64x2.add(t4, low(modulus(field, 3), f, h, down));
  t5 = i64x2.add(t5, h);
  h = high(modulus(field, 4), f, up);
  t5 = i64x2.add(t5, low(modulus(field, 4), f, h, down));
  t6 = i64x2.add(t6, h);
  t2 = i64x2.add(t2, carry(t1));

  f = v128.load(b, 32);
  h = high(a0, f, up);
  t2 = i64x2.add(t2, low(a0, f, h, down));
  t3 = i64x2.add(t3, h);
  h = high(a1, f, up);
  t3 = i64x2.add(t3, low(a1, f, h, down));
  t4 = i64x2.add(t4, h);
  h = high(a2, f, up);
  t4 = i64x2.add(t4, low(a2, f, h, down));
  t5 = i64x2.add(t5, h);
  h = high(a3, f, up);
  t5 = i64x2.add(t5, low(a3, f, h, down));
  t6 = i64x2.add(t6, h);
  h = high(a4, f, up);
  t6 = i64x2.add(t6, low(a4, f, h, down));
  t7 = i64x2.add(t7, h);
  f = quotient(t2, inverse, up, down);
  h = high(modulus(field, 0), f, up);
  t2 = i64x2.add(t2, low(modulus(field, 0), f, h, down));
  t3 = i64x2.add(t3, h);
  h = high(modulus(field, 1), f, up);
  t3 = i64x2.add(t3, low(modulus(field, 1), f, h, down));
  t4 = i64x2.add(t4, h);
  h = high(modulus(field, 2), f, up);
  t4 = i64x2.add(t4, low(modulus(field, 2), f, h, down));
  t5 = i64x2.add(t5, h);
  h = high(modulus(field, 3), f, up);
  t5 = i64x2.add(t5, low(modulus(field, 3), f, h, down));
  t6 = i64x2.add(t6, h);
  h = high(modulus(field, 4), f, up);
  t6 = i64x2.add(t6, low(modulus(field, 4), f, h, down));
  t7 = i64x2.add(t7, h);
  t3 = i64x2.add(t3, carry(t2));

  f = v128.load(b, 48);
  h = high(a0, f, up);
  t3 = i64x2.add(t3, low(a0, f, h, down));
  t4 = i64x2.add(t4, h);
  h = high(a1, f, up);
  t4 = i64x2.add(t4, low(a1, f, h, down));
  t5 = i64x2.add(t5, h);
  h = high(a2, f, up);
  t5 = i64x2.add(t5, low(a2, f, h, down));
  t6 = i64x2.add(t6, h);
  h = high(a3, f, up);
  t6 = i64x2.add(t6, low(a3, f, h, down));
  t7 = i64x2.add(t7, h);
  h = high(a4, f, up);
  t7 = i64x2.add(t7, low(a4, f, h, down));
  t8 = i64x2.add(t8, h);
  f = quotient(t3, inverse, up, down);
  h = high(modulus(field, 0), f, up);
  t3 = i64x2.add(t3, low(modulus(field, 0), f, h, down));
  t4 = i64x2.add(t4, h);
  h = high(modulus(field, 1), f, up);
  t4 = i64x2.add(t4, low(modulus(field, 1), f, h, down));
  t5 = i64x2.add(t5, h);
  h = high(modulus(field, 2), f, up);
  t5 = i64x2.add(t5, low(modulus(field, 2), f, h, down));
  t6 = i64x2.add(t6, h);
  h = high(modulus(field, 3), f, up);
  t6 = i64x2.add(t6, low(modulus(field, 3), f, h, down));
  t7 = i64x2.add(t7, h);
  h = high(modulus(field, 4), f, up);
  t7 = i64x2.add(t7, low(modulus(field, 4), f, h, down));
  t8 = i64x2.add(t8, h);
  t4 = i64x2.add(t4, carry(t3));

  f = v128.load(b, 64);
  h = high(a0, f, up);
  t4 = i64x2.add(t4, low(a0, f, h, down));
  t5 = i64x2.add(t5, h);
  h = high(a1, f, up);
  t5 = i64x2.add(t5, low(a1, f, h, down));
  t6 = i64x2.add(t6, h);
  h = high(a2, f, up);
  t6 = i64x2.add(t6, low(a2, f, h, down));
  t7 = i64x2.add(t7, h);
  h = high(a3, f, up);
  t7 = i64x2.add(t7, low(a3, f, h, down));
  t8 = i64x2.add(t8, h);
  h = high(a4, f, up);
  t8 = i64x2.add(t8, low(a4, f, h, down));
  t9 = i64x2.add(t9, h);
  f = quotient(t4, inverse, up, down);
  h = high(modulus(field, 0), f, up);
  t4 = i64x2.add(t4, low(modulus(field, 0), f, h, down));
  t5 = i64x2.add(t5, h);
  h = high(modulus(field, 1), f, up);
  t5 = i64x2.add(t5, low(modulus(field, 1), f, h, down));
  t6 = i64x2.add(t6, h);
  h = high(modulus(field, 2), f, up);
  t6 = i64x2.add(t6, low(modulus(field, 2), f, h, down));
  t7 = i64x2.add(t7, h);
  h = high(modulus(field, 3), f, up);
  t7 = i64x2.add(t7, low(modulus(field, 3), f, h, down));
  t8 = i64x2.add(t8, h);
  h = high(modulus(field, 4), f, up);
  t8 = i64x2.add(t8, low(modulus(field, 4), f, h, down));
  t9 = i64x2.add(t9, h);
  t5 = i64x2.add(t5, carry(t4));

  v128.store(to, limb(t5), 0);
  t6 = i64x2.add(t6, carry(t5));
  v128.store(to, limb(t6), 16);
  t7 = i64x2.add(t7, carry(t6));
  v128.store(to, limb(t7), 32);
  t8 = i64x2.add(t8, carry(t7));
  v128.store(to, limb(t8), 48);
  t9 = i64x2.add(t9, carry(t8));
  v128.store(to, f64x2.sub(t9, integral()), 64);
}

export function square(to: usize, a: usize, field: usize): void {
  const up = roundUp();
  const down = roundDown();
  const inverse = negativeInverse(field);
  const a0 = v128.load(a, 0);
  const a1 = v128.load(a, 16);
  const a2 = v128.load(a, 32);
  const a3 = v128.load(a, 48);
  const a4 = v128.load(a, 64);
  const d1 = f64x2.add(a1, a1);
  const d2 = f64x2.add(a2, a2);
  const d3 = f64x2.add(a3, a3);
  const d4 = f64x2.add(a4, a4);
  let t0 = squareStart(0);
  let t1 = squareStart(1);
  let t2 = squareStart(2);
  let t3 = squareStart(3);
  let t4 = squareStart(4);
  let h: v128;
  let f: v128;
  let t5 = squareStart(5);
  let t6 = squareStart(6);
  let t7 = squareStart(7);
  let t8 = squareStart(8);
  let t9 = squareStart(9);

  h = high(a0, a0, up);
  t0 = i64x2.add(t0, low(a0, a0, h, down));
  t1 = i64x2.add(t1, h);
  h = high(a0, d1, up);
  t1 = i64x2.add(t1, low(a0, d1, h, down));
  t2 = i64x2.add(t2, h);
  h = high(a0, d2, up);
  t2 = i64x2.add(t2, low(a0, d2, h, down));
  t3 = i64x2.add(t3, h);
  h = high(a0, d3, up);
  t3 = i64x2.add(t3, low(a0, d3, h, down));
  t4 = i64x2.add(t4, h);
  h = high(a0, d4, up);
  t4 = i64x2.add(t4, low(a0, d4, h, down));
  t5 = i64x2.add(t5, h);
  f = quotient(t0, inverse, up, down);
  h = high(modulus(field, 0), f, up);
  t0 = i64x2.add(t0, low(modulus(field, 0), f, h, down));
  t1 = i64x2.add(t1, h);
  h = high(modulus(field, 1), f, up);
  t1 = i64x2.add(t1, low(modulus(field, 1), f, h, down));
  t2 = i64x2.add(t2, h);
  h = high(modulus(field, 2), f, up);
  t2 = i64x2.add(t2, low(modulus(field, 2), f, h, down));
  t3 = i64x2.add(t3, h);
  h = high(modulus(field, 3), f, up);
  t3 = i64x2.add(t3, low(modulus(field, 3), f, h, down));
  t4 = i64x2.add(t4, h);
  h = high(modulus(field, 4), f, up);
  t4 = i64x2.add(t4, low(modulus(field, 4), f, h, down));
  t5 = i64x2.add(t5, h);
  t1 = i64x2.add(t1, carry(t0));

  h = high(a1, a1, up);
  t2 = i64x2.add(t2, low(a1, a1, h, down));
  t3 = i64x2.add(t3, h);
  h = high(a1, d2, up);
  t3 = i64x2.add(t3, low(a1, d2, h, down));
  t4 = i64x2.add(t4, h);
  h = high(a1, d3, up);
  t4 = i64x2.add(t4, low(a1, d3, h, down));
  t5 = i64x2.add(t5, h);
  h = high(a1, d4, up);
  t5 = i64x2.add(t5, low(a1, d4, h, down));
  t6 = i64x2.add(t6, h);
  f = quotient(t1, inverse, up, down);
  h = high(modulus(field, 0), f, up);
  t1 = i64x2.add(t1, low(modulus(field, 0), f, h, down));
  t2 = i64x2.add(t2, h);
  h = high(modulus(field, 1), f, up);
  t2 = i64x2.add(t2, low(modulus(field, 1), f, h, down));
  t3 = i64x2.add(t3, h);
  h = high(modulus(field, 2), f, up);
  t3 = i64x2.add(t3, low(modulus(field, 2), f, h, down));
  t4 = i64x2.add(t4, h);
  h = high(modulus(field, 3), f, up);
  t4 = i64x2.add(t4, low(modulus(field, 3), f, h, down));
  t5 = i64x2.add(t5, h);
  h = high(modulus(field, 4), f, up);
  t5 = i64x2.add(t5, low(modulus(field, 4), f, h, down));
  t6 = i64x2.add(t6, h);
  t2 = i64x2.add(t2, carry(t1));

  h = high(a2, a2, up);
  t4 = i64x2.add(t4, low(a2, a2, h, down));
  t5 = i64x2.add(t5, h);
  h = high(a2, d3, up);
  t5 = i64x2.add(t5, low(a2, d3, h, down));
  t6 = i64x2.add(t6, h);
  h = high(a2, d4, up);
  t6 = i64x2.add(t6, low(a2, d4, h, down));
  t7 = i64x2.add(t7, h);
  f = quotient(t2, inverse, up, down);
  h = high(modulus(field, 0), f, up);
  t2 = i64x2.add(t2, low(modulus(field, 0), f, h, down));
  t3 = i64x2.add(t3, h);
  h = high(modulus(field, 1), f, up);
  t3 = i64x2.add(t3, low(modulus(field, 1), f, h, down));
  t4 = i64x2.add(t4, h);
  h = high(modulus(field, 2), f, up);
  t4 = i64x2.add(t4, low(modulus(field, 2), f, h, down));
  t5 = i64x2.add(t5, h);
  h = high(modulus(field, 3), f, up);
  t5 = i64x2.add(t5, low(modulus(field, 3), f, h, down));
  t6 = i64x2.add(t6, h);
  h = high(modulus(field, 4), f, up);
  t6 = i64x2.add(t6, low(modulus(field, 4), f, h, down));
  t7 = i64x2.add(t7, h);
  t3 = i64x2.add(t3, carry(t2));

  h = high(a3, a3, up);
  t6 = i64x2.add(t6, low(a3, a3, h, down));
  t7 = i64x2.add(t7, h);
  h = high(a3, d4, up);
  t7 = i64x2.add(t7, low(a3, d4, h, down));
  t8 = i64x2.add(t8, h);
  f = quotient(t3, inverse, up, down);
  h = high(modulus(field, 0), f, up);
  t3 = i64x2.add(t3, low(modulus(field, 0), f, h, down));
  t4 = i64x2.add(t4, h);
  h = high(modulus(field, 1), f, up);
  t4 = i64x2.add(t4, low(modulus(field, 1), f, h, down));
  t5 = i64x2.add(t5, h);
  h = high(modulus(field, 2), f, up);
  t5 = i64x2.add(t5, low(modulus(field, 2), f, h, down));
  t6 = i64x2.add(t6, h);
  h = high(modulus(field, 3), f, up);
  t6 = i64x2.add(t6, low(modulus(field, 3), f, h, down));
  t7 = i64x2.add(t7, h);
  h = high(modulus(field, 4), f, up);
  t7 = i64x2.add(t7, low(modulus(field, 4), f, h, down));
  t8 = i64x2.add(t8, h);
  t4 = i64x2.add(t4, carry(t3));

  h = high(a4, a4, up);
  t8 = i64x2.add(t8, low(a4, a4, h, down));
  t9 = i64x2.add(t9, h);
  f = quotient(t4, inverse, up, down);
  h = high(modulus(field, 0), f, up);
  t4 = i64x2.add(t4, low(modulus(field, 0), f, h, down));
  t5 = i64x2.add(t5, h);
  h = high(modulus(field, 1), f, up);
  t5 = i64x2.add(t5, low(modulus(field, 1), f, h, down));
  t6 = i64x2.add(t6, h);
  h = high(modulus(field, 2), f, up);
  t6 = i64x2.add(t6, low(modulus(field, 2), f, h, down));
  t7 = i64x2.add(t7, h);
  h = high(modulus(field, 3), f, up);
  t7 = i64x2.add(t7, low(modulus(field, 3), f, h, down));
  t8 = i64x2.add(t8, h);
  h = high(modulus(field, 4), f, up);
  t8 = i64x2.add(t8, low(modulus(field, 4), f, h, down));
  t9 = i64x2.add(t9, h);
  t5 = i64x2.add(t5, carry(t4));

  v128.store(to, limb(t5), 0);
  t6 = i64x2.add(t6, carry(t5));
  v128.store(to, limb(t6), 16);
  t7 = i64x2.add(t7, carry(t6));
  v128.store(to, limb(t7), 32);
  t8 = i64x2.add(t8, carry(t7));
  v128.store(to, limb(t8), 48);
  t9 = i64x2.add(t9, carry(t8));
  v128.store(to, f64x2.sub(t9, integral()), 64);
}
