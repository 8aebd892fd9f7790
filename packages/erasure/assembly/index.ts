/** What the host calls: everything for symbols of 8 and of 16 bits. Addresses and sizes are in bytes. */
import { addUp, combine1, combine4, scale } from './rows';
import { spread, tablesOf } from './tables';
import { forward, inverse, restore } from './transform';

export { addUp, combine4 };

export function spread8(tables: usize, basis: usize, count: usize): void {
  spread<u8>(tables, basis, count);
}

export function spread16(tables: usize, basis: usize, count: usize): void {
  spread<u16>(tables, basis, count);
}

export function tablesOf8(to: usize, basis: usize, factor: u32): void {
  tablesOf<u8>(to, basis, factor);
}

export function tablesOf16(to: usize, basis: usize, factor: u32): void {
  tablesOf<u16>(to, basis, factor);
}

export function scale8(row: usize, bytes: usize, tables: usize): void {
  scale<u8>(row, bytes, tables);
}

export function scale16(row: usize, bytes: usize, tables: usize): void {
  scale<u16>(row, bytes, tables);
}

export function combine8(to: usize, from: usize, stride: usize, count: usize, bytes: usize, tables: usize): void {
  combine1<u8>(to, from, stride, count, bytes, tables);
}

export function combine16(to: usize, from: usize, stride: usize, count: usize, bytes: usize, tables: usize): void {
  combine1<u16>(to, from, stride, count, bytes, tables);
}

export function inverse8(
  rows: usize,
  stride: usize,
  bytes: usize,
  tables: usize,
  size: usize,
  count: usize,
  base: usize,
  sum: usize,
): void {
  inverse<u8>(rows, stride, bytes, tables, size, count, base, sum);
}

export function inverse16(
  rows: usize,
  stride: usize,
  bytes: usize,
  tables: usize,
  size: usize,
  count: usize,
  base: usize,
  sum: usize,
): void {
  inverse<u16>(rows, stride, bytes, tables, size, count, base, sum);
}

export function forward8(
  rows: usize,
  stride: usize,
  bytes: usize,
  tables: usize,
  size: usize,
  from: usize,
  to: usize,
): void {
  forward<u8>(rows, stride, bytes, tables, size, from, to);
}

export function forward16(
  rows: usize,
  stride: usize,
  bytes: usize,
  tables: usize,
  size: usize,
  from: usize,
  to: usize,
): void {
  forward<u16>(rows, stride, bytes, tables, size, from, to);
}

export function restore8(
  rows: usize, stride: usize, bytes: usize, tables: usize, size: usize, count: usize, from: usize, to: usize,
): void {
  restore<u8>(rows, stride, bytes, tables, size, count, from, to);
}

export function restore16(
  rows: usize, stride: usize, bytes: usize, tables: usize, size: usize, count: usize, from: usize, to: usize,
): void {
  restore<u16>(rows, stride, bytes, tables, size, count, from, to);
}
