import { seededRandom } from '@codex/runtime';
import fc from 'fast-check';
import { baseField, type PrimeField, scalarField } from '../src/index.ts';

/** Elements, with those that break arithmetic: around 0, the modulus, its half, and where limbs begin. */
export function elements(field: PrimeField): fc.Arbitrary<bigint> {
  const p = field.modulus;
  const edges = [0n, 1n, 2n, p - 1n, p - 2n, p / 2n, p / 2n + 1n, (1n << 253n) - 1n];
  for (let bits = 50n; bits < 254n; bits += 51n) edges.push((1n << bits) - 1n, 1n << bits, (1n << (bits + 1n)) - 1n);
  return fc.oneof(fc.bigInt({ min: 0n, max: p - 1n }), fc.constantFrom(...edges.filter((edge) => edge < p)));
}

export const scalars = elements(scalarField);
export const coordinates = elements(baseField);

/** Elements drawn from a seed. */
export function drawn(seed: number, count: number, field: PrimeField): bigint[] {
  const random = seededRandom(seed);
  return Array.from({ length: count }, () => field.of(read(random.bytes(32))[0] ?? 0n));
}

/** 32 bytes each, little-endian; in shared memory. */
export function write(values: readonly bigint[]): Uint8Array<SharedArrayBuffer> {
  const bytes = new Uint8Array(new SharedArrayBuffer(values.length * 32));
  const words = new BigUint64Array(bytes.buffer);
  values.forEach((value, i) => {
    for (let j = 0; j < 4; j++) words[4 * i + j] = BigInt.asUintN(64, value >> BigInt(64 * j));
  });
  return bytes;
}

export function read(bytes: Uint8Array): bigint[] {
  const words = new BigUint64Array(bytes.slice().buffer);
  return Array.from({ length: words.length / 4 }, (_, i) =>
    [3, 2, 1, 0].reduce((value, j) => (value << 64n) | (words[4 * i + j] ?? 0n), 0n),
  );
}
