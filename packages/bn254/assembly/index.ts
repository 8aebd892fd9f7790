/** What the host calls. Addresses and sizes are in bytes; functions that end in 1 work on points of G1, in 2 on those of G2. */
import { addArrays, addRows, digits, fill, foldRows, read, selectPoints, write } from './buckets';
import { pack, settle, unpack } from './element';
import { addMultiples, clear, multiples } from './fixed';
import { lines, loop, power } from './pairing';
import { multiply, multiplyAndAdd, square } from './products';
import { columns, powers } from './transform';
import { addSparseRows, factors, multiplySubtract } from './vectors';

export {
  addSparseRows, columns, digits, factors, lines, loop, multiply, multiplyAndAdd, multiplySubtract, pack, power, powers, settle, square, unpack,
};

export function read1(to: usize, from: usize, count: usize): void {
  read<u8>(to, from, count);
}

export function read2(to: usize, from: usize, count: usize): void {
  read<u16>(to, from, count);
}

export function write1(to: usize, from: usize, count: usize, factor: usize): void {
  write<u8>(to, from, count, factor);
}

export function write2(to: usize, from: usize, count: usize, factor: usize): void {
  write<u16>(to, from, count, factor);
}

export function select1(points: usize, scalars: usize, count: usize): usize {
  return selectPoints<u8>(points, scalars, count);
}

export function select2(points: usize, scalars: usize, count: usize): usize {
  return selectPoints<u16>(points, scalars, count);
}


export function fill1(
  table: usize, isFresh: bool, buckets: usize, digitsAt: usize, points: usize, count: usize, ends: usize, busy: usize,
  references: usize, listA: usize, listB: usize, listTo: usize, sums: usize, room: usize,
): bool {
  return fill<u8>(
    table, isFresh, buckets, digitsAt, points, count, ends, busy, references, listA, listB, listTo, sums, room,
  );
}

export function fill2(
  table: usize, isFresh: bool, buckets: usize, digitsAt: usize, points: usize, count: usize, ends: usize, busy: usize,
  references: usize, listA: usize, listB: usize, listTo: usize, sums: usize, room: usize,
): bool {
  return fill<u16>(
    table, isFresh, buckets, digitsAt, points, count, ends, busy, references, listA, listB, listTo, sums, room,
  );
}

export function addRows1(
  table: usize, stride: usize, rows: usize, length: usize, sums: usize, weighted: usize,
  listA: usize, listB: usize, room: usize,
): void {
  addRows<u8>(table, stride, rows, length, sums, weighted, listA, listB, room);
}

export function addRows2(
  table: usize, stride: usize, rows: usize, length: usize, sums: usize, weighted: usize,
  listA: usize, listB: usize, room: usize,
): void {
  addRows<u16>(table, stride, rows, length, sums, weighted, listA, listB, room);
}

export function addArrays1(to: usize, from: usize, count: usize, listA: usize, listB: usize, room: usize): void {
  addArrays<u8>(to, from, count, listA, listB, room);
}

export function addArrays2(to: usize, from: usize, count: usize, listA: usize, listB: usize, room: usize): void {
  addArrays<u16>(to, from, count, listA, listB, room);
}

export function foldRows1(
  table: usize, rows: usize, length: usize, listA: usize, listB: usize, room: usize,
): void {
  foldRows<u8>(table, rows, length, listA, listB, room);
}

export function foldRows2(
  table: usize, rows: usize, length: usize, listA: usize, listB: usize, room: usize,
): void {
  foldRows<u16>(table, rows, length, listA, listB, room);
}

export function multiples1(to: usize, count: usize, listA: usize, listB: usize, listTo: usize, room: usize): void {
  multiples<u8>(to, count, listA, listB, listTo, room);
}

export function clear1(points: usize, count: usize): void {
  clear<u8>(points, count);
}

export function addMultiples1(
  sums: usize, table: usize, digitsAt: usize, count: usize, listA: usize, listB: usize, room: usize,
): void {
  addMultiples<u8>(sums, table, digitsAt, count, listA, listB, room);
}

export function multiples2(to: usize, count: usize, listA: usize, listB: usize, listTo: usize, room: usize): void {
  multiples<u16>(to, count, listA, listB, listTo, room);
}

export function clear2(points: usize, count: usize): void {
  clear<u16>(points, count);
}

export function addMultiples2(
  sums: usize, table: usize, digitsAt: usize, count: usize, listA: usize, listB: usize, room: usize,
): void {
  addMultiples<u16>(sums, table, digitsAt, count, listA, listB, room);
}
