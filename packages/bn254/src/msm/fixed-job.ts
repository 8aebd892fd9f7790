import { defineJob } from '@codex/compute';
import { OUTSIDE_MONTGOMERY, PAIR_BYTES, writePair } from '../kernel/constants.ts';
import { type GroupKernel, Kernel } from '../kernel/kernel.ts';
import { type G1Point, type G2Point, g1, g2 } from '../reference/curve.ts';
import { baseField } from '../reference/prime-field.ts';
import { writeG1, writeG2 } from './points.ts';

/** Multiples of a point for some digits of scalars: 1, 2, … 2^(bits - 1), times 2^shift; the same with the next `bits`; and so on. */
export interface WindowsPart<P> {
  readonly base: P;
  readonly bits: number;
  readonly shift: number;
  /** As the kernel calculates with points. */
  readonly tables: Uint8Array;
}

/** Scalars that a point is multiplied by, with the tables for all their digits of `bits` bits, one after the other. */
export interface FixedPart {
  readonly tables: Uint8Array;
  readonly bits: number;
  readonly scalars: Uint8Array;
  readonly target: Uint8Array;
}

export const makeWindowsG1 = defineJob(import.meta.url, 'makeWindowsG1', (part: WindowsPart<G1Point>) => {
  const kernel = Kernel.ofThread();
  makeWindows(kernel, kernel.g1, part, (point, bits) => g1.multiply(point, 1n << BigInt(bits)), writeG1);
});

export const makeWindowsG2 = defineJob(import.meta.url, 'makeWindowsG2', (part: WindowsPart<G2Point>) => {
  const kernel = Kernel.ofThread();
  makeWindows(kernel, kernel.g2, part, (point, bits) => g2.multiply(point, 1n << BigInt(bits)), writeG2);
});

export const multiplyFixedPartG1 = defineJob(import.meta.url, 'multiplyFixedPartG1', (part: FixedPart) => {
  const kernel = Kernel.ofThread();
  multiplyFixedPart(kernel, kernel.g1, part);
});

export const multiplyFixedPartG2 = defineJob(import.meta.url, 'multiplyFixedPartG2', (part: FixedPart) => {
  const kernel = Kernel.ofThread();
  multiplyFixedPart(kernel, kernel.g2, part);
});

function makeWindows<P>(
  kernel: Kernel,
  group: GroupKernel,
  { base, bits, shift, tables }: WindowsPart<P>,
  double: (point: P, times: number) => P,
  write: (point: P) => Uint8Array,
): void {
  const count = 2 ** (bits - 1);
  const tableBytes = count * group.pointBytes;
  const room = kernel.room(group.batchBytes + 12 * count + 16 + group.packedBytes + tableBytes);
  const lists = [0, 1, 2].map((i) => room + group.batchBytes + i * 4 * count) as [number, number, number];
  const packed = Math.ceil((lists[2] + 4 * count) / 16) * 16;
  const table = packed + group.packedBytes;
  let first = double(base, shift);
  for (let at = 0; at < tables.byteLength; at += tableBytes, first = double(first, bits)) {
    kernel.bytes.set(write(first), packed);
    group.read(table, packed, 1);
    group.multiples(table, count, ...lists, room);
    tables.set(kernel.bytes.subarray(table, table + tableBytes), at);
  }
}

function multiplyFixedPart(kernel: Kernel, group: GroupKernel, { tables, bits, scalars, target }: FixedPart): void {
  const { pointBytes, packedBytes, batchBytes } = group;
  const count = target.byteLength / packedBytes;
  const tableBytes = pointBytes * 2 ** (bits - 1);
  const windows = tables.byteLength / tableBytes;
  let end = kernel.room(0);
  const take = (size: number) => {
    const at = end;
    end += Math.ceil(size / 16) * 16;
    return at;
  };
  const room = take(batchBytes);
  const factor = take(PAIR_BYTES);
  const sums = take(count * pointBytes);
  const table = take(tableBytes);
  const digits = take(windows * count * 2);
  const [listA, listB] = [take(count * 4), take(count * 4)];
  // Scalars lie here before, and points as keys hold them afterwards.
  const packed = take(count * packedBytes);
  kernel.room(end);
  const { bytes, view } = kernel;
  writePair(view, factor, baseField.of(OUTSIDE_MONTGOMERY));
  bytes.set(scalars, packed);
  kernel.exports.digits(digits, packed, count, bits, windows);
  group.clear(sums, count);
  for (let window = 0; window < windows; window++) {
    bytes.set(tables.subarray(window * tableBytes, (window + 1) * tableBytes), table);
    group.addMultiples(sums, table, digits + window * count * 2, count, listA, listB, room);
  }
  group.write(packed, sums, count, factor);
  target.set(bytes.subarray(packed, packed + target.byteLength));
}
