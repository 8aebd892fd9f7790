import { defineJob } from '@codex/compute';
import { OUTSIDE_MONTGOMERY, PAIR_BYTES, writePair } from '../kernel/constants.ts';
import { type GroupKernel, Kernel } from '../kernel/kernel.ts';
import { type G1Point, type G2Point, g1, g2 } from '../reference/curve.ts';
import { baseField } from '../reference/prime-field.ts';
import { readG1, readG2 } from './points.ts';

/** Bits of a scalar and the carry that the highest digit takes. */
const SCALAR_BITS = 255;

const SCALAR_BYTES = 32;

/** Bits of a digit: digits are two bytes with a sign. */
const WINDOW_BITS_MIN = 3;
const WINDOW_BITS_MAX = 15;

/** Buckets that are added up one after the other; their rows are added up side by side, with shared inversions. */
const ROW_BUCKETS = 32;

/** Points that are sorted into buckets at a time: 2^14 of G1, which stay in the second cache while all their digits are used. */
const CHUNK_BYTES = 1_310_720;

/** What going over a bucket costs, beside an addition. */
const PASS_COST = 0.2;

/** Scalars that are looked at to choose the size of digits. */
const SAMPLE_POINTS_MAX = 1024;

/** A part of a sum of points times scalars. */
export interface Part {
  /** Coordinates of 32 bytes, times 2^256, as keys hold them; 0, 0 is the point at infinity. */
  readonly points: Uint8Array;
  /** 32 bytes each, little-endian, below r. */
  readonly scalars: Uint8Array;
}

export const sumG1 = defineJob(import.meta.url, 'sumG1', (part: Part): G1Point => {
  const kernel = Kernel.ofThread();
  const { windows, bits } = sumWindows(kernel, kernel.g1, part);
  return g1.joinWindows(windows.map(readG1), bits);
});

export const sumG2 = defineJob(import.meta.url, 'sumG2', (part: Part): G2Point => {
  const kernel = Kernel.ofThread();
  const { windows, bits } = sumWindows(kernel, kernel.g2, part);
  return g2.joinWindows(windows.map(readG2), bits);
});

/** What costs least: additions into buckets, two for each bucket in each window, and going over the buckets with each part. */
function windowBitsFor(digits: number, parts: number): number {
  const cost = (bits: number) => Math.ceil(SCALAR_BITS / bits) * (digits + (2 + PASS_COST * parts) * 2 ** (bits - 1));
  let best = WINDOW_BITS_MIN;
  for (let bits = best + 1; bits <= WINDOW_BITS_MAX; bits++) if (cost(bits) < cost(best)) best = bits;
  return best;
}

/** How many points have a digit in an average window, judged by some: those at infinity have none, small scalars have few. */
function digitsIn({ points, scalars }: Part, packedBytes: number): number {
  const count = scalars.byteLength / SCALAR_BYTES;
  const step = Math.ceil(count / SAMPLE_POINTS_MAX);
  let seen = 0;
  let bytes = 0;
  for (let i = 0; i < count; i += step, seen++) {
    let length = SCALAR_BYTES;
    while (length > 0 && scalars[i * SCALAR_BYTES + length - 1] === 0) length--;
    // Other points look like the one at infinity once in 2^24 times; it is only a guess.
    const isFar =
      points[i * packedBytes] === 0 && points[i * packedBytes + 1] === 0 && points[i * packedBytes + 2] === 0;
    if (!isFar) bytes += length;
  }
  return (count * bytes) / (SCALAR_BYTES * Math.max(1, seen));
}

/** The sums for each digit of the scalars, the lowest first, as points are given. */
function sumWindows(kernel: Kernel, group: GroupKernel, part: Part): { windows: Uint8Array[]; bits: number } {
  const { pointBytes, packedBytes } = group;
  const given = part.scalars.byteLength / SCALAR_BYTES;
  const chunk = Math.min(given, Math.floor(CHUNK_BYTES / pointBytes));
  const bits = windowBitsFor(digitsIn(part, packedBytes), Math.ceil(given / Math.max(1, chunk)));
  const windows = Math.ceil(SCALAR_BITS / bits);
  const buckets = 2 ** (bits - 1);
  const length = Math.min(buckets, ROW_BUCKETS);
  const perWindow = buckets / length;
  const rows = windows * perWindow;

  let end = kernel.room(0);
  const take = (bytes: number) => {
    const at = end;
    end += Math.ceil(bytes / 16) * 16;
    return at;
  };
  const room = take(group.batchBytes);
  const factor = take(PAIR_BYTES);
  const output = take(packedBytes);
  // Sums of pairs lie where the input lay before.
  const sums = take(chunk * Math.max(pointBytes, packedBytes + SCALAR_BYTES));
  const points = take(chunk * pointBytes);
  const digits = take(windows * chunk * 2);
  const ends = take((buckets + 1) * 4);
  const busy = take((buckets + 1) * 8);
  const references = take(chunk * 4);
  const entries = Math.max(chunk, buckets, rows) * 4;
  const lists = [take(entries), take(entries), take(entries)] as const;
  const table = take(windows * buckets * pointBytes);
  const rowSums = take(rows * pointBytes);
  const rowWeighted = take(rows * pointBytes);
  const across = take(windows * pointBytes);
  const acrossWeighted = take(windows * pointBytes);
  kernel.room(end);
  const { bytes, view } = kernel;
  writePair(view, factor, baseField.of(OUTSIDE_MONTGOMERY));

  /** Windows that have digits at all, in the order of their buckets: small scalars leave high ones empty. */
  const used: number[] = [];
  for (let first = 0; first < given; first += chunk) {
    const last = Math.min(given, first + chunk);
    const scalars = sums + (last - first) * packedBytes;
    bytes.set(part.points.subarray(first * packedBytes, last * packedBytes), sums);
    bytes.set(part.scalars.subarray(first * SCALAR_BYTES, last * SCALAR_BYTES), scalars);
    const count = group.select(sums, scalars, last - first);
    group.read(points, sums, count);
    kernel.exports.digits(digits, scalars, count, bits, windows);
    for (let window = 0; window < windows; window++) {
      const slot = used.indexOf(window);
      const isFresh = slot < 0;
      const at = table + (isFresh ? used.length : slot) * buckets * pointBytes;
      const from = digits + window * count * 2;
      const isUsed = group.fill(
        at,
        isFresh ? 1 : 0,
        buckets,
        from,
        points,
        count,
        ends,
        busy,
        references,
        ...lists,
        sums,
        room,
      );
      if (isFresh && isUsed) used.push(window);
    }
  }
  // With bucket k = row · length + column: the sum of k times it is that of the rows, plus length times the sum of
  // each row's sum times the row's number.
  const usedRows = used.length * perWindow;
  if (usedRows > 0) {
    const [listA, listB] = lists;
    const rowBytes = length * pointBytes;
    group.addRows(table, rowBytes, usedRows, length, rowSums, rowWeighted, listA, listB, room);
    group.foldRows(rowWeighted, used.length, perWindow, listA, listB, room);
    if (perWindow > 1) {
      const stride = perWindow * pointBytes;
      group.addRows(
        rowSums + pointBytes,
        stride,
        used.length,
        perWindow - 1,
        across,
        acrossWeighted,
        listA,
        listB,
        room,
      );
      for (let times = 1; times < length; times *= 2) {
        group.addArrays(acrossWeighted, acrossWeighted, used.length, listA, listB, room);
      }
      for (let i = 0; i < used.length; i++) {
        bytes.copyWithin(across + i * pointBytes, rowWeighted + i * stride, rowWeighted + i * stride + pointBytes);
      }
      group.addArrays(acrossWeighted, across, used.length, listA, listB, room);
    } else {
      bytes.copyWithin(acrossWeighted, rowWeighted, rowWeighted + used.length * pointBytes);
    }
  }
  const results = Array.from({ length: windows }, () => new Uint8Array(packedBytes));
  used.forEach((window, i) => {
    group.write(output, acrossWeighted + i * pointBytes, 1, factor);
    results[window]?.set(bytes.subarray(output, output + packedBytes));
  });
  return { windows: results, bits };
}
