import { baseField, type PrimeField, scalarField } from '@codex/bn254';

/** Field elements in files: 32 bytes, little-endian. */
export const ELEMENT_BYTES = 32;
export const ELEMENT_WORDS = 8;

export function readElement(bytes: Uint8Array, at: number): bigint {
  const view = new DataView(bytes.buffer, bytes.byteOffset + at, ELEMENT_BYTES);
  let value = 0n;
  for (let word = 3; word >= 0; word--) value = (value << 64n) | view.getBigUint64(8 * word, true);
  return value;
}

export function writeElement(bytes: Uint8Array, at: number, value: bigint): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset + at, ELEMENT_BYTES);
  for (let word = 0; word < 4; word++)
    view.setBigUint64(8 * word, BigInt.asUintN(64, value >> BigInt(64 * word)), true);
}

function wordsOf({ modulus }: PrimeField): Uint32Array {
  return Uint32Array.from({ length: ELEMENT_WORDS }, (_, i) => Number((modulus >> BigInt(32 * i)) & 0xffffffffn));
}

const SCALAR_MODULUS = wordsOf(scalarField);
const BASE_MODULUS = wordsOf(baseField);

function isBelow(words: Uint32Array, at: number, modulus: Uint32Array): boolean {
  for (let i = ELEMENT_WORDS - 1; i >= 0; i--) {
    const word = words[at + i] ?? 0;
    const limit = modulus[i] ?? 0;
    if (word !== limit) return word < limit;
  }
  return false;
}

/** Whether the eight words there are below r. */
export const isScalar = (words: Uint32Array, at: number): boolean => isBelow(words, at, SCALAR_MODULUS);

/** Whether the eight words there are below p. */
export const isCoordinate = (words: Uint32Array, at: number): boolean => isBelow(words, at, BASE_MODULUS);
