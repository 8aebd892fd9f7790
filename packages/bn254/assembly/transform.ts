/** Number-theoretic transforms of pairs of columns, one in each lane. */
import { SCRATCH } from './constants';
import { copyPair, pack, PAIR, settle, unpack } from './element';
import { multiply } from './products';

/** A geometric sequence for each column: now, and its ratio. */
// @ts-expect-error: decorator
@inline
const NOW: usize = SCRATCH;
// @ts-expect-error: decorator
@inline
const PRODUCT: usize = SCRATCH + PAIR;

/** Writes `count` powers of a root, from 1 on. */
export function powers(to: usize, one: usize, root: usize, count: usize, field: usize): void {
  copyPair(to, one);
  for (let end = to + (count - 1) * PAIR; to < end; to += PAIR) multiply(to + PAIR, to, root, field);
}

/** (a, b) to (a + w b, a - w b); w = 1 where `root` is 0. Nothing is carried. */
// @ts-expect-error: decorator
@inline
function butterfly(a: usize, b: usize, root: usize, field: usize): void {
  let from = b;
  if (root) {
    multiply(PRODUCT, b, root, field);
    from = PRODUCT;
  }
  for (let i: usize = 0; i < 80; i += 16) {
    const x = v128.load(a + i);
    const y = v128.load(from + i);
    v128.store(a + i, f64x2.add(x, y));
    v128.store(b + i, f64x2.sub(x, y));
  }
}

/**
 * Transforms `size` pairs in place, from bit-reversed to natural order. `roots` are size / 2 powers. Two layers at a time, so
 * that elements are settled only after every second one.
 */
function transform(data: usize, size: usize, roots: usize, field: usize): void {
  const end = data + size * PAIR;
  let half = PAIR;
  let rootStep = (size >> 1) * PAIR;
  if (ctz(size) & 1) {
    for (let at = data; at < end; at += 2 * PAIR) {
      butterfly(at, at + PAIR, 0, field);
      settle(at, at, field);
      settle(at + PAIR, at + PAIR, field);
    }
    half <<= 1;
    rootStep >>= 1;
  }
  for (; half < size * PAIR; half <<= 2, rootStep >>= 2) {
    for (let block = data; block < end; block += 4 * half) {
      let inner: usize = 0;
      for (let a = block; a < block + half; a += PAIR) {
        const b = a + half;
        const c = b + half;
        const d = c + half;
        const root = inner ? roots + inner : 0;
        butterfly(a, b, root, field);
        butterfly(c, d, root, field);
        butterfly(a, c, inner ? roots + (inner >> 1) : 0, field);
        butterfly(b, d, roots + (inner >> 1) + (size >> 2) * PAIR, field);
        settle(a, a, field);
        settle(b, b, field);
        settle(c, c, field);
        settle(d, d, field);
        inner += rootStep;
      }
    }
  }
}

/** Multiplies row i by start · ratio^i, and settles it. */
function scale(data: usize, size: usize, start: usize, ratio: usize, field: usize): void {
  copyPair(NOW, start);
  for (let end = data + size * PAIR; data < end; data += PAIR) {
    multiply(data, data, NOW, field);
    settle(data, data, field);
    multiply(NOW, NOW, ratio, field);
  }
}

/** (start, ratio) of the next pair of columns. */
// @ts-expect-error: decorator
@inline
function advance(sequence: usize, field: usize): void {
  multiply(sequence, sequence, sequence + 2 * PAIR, field);
  multiply(sequence + PAIR, sequence + PAIR, sequence + 3 * PAIR, field);
}

/**
 * Transforms columns of `size` elements of 32 bytes. `before` and `after` are 0 or the address of four pairs: the start and the
 * ratio of a geometric sequence for two columns, and what these are multiplied by to get those of the next two. Element (row,
 * column) is read at `from` + row · fromRow + column · fromColumn and written likewise.
 */
export function columns(
  from: usize, fromRow: usize, fromColumn: usize, to: usize, toRow: usize, toColumn: usize,
  count: usize, size: usize, roots: usize, before: usize, after: usize, data: usize, field: usize,
): void {
  const shift = 32 - ctz(<u32>size);
  for (let column: usize = 0; column < count; column += 2) {
    const first = from + column * fromColumn;
    for (let row: usize = 0; row < size; row++) {
      const at = data + row * PAIR;
      unpack(at, first + row * fromRow, first + row * fromRow + fromColumn);
      settle(at, at, field);
    }
    if (before) {
      scale(data, size, before, before + PAIR, field);
      advance(before, field);
    }
    if (size > 1) {
      for (let row: u32 = 0; row < <u32>size; row++) {
        const other = reverse(row) >> shift;
        if (other > row) swap(data + <usize>row * PAIR, data + <usize>other * PAIR);
      }
      transform(data, size, roots, field);
    }
    if (after) {
      scale(data, size, after, after + PAIR, field);
      advance(after, field);
    }
    const last = to + column * toColumn;
    for (let row: usize = 0; row < size; row++) {
      const at = data + row * PAIR;
      pack(last + row * toRow, at, 0, field);
      pack(last + row * toRow + toColumn, at, 8, field);
    }
  }
}

/** The bits of a word in the other order. */
// @ts-expect-error: decorator
@inline
function reverse(word: u32): u32 {
  let x = bswap<u32>(word);
  x = ((x >> 4) & 0x0f0f0f0f) | ((x & 0x0f0f0f0f) << 4);
  x = ((x >> 2) & 0x33333333) | ((x & 0x33333333) << 2);
  return ((x >> 1) & 0x55555555) | ((x & 0x55555555) << 1);
}

// @ts-expect-error: decorator
@inline
function swap(a: usize, b: usize): void {
  for (let i: usize = 0; i < 80; i += 16) {
    const x = v128.load(a + i);
    v128.store(a + i, v128.load(b + i));
    v128.store(b + i, x);
  }
}
