/** Rows of a sparse matrix times a vector, and products of vectors, over the scalar field. */
import { modulusBits, reciprocal, SCALAR, SCRATCH } from './constants';
import { integerOf, pack, packIntegers, PAIR, settle, subtract, unpack } from './element';
import { multiply } from './products';

// @ts-expect-error: decorator
@inline
const A: usize = SCRATCH;
// @ts-expect-error: decorator
@inline
const B: usize = SCRATCH + PAIR;
// @ts-expect-error: decorator
@inline
const C: usize = SCRATCH + 2 * PAIR;

/** Terms that fit a sum of integers before it is reduced: 51 bits each, and a sign. */
// @ts-expect-error: decorator
@inline
const TERMS: u32 = 1 << 10;

/** Bytes of five limbs. */
// @ts-expect-error: decorator
@inline
const LIMBS: usize = 40;

/** to[i] = a[i] · b[i] - c[i], elements of 32 bytes; `c` may be 0. `factor` is R², a pair. */
export function multiplySubtract(to: usize, a: usize, b: usize, c: usize, count: usize, factor: usize): void {
  for (let at: usize = 0; at < count * 32; at += 64) {
    const next = at + 32 < count * 32 ? at + 32 : at;
    unpack(A, a + at, a + next);
    unpack(B, b + at, b + next);
    multiply(A, A, factor, SCALAR);
    multiply(A, A, B, SCALAR);
    if (c) {
      unpack(B, c + at, c + next);
      subtract(A, A, B);
    }
    settle(A, A, SCALAR);
    pack(to + at, A, 0, SCALAR);
    pack(to + next, A, 8, SCALAR);
  }
}

/** Reads elements of 32 bytes and writes five limbs each, times `factor`, a pair. */
export function factors(to: usize, from: usize, count: usize, factor: usize): void {
  for (let i: usize = 0; i < count; i += 2) {
    const next = i + 1 < count ? i + 1 : i;
    unpack(A, from + i * 32, from + next * 32);
    multiply(A, A, factor, SCALAR);
    settle(A, A, SCALAR);
    for (let j: usize = 0; j < LIMBS; j += 8) {
      store<f64>(to + next * LIMBS + j, load<f64>(A + 2 * j + 8));
      store<f64>(to + i * LIMBS + j, load<f64>(A + 2 * j));
    }
  }
}

/**
 * Sums of rows, of entries that lie one row after the other. Entry i has the value at `values` + 32 i; its coefficient is 1 where
 * `coefficients` has 0, -1 where it has 1, else number `coefficients` - 2 of `table`, as `factors` writes it. `ends` has the end of
 * each row; that of the last may be behind `count`: then its sum stays in `sum`, five integers that are 0 at first, for the
 * entries that follow. `products` takes 40 bytes for each entry, and 40 more.
 */
export function addSparseRows(
  to: usize, ends: usize, rows: usize, values: usize, coefficients: usize, count: usize,
  table: usize, products: usize, sum: usize,
): void {
  multiplyEntries(products, values, coefficients, count, table);
  let product: usize = 0;
  let i: usize = 0;
  for (let row: usize = 0; row < rows; row++) {
    const rowEnd: usize = load<u32>(ends + 4 * row);
    const end = min(rowEnd, count);
    let terms: u32 = 0;
    for (; i < end; i++) {
      const kind = load<u32>(coefficients + 4 * i);
      if (kind == 0) addElement(sum, values + 32 * i, 1);
      else if (kind == 1) addElement(sum, values + 32 * i, -1);
      else {
        addLane(sum, products + (product >> 1) * PAIR + (product & 1) * 8);
        product++;
      }
      if (++terms == TERMS) {
        reduce(sum);
        terms = 0;
      }
    }
    reduce(sum);
    if (rowEnd > count) return;
    packIntegers(
      to + 32 * row,
      load<i64>(sum), load<i64>(sum, 8), load<i64>(sum, 16), load<i64>(sum, 24), load<i64>(sum, 32),
      SCALAR,
    );
    memory.fill(sum, 0, LIMBS);
  }
}

/** The products of those entries that need one, two at a time, whichever rows they are of. */
function multiplyEntries(to: usize, values: usize, coefficients: usize, count: usize, table: usize): void {
  let first = count;
  for (let i: usize = 0; i < count; i++) {
    if (load<u32>(coefficients + 4 * i) < 2) continue;
    if (first == count) {
      first = i;
      continue;
    }
    multiplyTwo(to, values, coefficients, first, i, table);
    to += PAIR;
    first = count;
  }
  if (first < count) multiplyTwo(to, values, coefficients, first, first, table);
}

function multiplyTwo(to: usize, values: usize, coefficients: usize, i: usize, j: usize, table: usize): void {
  const a = table + <usize>(load<u32>(coefficients + 4 * i) - 2) * LIMBS;
  const b = table + <usize>(load<u32>(coefficients + 4 * j) - 2) * LIMBS;
  for (let k: usize = 0; k < LIMBS; k += 8) {
    v128.store(C + 2 * k, v128.load64_lane(b + k, v128.load64_zero(a + k), 1));
  }
  unpack(A, values + 32 * i, values + 32 * j);
  multiply(to, C, A, SCALAR);
}

// @ts-expect-error: decorator
@inline
function accumulate(sum: usize, offset: usize, value: i64): void {
  store<i64>(sum + offset, load<i64>(sum + offset) + value);
}

// @ts-expect-error: decorator
@inline
function addElement(sum: usize, from: usize, sign: i64): void {
  const mask: i64 = (1 << 51) - 1;
  const w0 = load<i64>(from);
  const w1 = load<i64>(from, 8);
  const w2 = load<i64>(from, 16);
  const w3 = load<i64>(from, 24);
  accumulate(sum, 0, sign * (w0 & mask));
  accumulate(sum, 8, sign * (((w0 >>> 51) | (w1 << 13)) & mask));
  accumulate(sum, 16, sign * (((w1 >>> 38) | (w2 << 26)) & mask));
  accumulate(sum, 24, sign * (((w2 >>> 25) | (w3 << 39)) & mask));
  accumulate(sum, 32, sign * (w3 >>> 12));
}

// @ts-expect-error: decorator
@inline
function addLane(sum: usize, from: usize): void {
  for (let i: usize = 0; i < LIMBS; i += 8) accumulate(sum, i, integerOf(from + 2 * i));
}

// @ts-expect-error: decorator
@inline
function carry(sum: usize): void {
  const mask: i64 = (1 << 51) - 1;
  for (let i: usize = 0; i < 32; i += 8) {
    const limb = load<i64>(sum + i);
    store<i64>(sum + i, limb & mask);
    accumulate(sum, i + 8, limb >> 51);
  }
}

/** From up to `TERMS` terms to a little above half the modulus, positive or negative. */
function reduce(sum: usize): void {
  carry(sum);
  const times = <i64>nearest<f64>(<f64>load<i64>(sum, 32) * f64x2.extract_lane(reciprocal(SCALAR), 0));
  for (let i: usize = 0; i < 5; i++) accumulate(sum, i * 8, -times * modulusBits(SCALAR, i));
  carry(sum);
}
