/**
 * Adding many pairs of affine points with one inversion. A point is its coordinates x and y, limb after limb; the one at infinity
 * has 2^60 as the highest limb of x. A reference to a point is its address, which is a multiple of 16; plus 1 for its negative.
 */
import { BASE, modulus, oneAt } from './constants';
import {
  COORDINATE_SCRATCH, copied, inverted, minus, pairOf, plus, settled, squared, times, zero,
} from './coordinate';
import { PAIR } from './element';

// @ts-expect-error: decorator
@inline
const T0: usize = COORDINATE_SCRATCH;
// @ts-expect-error: decorator
@inline
const T1: usize = COORDINATE_SCRATCH + 2 * PAIR;
// @ts-expect-error: decorator
@inline
const X1: usize = COORDINATE_SCRATCH + 4 * PAIR;
// @ts-expect-error: decorator
@inline
const X2: usize = COORDINATE_SCRATCH + 6 * PAIR;
// @ts-expect-error: decorator
@inline
const Y1: usize = COORDINATE_SCRATCH + 8 * PAIR;
// @ts-expect-error: decorator
@inline
const Y2: usize = COORDINATE_SCRATCH + 10 * PAIR;
// @ts-expect-error: decorator
@inline
const INVERSE: usize = COORDINATE_SCRATCH + 14 * PAIR;
// @ts-expect-error: decorator
@inline
const TURNED: usize = COORDINATE_SCRATCH + 16 * PAIR;
// Where an odd last pair is added again.
// @ts-expect-error: decorator
@inline
const SPARE: usize = COORDINATE_SCRATCH + 18 * PAIR;
// @ts-expect-error: decorator
@inline
export const POINT_SCRATCH: usize = COORDINATE_SCRATCH + 22 * PAIR;

/** The highest limb of x of the point at infinity. */
// @ts-expect-error: decorator
@inline
const FAR: f64 = 1152921504606846976;

/** Pairs of additions that share an inversion: it costs a small part of theirs, and they stay in the second cache. */
// @ts-expect-error: decorator
@inline
const BATCH: usize = 1024;

/** Pairs whose additions are finished together: what they need stays in the first cache. */
// @ts-expect-error: decorator
@inline
const BLOCK: usize = 16;

/** Bytes of a coordinate, and of half a point. */
// @ts-expect-error: decorator
@inline
export function coordinateOf<T>(): usize {
  return pairOf<T>() >> 1;
}

// @ts-expect-error: decorator
@inline
export function pointOf<T>(): usize {
  return pairOf<T>();
}

export function setInfinity<T>(at: usize): void {
  memory.fill(at, 0, pointOf<T>());
  store<f64>(at, FAR, 32);
}

// @ts-expect-error: decorator
@inline
export function isInfinity(at: usize): bool {
  return load<f64>(at, 32) == FAR;
}

/** Copies what `reference` names. */
export function copyPoint<T>(to: usize, reference: u32): void {
  const from: usize = reference & ~1;
  memory.copy(to, from, pointOf<T>());
  if (reference & 1) {
    for (let y = to + coordinateOf<T>(); y < to + pointOf<T>(); y += 8) store<f64>(y, -load<f64>(y));
  }
}

/** One coordinate of two points side by side. */
// @ts-expect-error: decorator
@inline
function gather<T>(to: usize, a: usize, b: usize, offset: usize): void {
  gatherElement(to, a + offset, b + offset);
  if (sizeof<T>() == 2) gatherElement(to + PAIR, a + offset + 40, b + offset + 40);
}

// @ts-expect-error: decorator
@inline
function gatherElement(to: usize, a: usize, b: usize): void {
  v128.store(to, v128.load64_lane(b, v128.load64_zero(a, 0), 1, 0), 0);
  v128.store(to, v128.load64_lane(b, v128.load64_zero(a, 8), 1, 8), 16);
  v128.store(to, v128.load64_lane(b, v128.load64_zero(a, 16), 1, 16), 32);
  v128.store(to, v128.load64_lane(b, v128.load64_zero(a, 24), 1, 24), 48);
  v128.store(to, v128.load64_lane(b, v128.load64_zero(a, 32), 1, 32), 64);
}

// @ts-expect-error: decorator
@inline
function gatherY<T>(to: usize, a: u32, b: u32): void {
  const signs = i64x2.shl(v128.and(i64x2.replace_lane(i64x2.splat(<i64>a), 1, <i64>b), i64x2.splat(1)), 63);
  gather<T>(to, a & ~1, b & ~1, coordinateOf<T>());
  turn(to, signs);
  if (sizeof<T>() == 2) turn(to + PAIR, signs);
}

// @ts-expect-error: decorator
@inline
function turn(at: usize, signs: v128): void {
  v128.store(at, v128.xor(v128.load(at, 0), signs), 0);
  v128.store(at, v128.xor(v128.load(at, 16), signs), 16);
  v128.store(at, v128.xor(v128.load(at, 32), signs), 32);
  v128.store(at, v128.xor(v128.load(at, 48), signs), 48);
  v128.store(at, v128.xor(v128.load(at, 64), signs), 64);
}

// @ts-expect-error: decorator
@inline
function scatter<T>(a: usize, b: usize, offset: usize, from: usize): void {
  scatterElement(a + offset, b + offset, from);
  if (sizeof<T>() == 2) scatterElement(a + offset + 40, b + offset + 40, from + PAIR);
}

// @ts-expect-error: decorator
@inline
function scatterElement(a: usize, b: usize, from: usize): void {
  v128.store64_lane(a, v128.load(from, 0), 0, 0);
  v128.store64_lane(b, v128.load(from, 0), 1, 0);
  v128.store64_lane(a, v128.load(from, 16), 0, 8);
  v128.store64_lane(b, v128.load(from, 16), 1, 8);
  v128.store64_lane(a, v128.load(from, 32), 0, 16);
  v128.store64_lane(b, v128.load(from, 32), 1, 16);
  v128.store64_lane(a, v128.load(from, 48), 0, 24);
  v128.store64_lane(b, v128.load(from, 48), 1, 24);
  v128.store64_lane(a, v128.load(from, 64), 0, 32);
  v128.store64_lane(b, v128.load(from, 64), 1, 32);
}

/** Whether x1 - x2 may be 0, or one of the points at infinity. Others look so only by a chance of 2^-45. */
// @ts-expect-error: decorator
@inline
function doubtful(difference: usize): bool {
  const top = f64x2.abs(v128.load(difference, 64));
  const small = f64x2.lt(top, f64x2.splat(3));
  const large = f64x2.gt(top, f64x2.sub(modulus(BASE, 4), f64x2.splat(3)));
  return v128.any_true(v128.or(small, large));
}

/**
 * Additions from lists of references: to[i] = a[i] + b[i]. A target may be the first or second point of its own addition, but of no
 * other one. `room` takes `BATCH` times seven pairs of coordinates and 16 bytes.
 */
export function addLists<T>(listA: usize, listB: usize, listTo: usize, count: usize, room: usize): void {
  for (let first: usize = 0; first < count; first += 2 * BATCH) {
    const skip = first << 2;
    addBatch<T>(listA + skip, listB + skip, listTo + skip, min(count - first, 2 * BATCH), room);
  }
}

function addBatch<T>(listA: usize, listB: usize, listTo: usize, count: usize, room: usize): void {
  const size = pairOf<T>();
  const pairs = (count + 1) >> 1;
  // For each pair of additions: x2 - x1, y2 - y1 and the product of all differences before.
  const differences = room;
  const rises = differences + BATCH * size;
  const products = rises + BATCH * size;
  const turned = products + (BATCH + 1) * size;
  let turnedEnd = turned;
  // Only reading, so that the processor waits for many points at a time.
  for (let i: usize = 0; i < pairs; i++) {
    const at = i << 3;
    const both: usize = count - (i << 1) > 1 ? 4 : 0;
    const a0 = load<u32>(listA + at);
    const b0 = load<u32>(listB + at);
    const a1 = load<u32>(listA + at + both);
    const b1 = load<u32>(listB + at + both);
    const difference = differences + i * size;
    const rise = rises + i * size;
    gather<T>(X1, a0 & ~1, a1 & ~1, 0);
    gather<T>(X2, b0 & ~1, b1 & ~1, 0);
    gatherY<T>(Y1, a0, a1);
    gatherY<T>(Y2, b0, b1);
    minus<T>(difference, X2, X1);
    minus<T>(rise, Y2, Y1);
    if (doubtful(difference)) {
      settled<T>(TURNED, difference);
      settled<T>(TURNED + 2 * PAIR, rise);
      turnedEnd = inspect<T>(difference, rise, 0, a0, b0, load<u32>(listTo + at), turnedEnd);
      const to1 = both ? load<u32>(listTo + at + both) : <u32>SPARE;
      turnedEnd = inspect<T>(difference, rise, 8, a1, b1, to1, turnedEnd);
    }
  }
  copied<T>(products, oneAt(BASE));
  if (sizeof<T>() == 2) memory.fill(products + PAIR, 0, PAIR);
  for (let i: usize = 0; i < pairs; i++) {
    const product = products + i * size;
    times<T>(product + size, differences + i * size, product);
    if (sizeof<T>() == 2) settled<T>(product + size, product + size);
  }
  settled<T>(INVERSE, products + pairs * size);
  inverted<T>(INVERSE, INVERSE);
  // A few pairs at a time, step by step: products that do not wait for each other fill the processor.
  for (let end = pairs; end > 0; ) {
    const begin = end > BLOCK ? end - BLOCK : 0;
    for (let i = end; i-- > begin; ) {
      const slope = products + i * size;
      times<T>(slope, slope, INVERSE);
      times<T>(INVERSE, differences + i * size, INVERSE);
      if (sizeof<T>() == 2) settled<T>(INVERSE, INVERSE);
    }
    for (let i = begin; i < end; i++) times<T>(products + i * size, rises + i * size, products + i * size);
    for (let i = begin; i < end; i++) {
      const at = i << 3;
      const both: usize = count - (i << 1) > 1 ? 4 : 0;
      const x = differences + i * size;
      squared<T>(x, products + i * size);
      gather<T>(X1, load<u32>(listA + at) & ~1, load<u32>(listA + at + both) & ~1, 0);
      gather<T>(X2, load<u32>(listB + at) & ~1, load<u32>(listB + at + both) & ~1, 0);
      minus<T>(x, x, X1);
      minus<T>(x, x, X2);
      settled<T>(x, x);
      minus<T>(rises + i * size, X1, x);
    }
    for (let i = begin; i < end; i++) {
      const at = i << 3;
      const both: usize = count - (i << 1) > 1 ? 4 : 0;
      const y = rises + i * size;
      times<T>(y, y, products + i * size);
      gatherY<T>(Y1, load<u32>(listA + at), load<u32>(listA + at + both));
      minus<T>(y, y, Y1);
      settled<T>(y, y);
      const to0: usize = load<u32>(listTo + at);
      const to1: usize = both ? <usize>load<u32>(listTo + at + both) : SPARE;
      scatter<T>(to0, to1, 0, differences + i * size);
      scatter<T>(to0, to1, coordinateOf<T>(), y);
    }
    end = begin;
  }
  for (let at = turned; at < turnedEnd; at += 16 + pointOf<T>()) {
    memory.copy(load<u32>(at), at + 16, pointOf<T>());
  }
}

/**
 * Deals with one lane of a doubtful addition. Doubling puts 2 y under 3 x²; where a point is at infinity or the sum is, the result is
 * written down to be put in place when all is done, and the lane calculates with 1. Returns the new end of what is written down.
 */
function inspect<T>(difference: usize, rise: usize, lane: usize, a: u32, b: u32, to: u32, end: usize): usize {
  const aFar = isInfinity(a & ~1);
  const bFar = isInfinity(b & ~1);
  if (!aFar && !bFar) {
    if (!zero<T>(TURNED, lane)) return end;
    if (zero<T>(TURNED + 2 * PAIR, lane)) {
      // The lane's x and y are in X1 and Y1. T0 and T1 are free here.
      squared<T>(T0, X1);
      plus<T>(T1, T0, T0);
      plus<T>(T1, T1, T0);
      settled<T>(T1, T1);
      plus<T>(T0, Y1, Y1);
      copyLane<T>(difference, T0, lane);
      copyLane<T>(rise, T1, lane);
      return end;
    }
  }
  store<u32>(end, to);
  if (aFar && bFar) setInfinity<T>(end + 16);
  else if (aFar) copyPoint<T>(end + 16, b);
  else if (bFar) copyPoint<T>(end + 16, a);
  else setInfinity<T>(end + 16);
  for (let i: usize = 0; i < pairOf<T>(); i += 16) {
    store<f64>(difference + lane + i, i < PAIR ? load<f64>(oneAt(BASE) + i) : 0);
    store<f64>(rise + lane + i, 0);
  }
  return end + 16 + pointOf<T>();
}

// @ts-expect-error: decorator
@inline
function copyLane<T>(to: usize, from: usize, lane: usize): void {
  for (let i = lane; i < pairOf<T>(); i += 16) store<f64>(to + i, load<f64>(from + i));
}
