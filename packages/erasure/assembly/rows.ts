/** What is done to rows besides the transforms. */
import { HALF, next } from './large';
import { add2, add4, highNibbles, lowNibbles, TABLE, tablesBytes } from './multiply';

/** Adds the `count` rows at `from` up into the row at `to`. */
export function addUp(to: usize, from: usize, stride: usize, count: usize, bytes: usize): void {
  for (const end = from + bytes; from < end; from += 16, to += 16) {
    let sum = v128.load(to);
    for (let i: usize = 0, p = from; i < count; i++, p += stride) sum = v128.xor(sum, v128.load(p));
    v128.store(to, sum);
  }
}

/** The formal derivative of 02 §5: row j gets the rows j + 2^k for every bit k that j has not. */
export function derive(rows: usize, stride: usize, bytes: usize, size: usize): void {
  for (let j: usize = 0; j < size; j++) {
    const missing = ~j & (size - 1);
    for (let p = rows + j * stride, end = p + bytes; p < end; p += 64) {
      let a = v128.load(p),
        b = v128.load(p, 16),
        c = v128.load(p, 32),
        e = v128.load(p, 48);
      for (let bits = missing; bits != 0; bits &= bits - 1) {
        const q = p + (bits & (0 - bits)) * stride;
        a = v128.xor(a, v128.load(q));
        b = v128.xor(b, v128.load(q, 16));
        c = v128.xor(c, v128.load(q, 32));
        e = v128.xor(e, v128.load(q, 48));
      }
      v128.store(p, a);
      v128.store(p, b, 16);
      v128.store(p, c, 32);
      v128.store(p, e, 48);
    }
  }
}

/** Multiplies a row by the factor of `tables`. */
export function scale<T>(row: usize, bytes: usize, tables: usize): void {
  combine1<T>(row, row, 0, 1, bytes, tables);
}

/** The sum of `count` rows, each times the factor of its tables. `to` may be the only row. */
export function combine1<T>(to: usize, from: usize, stride: usize, count: usize, bytes: usize, tables: usize): void {
  const zero = i64x2.splat(0);
  if (sizeof<T>() == 1) {
    for (let at: usize = 0; at < bytes; at += 32) {
      let a = zero,
        b = zero;
      for (let i: usize = 0, p = from + at, t = tables; i < count; i++, p += stride, t += tablesBytes<T>()) {
        const l = v128.load(t),
          h = v128.load(t, TABLE);
        const x = v128.load(p),
          y = v128.load(p, 16);
        a = add2(a, l, lowNibbles(x), h, highNibbles(x));
        b = add2(b, l, lowNibbles(y), h, highNibbles(y));
      }
      v128.store(to + at, a);
      v128.store(to + at, b, 16);
    }
  } else {
    for (let at: usize = 0; at < bytes; at = next(at)) {
      let a = zero,
        b = zero;
      for (let i: usize = 0, p = from + at, t = tables; i < count; i++, p += stride, t += tablesBytes<T>()) {
        const x = v128.load(p),
          y = v128.load(p, HALF);
        const n0 = lowNibbles(x),
          n1 = highNibbles(x),
          n2 = lowNibbles(y),
          n3 = highNibbles(y);
        a = add4(a, t, n0, n1, n2, n3);
        b = add4(b, t + TABLE, n0, n1, n2, n3);
      }
      v128.store(to + at, a);
      v128.store(to + at, b, HALF);
    }
  }
}

/**
 * Four sums of `count` rows of GF(2^8), written `stride` bytes apart; the tables are those of the first row for each of
 * the four, then of the second row…: a row's nibbles are taken apart once.
 */
export function combine4(to: usize, from: usize, stride: usize, count: usize, bytes: usize, tables: usize): void {
  for (const end = from + bytes; from < end; from += 16, to += 16) {
    let a = i64x2.splat(0),
      b = a,
      c = a,
      e = a;
    for (let i: usize = 0, p = from, t = tables; i < count; i++, p += stride, t += 8 * TABLE) {
      const x = v128.load(p);
      const l = lowNibbles(x),
        h = highNibbles(x);
      a = add2(a, v128.load(t), l, v128.load(t, TABLE), h);
      b = add2(b, v128.load(t, 2 * TABLE), l, v128.load(t, 3 * TABLE), h);
      c = add2(c, v128.load(t, 4 * TABLE), l, v128.load(t, 5 * TABLE), h);
      e = add2(e, v128.load(t, 6 * TABLE), l, v128.load(t, 7 * TABLE), h);
    }
    v128.store(to, a);
    v128.store(to + stride, b);
    v128.store(to + 2 * stride, c);
    v128.store(to + 3 * stride, e);
  }
}
