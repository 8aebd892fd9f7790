import { tablesBytes } from './multiply';

/**
 * Tables of the factors from 0 to `count` − 1, in GF(2^16) of the even ones only, from those of the powers of two
 * (`basis`): multiplying is linear in the factor too.
 */
export function spread<T>(tables: usize, basis: usize, count: usize): void {
  const step: usize = sizeof<T>() == 1 ? 1 : 2;
  const size = tablesBytes<T>();
  memory.fill(tables, 0, size);
  for (let factor = step; factor < count; factor += step) {
    const to = tables + (factor / step) * size;
    const rest = tables + ((factor & (factor - 1)) / step) * size;
    const bit = basis + ctz(factor) * size;
    for (let at: usize = 0; at < size; at += 16) {
      v128.store(to + at, v128.xor(v128.load(rest + at), v128.load(bit + at)));
    }
  }
}

/** Tables of any one factor. */
export function tablesOf<T>(to: usize, basis: usize, factor: u32): void {
  const size = tablesBytes<T>();
  memory.fill(to, 0, size);
  for (let bits = factor; bits != 0; bits &= bits - 1) {
    const bit = basis + <usize>ctz(bits) * size;
    for (let at: usize = 0; at < size; at += 16) {
      v128.store(to + at, v128.xor(v128.load(to + at), v128.load(bit + at)));
    }
  }
}
