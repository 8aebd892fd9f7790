import { OUTSIDE_MONTGOMERY } from '../kernel/constants.ts';
import type { G1Point, G2Point } from '../reference/curve.ts';
import { baseField as f } from '../reference/prime-field.ts';

const COORDINATE_BYTES = 32;

/** A point of G1 as keys hold it: x, y of 32 bytes, little-endian, times 2^256; all 0 at infinity. */
export const G1_BYTES = 2 * COORDINATE_BYTES;

/** A point of G2: x and y, each real part first. */
export const G2_BYTES = 4 * COORDINATE_BYTES;

const OUTSIDE_INVERSE = f.invert(f.of(OUTSIDE_MONTGOMERY));

function readCoordinate(bytes: Uint8Array, i: number): bigint {
  let value = 0n;
  for (let at = (i + 1) * COORDINATE_BYTES; at-- > i * COORDINATE_BYTES; )
    value = (value << 8n) | BigInt(bytes[at] ?? 0);
  return f.multiply(value, OUTSIDE_INVERSE);
}

function writeCoordinates(values: readonly bigint[]): Uint8Array {
  const bytes = new Uint8Array(values.length * COORDINATE_BYTES);
  values.forEach((value, i) => {
    let rest = f.multiply(value, f.of(OUTSIDE_MONTGOMERY));
    for (let at = i * COORDINATE_BYTES; rest > 0n; at++, rest >>= 8n) bytes[at] = Number(rest & 255n);
  });
  return bytes;
}

export function readG1(bytes: Uint8Array): G1Point {
  const x = readCoordinate(bytes, 0);
  const y = readCoordinate(bytes, 1);
  return x === 0n && y === 0n ? undefined : { x, y };
}

export function readG2(bytes: Uint8Array): G2Point {
  const x = { real: readCoordinate(bytes, 0), imaginary: readCoordinate(bytes, 1) };
  const y = { real: readCoordinate(bytes, 2), imaginary: readCoordinate(bytes, 3) };
  return x.real === 0n && x.imaginary === 0n && y.real === 0n && y.imaginary === 0n ? undefined : { x, y };
}

export function writeG1(point: G1Point): Uint8Array {
  return writeCoordinates(point ? [point.x, point.y] : [0n, 0n]);
}

export function writeG2(point: G2Point): Uint8Array {
  if (!point) return writeCoordinates([0n, 0n, 0n, 0n]);
  return writeCoordinates([point.x.real, point.x.imaginary, point.y.real, point.y.imaginary]);
}
