/**
 * The transforms of 02 §5 over rows in memory, two layers at once. Rows are `stride` bytes apart; a transform goes over
 * `bytes` of each. T is the type of a symbol, u8 or u16.
 */
import * as large from './large';
import { tablesAt } from './multiply';
import { derive } from './rows';
import * as small from './small';

/**
 * Layers of the inverse transform from half-width `half` to `end - first` over the rows from `first` to `end`, of which
 * those from `count` on are zero. `base`: the point of row 0. The last layer is added to the rows at `sum` unless that
 * is 0.
 */
function inverseLayers<T>(
  rows: usize,
  stride: usize,
  bytes: usize,
  tables: usize,
  first: usize,
  end: usize,
  half: usize,
  count: usize,
  base: usize,
  sum: usize,
): void {
  const size = end - first;
  let z = ctz(half);
  if ((ctz(size) - z) & 1) {
    const into: usize = 2 * half == size ? sum : 0;
    for (let r = first; r < end && r < count; r += 2 * half) {
      const t = tablesAt<T>(tables, (base + r) >> z);
      for (let i = r; i < r + half; i++) {
        const to: usize = into == 0 ? 0 : into + i * stride;
        if (sizeof<T>() == 1) small.inverse2(rows + i * stride, half * stride, bytes, t, to);
        else large.inverse2(rows + i * stride, half * stride, bytes, t, to);
      }
    }
    (half *= 2), (z += 1);
  }
  for (; half < size; half *= 4, z += 2) {
    const into: usize = 4 * half == size ? sum : 0;
    for (let r = first; r < end && r < count; r += 4 * half) {
      const o = base + r;
      const t23 = tablesAt<T>(tables, (o >> z) + 2);
      const d = half * stride;
      if (o == 0 && into == 0) {
        for (let p = rows + r * stride, stop = p + d; p < stop; p += stride) {
          if (sizeof<T>() == 1) small.inverse4AtZero(p, d, bytes, t23);
          else large.inverse4AtZero(p, d, bytes, t23);
        }
      } else {
        const t01 = tablesAt<T>(tables, o >> z);
        const t02 = tablesAt<T>(tables, o >> (z + 1));
        for (let i = r; i < r + half; i++) {
          const to: usize = into == 0 ? 0 : into + i * stride;
          if (sizeof<T>() == 1) small.inverse4(rows + i * stride, d, bytes, t01, t23, t02, to);
          else large.inverse4(rows + i * stride, d, bytes, t01, t23, t02, to);
        }
      }
    }
  }
}

/** Layers of the transform from `size` down to half-width `half`, of the groups that have rows from `from` to `to`. */
function forwardLayers<T>(
  rows: usize,
  stride: usize,
  bytes: usize,
  tables: usize,
  first: usize,
  end: usize,
  half: usize,
  from: usize,
  to: usize,
): void {
  const size = end - first;
  let h = size;
  while (h >= 4 * half) {
    h >>= 2;
    const z = ctz(h);
    for (let r = first; r < end && r < to; r += 4 * h) {
      if (r + 4 * h <= from) continue;
      const t23 = tablesAt<T>(tables, (r >> z) + 2);
      const d = h * stride;
      if (r == 0) {
        for (let p = rows, stop = p + d; p < stop; p += stride) {
          if (sizeof<T>() == 1) small.forward4AtZero(p, d, bytes, t23);
          else large.forward4AtZero(p, d, bytes, t23);
        }
      } else {
        const t01 = tablesAt<T>(tables, r >> z);
        const t02 = tablesAt<T>(tables, r >> (z + 1));
        for (let p = rows + r * stride, stop = p + d; p < stop; p += stride) {
          if (sizeof<T>() == 1) small.forward4(p, d, bytes, t01, t23, t02);
          else large.forward4(p, d, bytes, t01, t23, t02);
        }
      }
    }
  }
  if (h > half) {
    for (let r = first; r < end && r < to; r += 2 * half) {
      if (r + 2 * half <= from) continue;
      const t = tablesAt<T>(tables, r >> ctz(half));
      for (let i = r; i < r + half; i++) {
        if (sizeof<T>() == 1) small.forward2(rows + i * stride, half * stride, bytes, t);
        else large.forward2(rows + i * stride, half * stride, bytes, t);
      }
    }
  }
}

/** Bytes of all rows that are gone through at a time, column by column: with the sums they fit the first cache. */
const NEAR_BYTES: usize = 16384;
/** Narrower columns spend more on the loops around them than the cache gives. */
const COLUMN_BYTES: usize = 256;

/** Bytes of each row that are worked on at a time, a multiple of 64. */
function columnBytes(size: usize, bytes: usize): usize {
  return min(bytes, max(COLUMN_BYTES, (NEAR_BYTES / size) & ~63));
}

/** Rows whose lower layers are done at a time: `size`, divided by four until a column of them is near. */
function nearRows(size: usize, bytes: usize): usize {
  while (size >= 16 && size * bytes > NEAR_BYTES) size >>= 2;
  return size;
}

export function inverse<T>(
  rows: usize,
  stride: usize,
  bytes: usize,
  tables: usize,
  size: usize,
  count: usize,
  base: usize,
  sum: usize,
): void {
  const column = columnBytes(size, bytes);
  const near = nearRows(size, column);
  for (const end = rows + bytes; rows < end; rows += column) {
    const width = min(column, end - rows);
    if (near < size) {
      for (let r: usize = 0; r < count; r += near) {
        inverseLayers<T>(rows, stride, width, tables, r, r + near, 1, count, base, 0);
      }
      inverseLayers<T>(rows, stride, width, tables, 0, size, near, count, base, sum);
    } else {
      inverseLayers<T>(rows, stride, width, tables, 0, size, 1, count, base, sum);
    }
    if (sum != 0) sum += column;
  }
}

export function forward<T>(
  rows: usize,
  stride: usize,
  bytes: usize,
  tables: usize,
  size: usize,
  from: usize,
  to: usize,
): void {
  const column = columnBytes(size, bytes);
  const near = nearRows(size, column);
  for (const end = rows + bytes; rows < end; rows += column) {
    const width = min(column, end - rows);
    if (near < size) forwardLayers<T>(rows, stride, width, tables, 0, size, near, from, to);
    for (let r: usize = 0; r < to; r += near) {
      if (r + near > from) forwardLayers<T>(rows, stride, width, tables, r, r + near, 1, from, to);
    }
  }
}

/**
 * From the rows of a word, scaled by the locator, to those of the rows from `from` to `to` that are lost, scaled too
 * (02 §5): the inverse transform, the formal derivative and the transform, column by column.
 */
export function restore<T>(
  rows: usize, stride: usize, bytes: usize, tables: usize, size: usize, count: usize, from: usize, to: usize,
): void {
  const column = columnBytes(size, bytes);
  for (const end = rows + bytes; rows < end; rows += column) {
    const width = min(column, end - rows);
    inverse<T>(rows, stride, width, tables, size, count, 0, 0);
    derive(rows, stride, width, size);
    forward<T>(rows, stride, width, tables, size, from, to);
  }
}
