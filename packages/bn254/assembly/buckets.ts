/** Sums of many points times scalars: points are sorted into buckets by digits of their scalars, and the buckets added up. */
import { BASE, fromOutsideAt } from './constants';
import { settled } from './coordinate';
import { pack, PAIR, unpack } from './element';
import { addLists, coordinateOf, copyPoint, isInfinity, pointOf, POINT_SCRATCH, setInfinity } from './points';
import { multiply } from './products';

// @ts-expect-error: decorator
@inline
const TWO: usize = POINT_SCRATCH;

/** Reads points as keys hold them: coordinates of 32 bytes in Montgomery form with R = 2^256, all 0 at infinity. */
export function read<T>(to: usize, from: usize, count: usize): void {
  const bytes = (coordinateOf<T>() / 40) * 32;
  for (let i: usize = 0; i < count; i += 2) {
    const second = i + 1 < count ? <usize>1 : 0;
    const a = from + i * 2 * bytes;
    const b = a + second * 2 * bytes;
    const toA = to + i * pointOf<T>();
    const toB = toA + second * pointOf<T>();
    for (let c: usize = 0; c < 2 * bytes; c += 32) {
      unpack(TWO, a + c, b + c);
      multiply(TWO, TWO, fromOutsideAt(BASE), BASE);
      settled<u8>(TWO, TWO);
      const offset = (c / 32) * 40;
      for (let j: usize = 0; j < 40; j += 8) {
        store<f64>(toB + offset + j, load<f64>(TWO + 2 * j + 8));
        store<f64>(toA + offset + j, load<f64>(TWO + 2 * j));
      }
    }
    if (allZero(a, 2 * bytes)) setInfinity<T>(toA);
    if (allZero(b, 2 * bytes)) setInfinity<T>(toB);
  }
}

function allZero(at: usize, bytes: usize): bool {
  for (let i: usize = 0; i < bytes; i += 8) if (load<u64>(at + i)) return false;
  return true;
}

/** Writes points in the form that `read` reads. `factor` is the address of 2^256, a pair. */
export function write<T>(to: usize, from: usize, count: usize, factor: usize): void {
  const bytes = (pointOf<T>() / 40) * 32;
  for (let i: usize = 0; i < count; i += 2) {
    const second = i + 1 < count ? <usize>1 : 0;
    const a = from + i * pointOf<T>();
    const b = a + second * pointOf<T>();
    const toA = to + i * bytes;
    const toB = toA + second * bytes;
    for (let c: usize = 0; c < pointOf<T>() / 40; c++) {
      for (let j: usize = 0; j < 40; j += 8) {
        v128.store(TWO + 2 * j, v128.load64_lane(b + c * 40 + j, v128.load64_zero(a + c * 40 + j), 1));
      }
      multiply(TWO, TWO, factor, BASE);
      settled<u8>(TWO, TWO);
      pack(toA + c * 32, TWO, 0, BASE);
      pack(toB + c * 32, TWO, 8, BASE);
    }
    if (isInfinity(a)) memory.fill(toA, 0, bytes);
    if (isInfinity(b)) memory.fill(toB, 0, bytes);
  }
}

/**
 * Cuts scalars of 32 bytes into `windows` digits of `bits` bits, from -2^(bits-1) to 2^(bits-1), as two bytes each: digit w of scalar i
 * is at to + 2 (w · count + i).
 */
export function digits(to: usize, scalars: usize, count: usize, bits: u32, windows: usize): void {
  const half: i32 = 1 << (bits - 1);
  const mask: u32 = (1 << bits) - 1;
  for (let i: usize = 0; i < count; i++) {
    const scalar = scalars + i * 32;
    let carry: i32 = 0;
    let position: u32 = 0;
    for (let w: usize = 0; w < windows; w++) {
      const byte = min<u32>(position >> 3, 28);
      const shift = position - (byte << 3);
      let digit = shift < 32 ? <i32>((load<u32>(scalar + byte) >> shift) & mask) : 0;
      digit += carry;
      carry = digit > half ? 1 : 0;
      digit -= carry << bits;
      store<i16>(to + 2 * (w * count + i), <i16>digit);
      position += bits;
    }
  }
}

/**
 * Leaves out points that count nothing, at infinity or times 0: moves the others and their scalars together, and returns how many
 * there are. Points are as `read` reads them.
 */
export function selectPoints<T>(points: usize, scalars: usize, count: usize): usize {
  const bytes = (pointOf<T>() / 40) * 32;
  let kept: usize = 0;
  for (let i: usize = 0; i < count; i++) {
    const point = points + i * bytes;
    const scalar = scalars + i * 32;
    if (allZero(scalar, 32) || allZero(point, bytes)) continue;
    if (kept < i) {
      memory.copy(points + kept * bytes, point, bytes);
      memory.copy(scalars + kept * 32, scalar, 32);
    }
    kept++;
  }
  return kept;
}

/**
 * Adds up points by their digits in one window, and adds the sums to the buckets in `table`, which is written first if `isFresh`:
 * bucket k, the sum of the points with digit k and the negatives of those with -k, is at (k - 1) points. Returns whether there was
 * any digit; else nothing is written. `ends` takes 4 bytes for each bucket and 4 more, `busy` 8 for each bucket and 8 more, `references` 4 for
 * each point, each list 4 for each point or bucket, `sums` a point for each.
 */
export function fill<T>(
  table: usize, isFresh: bool, buckets: usize, digitsAt: usize, points: usize, count: usize, ends: usize, busy: usize,
  references: usize, listA: usize, listB: usize, listTo: usize, sums: usize, room: usize,
): bool {
  memory.fill(ends, 0, 4 * (buckets + 1));
  for (let i: usize = 0; i < count; i++) {
    const k: usize = abs(<i32>load<i16>(digitsAt + 2 * i));
    store<u32>(ends + 4 * k, load<u32>(ends + 4 * k) + 1);
  }
  let end: u32 = 0;
  let busyEnd = busy;
  for (let k: usize = 1; k <= buckets; k++) {
    const size = load<u32>(ends + 4 * k);
    // Without a branch, which would often be foretold wrongly.
    store<u32>(busyEnd, end);
    store<u32>(busyEnd, size, 4);
    busyEnd += select<usize>(8, 0, size > 1);
    end += size;
    store<u32>(ends + 4 * k, end);
  }
  if (!end) return false;
  // Placing moves the end of each bucket down to its beginning.
  for (let i: usize = count; i-- > 0; ) {
    const digit = <i32>load<i16>(digitsAt + 2 * i);
    if (!digit) continue;
    const k: usize = abs(digit);
    const place = load<u32>(ends + 4 * k) - 1;
    store<u32>(ends + 4 * k, place);
    store<u32>(references + 4 * place, <u32>(points + i * pointOf<T>()) | (digit < 0 ? 1 : 0));
  }
  store<u32>(ends, end);
  // The buckets that hold several points get half as many, until each holds one.
  while (busyEnd > busy) {
    let pairs: usize = 0;
    let stillEnd = busy;
    for (let at = busy; at < busyEnd; at += 8) {
      const begin = references + 4 * <usize>load<u32>(at);
      const size: usize = load<u32>(at, 4);
      const half = size >> 1;
      for (let i: usize = 0; i < half; i++) {
        store<u32>(listA + 4 * pairs, load<u32>(begin + 8 * i));
        store<u32>(listB + 4 * pairs, load<u32>(begin + 8 * i, 4));
        store<u32>(listTo + 4 * pairs, <u32>sums);
        store<u32>(begin + 4 * i, <u32>sums);
        sums += pointOf<T>();
        pairs++;
      }
      const left = size - half;
      if (left > half) store<u32>(begin + 4 * half, load<u32>(begin + 4 * (size - 1)));
      store<u32>(stillEnd, load<u32>(at));
      store<u32>(stillEnd, <u32>left, 4);
      stillEnd += select<usize>(8, 0, left > 1);
    }
    addLists<T>(listA, listB, listTo, pairs, room);
    busyEnd = stillEnd;
  }
  let additions: usize = 0;
  for (let k: usize = 1; k <= buckets; k++) {
    const begin = load<u32>(ends + 4 * k);
    const at = table + (k - 1) * pointOf<T>();
    if (begin == (k < buckets ? load<u32>(ends + 4 * k + 4) : load<u32>(ends))) {
      if (isFresh) setInfinity<T>(at);
      continue;
    }
    const reference = load<u32>(references + 4 * begin);
    if (isFresh || isInfinity(at)) {
      copyPoint<T>(at, reference);
    } else {
      store<u32>(listA + 4 * additions, <u32>at);
      store<u32>(listB + 4 * additions, reference);
      additions++;
    }
  }
  addLists<T>(listA, listB, listA, additions, room);
  return true;
}

/**
 * For each row of `length` points in a table: their sum, and the sum of each times its number, from 1 on. `sums` and `weighted` get a
 * point for each row. Lists take 4 bytes for each row.
 */
export function addRows<T>(
  table: usize, stride: usize, rows: usize, length: usize, sums: usize, weighted: usize,
  listA: usize, listB: usize, room: usize,
): void {
  const point = pointOf<T>();
  for (let row: usize = 0; row < rows; row++) {
    copyPoint<T>(sums + row * point, <u32>(table + row * stride + (length - 1) * point));
    copyPoint<T>(weighted + row * point, <u32>(table + row * stride + (length - 1) * point));
  }
  for (let column = length - 1; column-- > 0; ) {
    for (let row: usize = 0; row < rows; row++) {
      store<u32>(listA + 4 * row, <u32>(sums + row * point));
      store<u32>(listB + 4 * row, <u32>(table + row * stride + column * point));
    }
    addLists<T>(listA, listB, listA, rows, room);
    for (let row: usize = 0; row < rows; row++) store<u32>(listB + 4 * row, <u32>(weighted + row * point));
    addLists<T>(listB, listA, listB, rows, room);
  }
}

/** Adds point to point of two arrays, into the first. */
export function addArrays<T>(to: usize, from: usize, count: usize, listA: usize, listB: usize, room: usize): void {
  for (let i: usize = 0; i < count; i++) {
    store<u32>(listA + 4 * i, <u32>(to + i * pointOf<T>()));
    store<u32>(listB + 4 * i, <u32>(from + i * pointOf<T>()));
  }
  addLists<T>(listA, listB, listA, count, room);
}

/** Adds up each row of `length` points, a power of two, in place: into its first. Lists take 2 · rows · length bytes. */
export function foldRows<T>(
  table: usize, rows: usize, length: usize, listA: usize, listB: usize, room: usize,
): void {
  const point = pointOf<T>();
  for (let half = length >> 1; half; half >>= 1) {
    let count: usize = 0;
    for (let row: usize = 0; row < rows; row++) {
      for (let i: usize = 0; i < half; i++) {
        const at = table + (row * length + i) * point;
        store<u32>(listA + 4 * count, <u32>at);
        store<u32>(listB + 4 * count, <u32>(at + half * point));
        count++;
      }
    }
    addLists<T>(listA, listB, listA, count, room);
  }
}
