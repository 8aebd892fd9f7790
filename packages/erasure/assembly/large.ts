/**
 * Butterflies of rows of GF(2^16) symbols, two layers at once. Each chunk of 64 bytes has the low bytes of 32 symbols and
 * then their high bytes (02 §4). `d`: bytes from row to row.
 */
import { add4, highNibbles, lowNibbles, TABLE } from './multiply';

/** From the low bytes of symbols to their high bytes. */
// @ts-expect-error: decorator
@inline
export const HALF: usize = 32;

/** The next 16 symbols: the other half of the low bytes, or the next chunk. */
// @ts-expect-error: decorator
@inline
export function next(at: usize): usize {
  return at + 16 + ((at & 16) << 1);
}

export function inverse4(p: usize, d: usize, bytes: usize, t01: usize, t23: usize, t02: usize, sum: usize): void {
  for (let at: usize = 0; at < bytes; at = next(at)) {
    const p0 = p + at, p1 = p0 + d, p2 = p1 + d, p3 = p2 + d;
    let aL = v128.load(p0), aH = v128.load(p0, HALF);
    let bL = v128.load(p1), bH = v128.load(p1, HALF);
    let cL = v128.load(p2), cH = v128.load(p2, HALF);
    let eL = v128.load(p3), eH = v128.load(p3, HALF);
    bL = v128.xor(bL, aL), bH = v128.xor(bH, aH);
    let n0 = lowNibbles(bL), n1 = highNibbles(bL), n2 = lowNibbles(bH), n3 = highNibbles(bH);
    aL = add4(aL, t01, n0, n1, n2, n3), aH = add4(aH, t01 + TABLE, n0, n1, n2, n3);
    eL = v128.xor(eL, cL), eH = v128.xor(eH, cH);
    n0 = lowNibbles(eL), n1 = highNibbles(eL), n2 = lowNibbles(eH), n3 = highNibbles(eH);
    cL = add4(cL, t23, n0, n1, n2, n3), cH = add4(cH, t23 + TABLE, n0, n1, n2, n3);
    cL = v128.xor(cL, aL), cH = v128.xor(cH, aH);
    eL = v128.xor(eL, bL), eH = v128.xor(eH, bH);
    n0 = lowNibbles(cL), n1 = highNibbles(cL), n2 = lowNibbles(cH), n3 = highNibbles(cH);
    aL = add4(aL, t02, n0, n1, n2, n3), aH = add4(aH, t02 + TABLE, n0, n1, n2, n3);
    n0 = lowNibbles(eL), n1 = highNibbles(eL), n2 = lowNibbles(eH), n3 = highNibbles(eH);
    bL = add4(bL, t02, n0, n1, n2, n3), bH = add4(bH, t02 + TABLE, n0, n1, n2, n3);
    if (sum == 0) {
      v128.store(p0, aL), v128.store(p0, aH, HALF);
      v128.store(p1, bL), v128.store(p1, bH, HALF);
      v128.store(p2, cL), v128.store(p2, cH, HALF);
      v128.store(p3, eL), v128.store(p3, eH, HALF);
    } else {
      const s0 = sum + at, s1 = s0 + d, s2 = s1 + d, s3 = s2 + d;
      v128.store(s0, v128.xor(v128.load(s0), aL)), v128.store(s0, v128.xor(v128.load(s0, HALF), aH), HALF);
      v128.store(s1, v128.xor(v128.load(s1), bL)), v128.store(s1, v128.xor(v128.load(s1, HALF), bH), HALF);
      v128.store(s2, v128.xor(v128.load(s2), cL)), v128.store(s2, v128.xor(v128.load(s2, HALF), cH), HALF);
      v128.store(s3, v128.xor(v128.load(s3), eL)), v128.store(s3, v128.xor(v128.load(s3, HALF), eH), HALF);
    }
  }
}

/** As `inverse4` where the factors 01 and 02 are zero. */
export function inverse4AtZero(p: usize, d: usize, bytes: usize, t23: usize): void {
  for (let at: usize = 0; at < bytes; at = next(at)) {
    const p0 = p + at, p1 = p0 + d, p2 = p1 + d, p3 = p2 + d;
    const aL = v128.load(p0), aH = v128.load(p0, HALF);
    let bL = v128.load(p1), bH = v128.load(p1, HALF);
    let cL = v128.load(p2), cH = v128.load(p2, HALF);
    let eL = v128.load(p3), eH = v128.load(p3, HALF);
    bL = v128.xor(bL, aL), bH = v128.xor(bH, aH);
    v128.store(p1, bL), v128.store(p1, bH, HALF);
    eL = v128.xor(eL, cL), eH = v128.xor(eH, cH);
    v128.store(p3, v128.xor(eL, bL)), v128.store(p3, v128.xor(eH, bH), HALF);
    const n0 = lowNibbles(eL), n1 = highNibbles(eL), n2 = lowNibbles(eH), n3 = highNibbles(eH);
    cL = add4(cL, t23, n0, n1, n2, n3), cH = add4(cH, t23 + TABLE, n0, n1, n2, n3);
    v128.store(p2, v128.xor(cL, aL)), v128.store(p2, v128.xor(cH, aH), HALF);
  }
}

export function inverse2(p: usize, d: usize, bytes: usize, t: usize, sum: usize): void {
  for (let at: usize = 0; at < bytes; at = next(at)) {
    const p0 = p + at, p1 = p0 + d;
    let aL = v128.load(p0), aH = v128.load(p0, HALF);
    let bL = v128.load(p1), bH = v128.load(p1, HALF);
    bL = v128.xor(bL, aL), bH = v128.xor(bH, aH);
    const n0 = lowNibbles(bL), n1 = highNibbles(bL), n2 = lowNibbles(bH), n3 = highNibbles(bH);
    aL = add4(aL, t, n0, n1, n2, n3), aH = add4(aH, t + TABLE, n0, n1, n2, n3);
    if (sum == 0) {
      v128.store(p0, aL), v128.store(p0, aH, HALF);
      v128.store(p1, bL), v128.store(p1, bH, HALF);
    } else {
      const s0 = sum + at, s1 = s0 + d;
      v128.store(s0, v128.xor(v128.load(s0), aL)), v128.store(s0, v128.xor(v128.load(s0, HALF), aH), HALF);
      v128.store(s1, v128.xor(v128.load(s1), bL)), v128.store(s1, v128.xor(v128.load(s1, HALF), bH), HALF);
    }
  }
}

export function forward4(p: usize, d: usize, bytes: usize, t01: usize, t23: usize, t02: usize): void {
  for (let at: usize = 0; at < bytes; at = next(at)) {
    const p0 = p + at, p1 = p0 + d, p2 = p1 + d, p3 = p2 + d;
    let aL = v128.load(p0), aH = v128.load(p0, HALF);
    let bL = v128.load(p1), bH = v128.load(p1, HALF);
    let cL = v128.load(p2), cH = v128.load(p2, HALF);
    let eL = v128.load(p3), eH = v128.load(p3, HALF);
    let n0 = lowNibbles(cL), n1 = highNibbles(cL), n2 = lowNibbles(cH), n3 = highNibbles(cH);
    aL = add4(aL, t02, n0, n1, n2, n3), aH = add4(aH, t02 + TABLE, n0, n1, n2, n3);
    cL = v128.xor(cL, aL), cH = v128.xor(cH, aH);
    n0 = lowNibbles(eL), n1 = highNibbles(eL), n2 = lowNibbles(eH), n3 = highNibbles(eH);
    bL = add4(bL, t02, n0, n1, n2, n3), bH = add4(bH, t02 + TABLE, n0, n1, n2, n3);
    eL = v128.xor(eL, bL), eH = v128.xor(eH, bH);
    n0 = lowNibbles(bL), n1 = highNibbles(bL), n2 = lowNibbles(bH), n3 = highNibbles(bH);
    aL = add4(aL, t01, n0, n1, n2, n3), aH = add4(aH, t01 + TABLE, n0, n1, n2, n3);
    v128.store(p0, aL), v128.store(p0, aH, HALF);
    v128.store(p1, v128.xor(bL, aL)), v128.store(p1, v128.xor(bH, aH), HALF);
    n0 = lowNibbles(eL), n1 = highNibbles(eL), n2 = lowNibbles(eH), n3 = highNibbles(eH);
    cL = add4(cL, t23, n0, n1, n2, n3), cH = add4(cH, t23 + TABLE, n0, n1, n2, n3);
    v128.store(p2, cL), v128.store(p2, cH, HALF);
    v128.store(p3, v128.xor(eL, cL)), v128.store(p3, v128.xor(eH, cH), HALF);
  }
}

/** As `forward4` where the factors 01 and 02 are zero. */
export function forward4AtZero(p: usize, d: usize, bytes: usize, t23: usize): void {
  for (let at: usize = 0; at < bytes; at = next(at)) {
    const p0 = p + at, p1 = p0 + d, p2 = p1 + d, p3 = p2 + d;
    const aL = v128.load(p0), aH = v128.load(p0, HALF);
    const bL = v128.load(p1), bH = v128.load(p1, HALF);
    v128.store(p1, v128.xor(bL, aL)), v128.store(p1, v128.xor(bH, aH), HALF);
    let cL = v128.xor(v128.load(p2), aL), cH = v128.xor(v128.load(p2, HALF), aH);
    const eL = v128.xor(v128.load(p3), bL), eH = v128.xor(v128.load(p3, HALF), bH);
    const n0 = lowNibbles(eL), n1 = highNibbles(eL), n2 = lowNibbles(eH), n3 = highNibbles(eH);
    cL = add4(cL, t23, n0, n1, n2, n3), cH = add4(cH, t23 + TABLE, n0, n1, n2, n3);
    v128.store(p2, cL), v128.store(p2, cH, HALF);
    v128.store(p3, v128.xor(eL, cL)), v128.store(p3, v128.xor(eH, cH), HALF);
  }
}

export function forward2(p: usize, d: usize, bytes: usize, t: usize): void {
  for (let at: usize = 0; at < bytes; at = next(at)) {
    const p0 = p + at, p1 = p0 + d;
    let aL = v128.load(p0), aH = v128.load(p0, HALF);
    const bL = v128.load(p1), bH = v128.load(p1, HALF);
    const n0 = lowNibbles(bL), n1 = highNibbles(bL), n2 = lowNibbles(bH), n3 = highNibbles(bH);
    aL = add4(aL, t, n0, n1, n2, n3), aH = add4(aH, t + TABLE, n0, n1, n2, n3);
    v128.store(p0, aL), v128.store(p0, aH, HALF);
    v128.store(p1, v128.xor(bL, aL)), v128.store(p1, v128.xor(bH, aH), HALF);
  }
}
