/**
 * Coordinates of points: elements of the base field for G1 (T is u8), of its quadratic extension for G2 (T is u16), real part
 * first. Of factors one may be the difference of two that are settled, the other a product of such; chains of products are
 * settled in between where they are of G2, whose products are sums of two.
 */
import { BASE, inverseDigit, oneAt, SCRATCH } from './constants';
import { add, copyPair, isZero, PAIR, settle, subtract } from './element';
import { multiply, multiplyAndAdd, square } from './products';

// @ts-expect-error: decorator
@inline
const S0: usize = SCRATCH + 2 * PAIR;
// @ts-expect-error: decorator
@inline
const S1: usize = SCRATCH + 3 * PAIR;
// @ts-expect-error: decorator
@inline
const S2: usize = SCRATCH + 4 * PAIR;
// @ts-expect-error: decorator
@inline
const S3: usize = SCRATCH + 5 * PAIR;
/** Sixteen powers. */
// @ts-expect-error: decorator
@inline
const POWERS: usize = SCRATCH + 6 * PAIR;

/** Behind the space that is used here. */
// @ts-expect-error: decorator
@inline
export const COORDINATE_SCRATCH: usize = POWERS + 16 * PAIR;

/** Bytes of a pair of coordinates. */
// @ts-expect-error: decorator
@inline
export function pairOf<T>(): usize {
  return sizeof<T>() == 1 ? PAIR : 2 * PAIR;
}

// @ts-expect-error: decorator
@inline
export function plus<T>(to: usize, a: usize, b: usize): void {
  add(to, a, b);
  if (sizeof<T>() == 2) add(to + PAIR, a + PAIR, b + PAIR);
}

// @ts-expect-error: decorator
@inline
export function minus<T>(to: usize, a: usize, b: usize): void {
  subtract(to, a, b);
  if (sizeof<T>() == 2) subtract(to + PAIR, a + PAIR, b + PAIR);
}

// @ts-expect-error: decorator
@inline
export function copied<T>(to: usize, from: usize): void {
  copyPair(to, from);
  if (sizeof<T>() == 2) copyPair(to + PAIR, from + PAIR);
}

// @ts-expect-error: decorator
@inline
export function settled<T>(to: usize, from: usize): void {
  settle(to, from, BASE);
  if (sizeof<T>() == 2) settle(to + PAIR, from + PAIR, BASE);
}

// @ts-expect-error: decorator
@inline
export function zero<T>(at: usize, lane: usize): bool {
  return isZero(at, lane) && (sizeof<T>() == 1 || isZero(at + PAIR, lane));
}

// @ts-expect-error: decorator
@inline
export function times<T>(to: usize, a: usize, b: usize): void {
  if (sizeof<T>() == 1) {
    multiply(to, a, b, BASE);
  } else {
    times2(to, a, b);
  }
}

/** Sums of two products each are reduced once. */
function times2(to: usize, a: usize, b: usize): void {
  negated(S0, a + PAIR);
  multiplyAndAdd(S1, a, b, S0, b + PAIR, BASE);
  multiplyAndAdd(to + PAIR, a, b + PAIR, a + PAIR, b, BASE);
  copyPair(to, S1);
}

// @ts-expect-error: decorator
@inline
function negated(to: usize, a: usize): void {
  for (let i: usize = 0; i < 80; i += 16) v128.store(to + i, f64x2.neg(v128.load(a + i)));
}

/** `a` is settled, or a product of two such. */
// @ts-expect-error: decorator
@inline
export function squared<T>(to: usize, a: usize): void {
  if (sizeof<T>() == 1) {
    square(to, a, BASE);
  } else {
    add(S0, a, a + PAIR);
    subtract(S1, a, a + PAIR);
    add(S2, a, a);
    multiply(to + PAIR, S2, a + PAIR, BASE);
    multiply(to, S0, S1, BASE);
  }
}

/** a^(p - 2), four bits at a time; 0 for 0. */
function inverted1(to: usize, a: usize): void {
  copyPair(POWERS, oneAt(BASE));
  for (let i: usize = 1; i < 16; i++) multiply(POWERS + i * PAIR, POWERS + (i - 1) * PAIR, a, BASE);
  copyPair(S3, POWERS + inverseDigit(BASE, 63) * PAIR);
  for (let i: i32 = 62; i >= 0; i--) {
    square(S3, S3, BASE);
    square(S3, S3, BASE);
    settle(S3, S3, BASE);
    square(S3, S3, BASE);
    square(S3, S3, BASE);
    settle(S3, S3, BASE);
    const digit = inverseDigit(BASE, i);
    if (digit) multiply(S3, S3, POWERS + digit * PAIR, BASE);
  }
  settle(to, S3, BASE);
}

/** Both lanes at once; `a` must be settled, `to` may be `a`. */
// @ts-expect-error: decorator
@inline
export function inverted<T>(to: usize, a: usize): void {
  if (sizeof<T>() == 1) {
    inverted1(to, a);
  } else {
    square(S0, a, BASE);
    square(S1, a + PAIR, BASE);
    add(S0, S0, S1);
    settle(S2, S0, BASE);
    inverted1(S2, S2);
    multiply(to, a, S2, BASE);
    negated(S0, a + PAIR);
    multiply(to + PAIR, S0, S2, BASE);
    settled<T>(to, to);
  }
}
