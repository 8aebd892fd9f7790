/** Butterflies of rows of GF(2^8) symbols, two layers at once: four rows stay in registers. `d`: bytes from row to row. */
import { add2, highNibbles, lowNibbles, TABLE } from './multiply';

// @ts-expect-error: decorator
@inline
function addTimes(sum: v128, x: v128, low: v128, high: v128): v128 {
  return add2(sum, low, lowNibbles(x), high, highNibbles(x));
}

export function inverse4(p0: usize, d: usize, bytes: usize, t01: usize, t23: usize, t02: usize, sum: usize): void {
  const l01 = v128.load(t01), h01 = v128.load(t01, TABLE);
  const l23 = v128.load(t23), h23 = v128.load(t23, TABLE);
  const l02 = v128.load(t02), h02 = v128.load(t02, TABLE);
  let p1 = p0 + d, p2 = p1 + d, p3 = p2 + d;
  const end = p0 + bytes;
  if (sum == 0) {
    for (; p0 < end; p0 += 16, p1 += 16, p2 += 16, p3 += 16) {
      let a = v128.load(p0), b = v128.load(p1), c = v128.load(p2), e = v128.load(p3);
      b = v128.xor(b, a);
      a = addTimes(a, b, l01, h01);
      e = v128.xor(e, c);
      c = addTimes(c, e, l23, h23);
      c = v128.xor(c, a);
      v128.store(p2, c);
      v128.store(p0, addTimes(a, c, l02, h02));
      e = v128.xor(e, b);
      v128.store(p3, e);
      v128.store(p1, addTimes(b, e, l02, h02));
    }
  } else {
    let s0 = sum, s1 = s0 + d, s2 = s1 + d, s3 = s2 + d;
    for (; p0 < end; p0 += 16, p1 += 16, p2 += 16, p3 += 16) {
      let a = v128.load(p0), b = v128.load(p1), c = v128.load(p2), e = v128.load(p3);
      b = v128.xor(b, a);
      a = addTimes(a, b, l01, h01);
      e = v128.xor(e, c);
      c = addTimes(c, e, l23, h23);
      c = v128.xor(c, a);
      v128.store(s2, v128.xor(v128.load(s2), c));
      v128.store(s0, addTimes(v128.xor(v128.load(s0), a), c, l02, h02));
      e = v128.xor(e, b);
      v128.store(s3, v128.xor(v128.load(s3), e));
      v128.store(s1, addTimes(v128.xor(v128.load(s1), b), e, l02, h02));
      s0 += 16, s1 += 16, s2 += 16, s3 += 16;
    }
  }
}

/** As `inverse4` where the factors 01 and 02 are zero. */
export function inverse4AtZero(p0: usize, d: usize, bytes: usize, t23: usize): void {
  const l23 = v128.load(t23), h23 = v128.load(t23, TABLE);
  let p1 = p0 + d, p2 = p1 + d, p3 = p2 + d;
  const end = p0 + bytes;
  for (; p0 < end; p0 += 16, p1 += 16, p2 += 16, p3 += 16) {
    let a = v128.load(p0), b = v128.load(p1), c = v128.load(p2), e = v128.load(p3);
    b = v128.xor(b, a);
    v128.store(p1, b);
    e = v128.xor(e, c);
    c = addTimes(c, e, l23, h23);
    v128.store(p2, v128.xor(c, a));
    v128.store(p3, v128.xor(e, b));
  }
}

export function inverse2(p0: usize, d: usize, bytes: usize, t: usize, sum: usize): void {
  const l = v128.load(t), h = v128.load(t, TABLE);
  let p1 = p0 + d;
  const end = p0 + bytes;
  if (sum == 0) {
    for (; p0 < end; p0 += 16, p1 += 16) {
      let a = v128.load(p0), b = v128.load(p1);
      b = v128.xor(b, a);
      v128.store(p1, b);
      v128.store(p0, addTimes(a, b, l, h));
    }
  } else {
    let s0 = sum, s1 = s0 + d;
    for (; p0 < end; p0 += 16, p1 += 16, s0 += 16, s1 += 16) {
      let a = v128.load(p0), b = v128.load(p1);
      b = v128.xor(b, a);
      v128.store(s1, v128.xor(v128.load(s1), b));
      v128.store(s0, addTimes(v128.xor(v128.load(s0), a), b, l, h));
    }
  }
}

export function forward4(p0: usize, d: usize, bytes: usize, t01: usize, t23: usize, t02: usize): void {
  const l01 = v128.load(t01), h01 = v128.load(t01, TABLE);
  const l23 = v128.load(t23), h23 = v128.load(t23, TABLE);
  const l02 = v128.load(t02), h02 = v128.load(t02, TABLE);
  let p1 = p0 + d, p2 = p1 + d, p3 = p2 + d;
  const end = p0 + bytes;
  for (; p0 < end; p0 += 16, p1 += 16, p2 += 16, p3 += 16) {
    let a = v128.load(p0), b = v128.load(p1), c = v128.load(p2), e = v128.load(p3);
    a = addTimes(a, c, l02, h02);
    c = v128.xor(c, a);
    b = addTimes(b, e, l02, h02);
    e = v128.xor(e, b);
    a = addTimes(a, b, l01, h01);
    v128.store(p0, a);
    v128.store(p1, v128.xor(b, a));
    c = addTimes(c, e, l23, h23);
    v128.store(p2, c);
    v128.store(p3, v128.xor(e, c));
  }
}

/** As `forward4` where the factors 01 and 02 are zero. */
export function forward4AtZero(p0: usize, d: usize, bytes: usize, t23: usize): void {
  const l23 = v128.load(t23), h23 = v128.load(t23, TABLE);
  let p1 = p0 + d, p2 = p1 + d, p3 = p2 + d;
  const end = p0 + bytes;
  for (; p0 < end; p0 += 16, p1 += 16, p2 += 16, p3 += 16) {
    let a = v128.load(p0), b = v128.load(p1), c = v128.load(p2), e = v128.load(p3);
    c = v128.xor(c, a);
    e = v128.xor(e, b);
    v128.store(p1, v128.xor(b, a));
    c = addTimes(c, e, l23, h23);
    v128.store(p2, c);
    v128.store(p3, v128.xor(e, c));
  }
}

export function forward2(p0: usize, d: usize, bytes: usize, t: usize): void {
  const l = v128.load(t), h = v128.load(t, TABLE);
  let p1 = p0 + d;
  const end = p0 + bytes;
  for (; p0 < end; p0 += 16, p1 += 16) {
    let a = v128.load(p0), b = v128.load(p1);
    a = addTimes(a, b, l, h);
    v128.store(p0, a);
    v128.store(p1, v128.xor(b, a));
  }
}
