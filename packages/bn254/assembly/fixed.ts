/** One point times many scalars: additions from tables of its multiples. */
import { addLists, copyPoint, isInfinity, pointOf, setInfinity } from './points';

/** Writes 1, 2, … `count` times the point that lies at `to`; `count` is a power of two. Lists take 4 bytes for each. */
export function multiples<T>(to: usize, count: usize, listA: usize, listB: usize, listTo: usize, room: usize): void {
  const point = pointOf<T>();
  for (let have: usize = 1; have < count; have <<= 1) {
    for (let i: usize = 0; i < have; i++) {
      store<u32>(listA + 4 * i, <u32>(to + i * point));
      store<u32>(listB + 4 * i, <u32>(to + (have - 1) * point));
      store<u32>(listTo + 4 * i, <u32>(to + (have + i) * point));
    }
    addLists<T>(listA, listB, listTo, have, room);
  }
}

export function clear<T>(points: usize, count: usize): void {
  for (let i: usize = 0; i < count; i++) setInfinity<T>(points + i * pointOf<T>());
}

/** Adds to each sum what its digit names in a table of multiples. Lists take 4 bytes for each sum. */
export function addMultiples<T>(
  sums: usize, table: usize, digitsAt: usize, count: usize, listA: usize, listB: usize, room: usize,
): void {
  let additions: usize = 0;
  for (let i: usize = 0; i < count; i++) {
    const digit = <i32>load<i16>(digitsAt + 2 * i);
    if (!digit) continue;
    const sum = sums + i * pointOf<T>();
    const reference = <u32>(table + <usize>(abs(digit) - 1) * pointOf<T>()) | (digit < 0 ? 1 : 0);
    if (isInfinity(sum)) {
      copyPoint<T>(sum, reference);
      continue;
    }
    store<u32>(listA + 4 * additions, <u32>sum);
    store<u32>(listB + 4 * additions, reference);
    additions++;
  }
  addLists<T>(listA, listB, listA, additions, room);
}
