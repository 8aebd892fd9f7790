import { baseField, PrimeField, scalarField } from '../reference/prime-field.ts';

/** Bits of a limb; five make an element (see assembly/multiply.ts). */
const LIMB_BITS = 51n;
const LIMB = 1n << LIMB_BITS;
const LIMBS = 5;

/** Limbs of a product that are folded into higher ones. */
const FOLDED = 4;

/** Elements are kept times this, modulo the prime. */
export const MONTGOMERY = 1n << 255n;

/** What elements of keys are kept times. */
export const OUTSIDE_MONTGOMERY = 1n << 256n;

/** Bytes of a pair of elements, one in each lane. */
export const PAIR_BYTES = 80;

/** Where assembly/constants.ts looks for these numbers, and what lies behind them and the space for intermediate results. */
const COMMON = 1024;
export const BASE = COMMON + 37 * 16;
export const SCALAR = BASE + 44 * 16;
export const ROOM = 16_384;

const ROUND_UP = 1.5 * 2 ** 103;
const INTEGRAL = 1.5 * 2 ** 52;

/** Limbs from -2^50 to 2^50, the lowest first. */
function limbsOf(value: bigint): number[] {
  const limbs: number[] = [];
  let rest = value;
  for (let i = 0; i < LIMBS - 1; i++) {
    const low = BigInt.asIntN(Number(LIMB_BITS), rest);
    limbs.push(Number(low));
    rest = (rest - low) >> LIMB_BITS;
  }
  return [...limbs, Number(rest)];
}

/** Writes an element, given as it is to be multiplied with, to both lanes; or two. */
export function writePair(memory: DataView, at: number, first: bigint, second = first): void {
  const a = limbsOf(first);
  const b = limbsOf(second);
  for (let i = 0; i < LIMBS; i++) {
    memory.setFloat64(at + 16 * i, a[i]!, true);
    memory.setFloat64(at + 16 * i + 8, b[i]!, true);
  }
}

/** Reads a pair: integers that stand for elements, as they lie there, possibly negative. */
export function readPair(memory: DataView, at: number): [bigint, bigint] {
  const lane = (offset: number) => {
    let value = 0n;
    for (let i = LIMBS - 1; i >= 0; i--) value = value * LIMB + BigInt(memory.getFloat64(at + 16 * i + offset, true));
    return value;
  };
  return [lane(0), lane(8)];
}

export function writeConstants(memory: DataView): void {
  let at = COMMON;
  const bothLanes = (write: (at: number) => void) => {
    write(at);
    write(at + 8);
    at += 16;
  };
  const number = (value: number) => bothLanes((to) => memory.setFloat64(to, value, true));
  const integer = (value: bigint) => bothLanes((to) => memory.setBigUint64(to, BigInt.asUintN(64, value), true));
  number(ROUND_UP);
  number(ROUND_UP + INTEGRAL);
  integer(LIMB - 1n);
  integer(bitsOf(2 ** 52));
  number(2 ** 52 + 2 ** 50);
  number(INTEGRAL);
  number(2 ** -51);
  // Products of limbs in column k of a product, of a square, where those above the diagonal are doubled instead, and of a sum.
  const all = (k: number) => (k < 0 || k > 8 ? 0 : Math.min(k, 8 - k) + 1);
  const half = (k: number) => (k < 0 || k > 8 ? 0 : (Math.min(k, 8 - k) >> 1) + 1);
  const twice = (k: number) => 2 * all(k);
  for (const products of [all, half, twice]) for (let k = 0; k < 10; k++) integer(columnStart(k, products));
  for (const { modulus } of [baseField, scalarField]) {
    const begin = at;
    for (const limb of limbsOf(modulus)) number(limb);
    number(Number(BigInt.asIntN(Number(LIMB_BITS), -inverseOfOdd(modulus))));
    number(Number(1n << 204n) / Number(modulus));
    for (let i = 0n; i < LIMBS; i++)
      memory.setBigUint64(begin + 112 + Number(i) * 8, (modulus >> (i * LIMB_BITS)) & (LIMB - 1n), true);
    writePair(memory, begin + 160, MONTGOMERY % modulus);
    writePair(memory, begin + 240, (1n << 254n) % modulus);
    for (let i = 0; i < 64; i++) memory.setUint8(begin + 320 + i, Number(((modulus - 2n) >> BigInt(4 * i)) & 15n));
    const limbDown = new PrimeField(modulus).invert(LIMB);
    for (let by = 1, down = limbDown; by <= FOLDED; by++, down = (down * limbDown) % modulus)
      writePair(memory, begin + 384 + (by - 1) * PAIR_BYTES, 2n * down > modulus ? down - modulus : down);
    at = begin + 704;
  }
}

function bitsOf(value: number): bigint {
  const view = new DataView(new ArrayBuffer(8));
  view.setFloat64(0, value);
  return view.getBigUint64(0);
}

/**
 * What column k of a product begins with, whose low columns are folded, and the last of them made 0 by a multiple of the modulus. It takes off the exponents of all numbers whose
 * bits are added to the column; adds 2^50, so that limbs come out around 0, and 2^62, so that what is handed on is positive; and
 * takes off what the column below hands on for its 2^62.
 */
function columnStart(k: number, products: (k: number) => number): bigint {
  const reductions = (column: number) => (column >= FOLDED && column < FOLDED + LIMBS ? FOLDED + 1 : 0);
  const lows = BigInt(products(k) + reductions(k));
  const highs = BigInt(products(k - 1) + reductions(k - 1));
  const exponents = lows * bitsOf(INTEGRAL) + highs * bitsOf(ROUND_UP);
  const below = k > 0 ? 1n << 11n : 0n;
  const above = k < 9 ? (1n << 62n) + (1n << 50n) : bitsOf(INTEGRAL);
  return above - exponents - below;
}

/** Modulo 2^51, by Newton's iteration, which doubles the right bits. */
function inverseOfOdd(value: bigint): bigint {
  let inverse = 1n;
  for (let bits = 1n; bits < LIMB_BITS; bits *= 2n) inverse = (inverse * (2n - value * inverse)) & (LIMB - 1n);
  return inverse;
}
