/** The scalar field of BN254, and how its elements are written (10 §1): 32 bytes, lowest first, below r. */
import { Poseidon2Error } from './errors.ts';

export const R =
  21_888_242_871_839_275_222_246_405_745_257_275_088_548_364_400_416_034_343_698_204_186_575_808_495_617n;

export const ELEMENT_BYTES = 32;

const WORD_BYTES = 8;
const WORDS = ELEMENT_BYTES / WORD_BYTES;
/** Of r, the highest first. */
const R_WORDS = Array.from({ length: WORDS }, (_, i) => (R >> BigInt(64 * (WORDS - 1 - i))) & (2n ** 64n - 1n));

const viewOf = (bytes: Uint8Array): DataView => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);

const invalid = (message: string, data: Record<string, unknown> = {}): Poseidon2Error =>
  new Poseidon2Error('POSEIDON2_ELEMENT_INVALID', message, data);

function isBelowR(view: DataView, offset: number): boolean {
  for (const [i, limit] of R_WORDS.entries()) {
    const word = view.getBigUint64(offset + WORD_BYTES * (WORDS - 1 - i), true);
    if (word !== limit) return word < limit;
  }
  return false;
}

/**
 * Refuses bytes that are not canonical elements, one after the other. What comes from outside goes through here; results
 * of this package are canonical. Errors: POSEIDON2_ELEMENT_INVALID (data: index).
 */
export function checkElements(bytes: Uint8Array): void {
  if (bytes.length % ELEMENT_BYTES !== 0) {
    throw invalid(`${bytes.length} bytes are not elements of ${ELEMENT_BYTES} bytes`, { bytes: bytes.length });
  }
  const view = viewOf(bytes);
  for (let at = 0; at < bytes.length; at += ELEMENT_BYTES) {
    if (!isBelowR(view, at)) {
      throw invalid('An element is not below the modulus of the field', { index: at / ELEMENT_BYTES });
    }
  }
}

/** Refuses what is not one canonical element. */
export function checkElement(bytes: Uint8Array): void {
  if (bytes.length !== ELEMENT_BYTES) {
    throw invalid(`An element has ${ELEMENT_BYTES} bytes, not ${bytes.length}`, { bytes: bytes.length });
  }
  checkElements(bytes);
}

/** The number that 32 bytes stand for. Errors: POSEIDON2_ELEMENT_INVALID. */
export function decodeElement(bytes: Uint8Array): bigint {
  checkElement(bytes);
  return littleEndian(bytes);
}

/** Errors: POSEIDON2_ELEMENT_INVALID. */
export function encodeElement(value: bigint): Uint8Array {
  return encodeElements([value]);
}

/** Elements one after the other. */
export function encodeElements(values: readonly bigint[]): Uint8Array {
  const bytes = new Uint8Array(values.length * ELEMENT_BYTES);
  const view = viewOf(bytes);
  for (const [index, value] of values.entries()) {
    if (value < 0n || value >= R) throw invalid('A number is not in the field', { index });
    for (let i = 0; i < WORDS; i++) {
      view.setBigUint64(index * ELEMENT_BYTES + WORD_BYTES * i, BigInt.asUintN(64, value >> BigInt(64 * i)), true);
    }
  }
  return bytes;
}

/** Errors: POSEIDON2_ELEMENT_INVALID. */
export function decodeElements(bytes: Uint8Array): bigint[] {
  checkElements(bytes);
  return Array.from({ length: bytes.length / ELEMENT_BYTES }, (_, i) =>
    littleEndian(bytes.subarray(i * ELEMENT_BYTES, (i + 1) * ELEMENT_BYTES)),
  );
}

function littleEndian(bytes: Uint8Array): bigint {
  let value = 0n;
  for (let i = bytes.length; i-- > 0; ) value = (value << 8n) | BigInt(bytes[i] ?? 0);
  return value;
}

/** Bytes of a chunk that is always an element. */
export const CHUNK_BYTES = 31;

/** Bytes as elements: chunks of 31, and always one more that holds the rest and a marker (10 §4). */
export function packBytes(bytes: Uint8Array): bigint[] {
  const elements: bigint[] = [];
  let at = 0;
  for (; at + CHUNK_BYTES <= bytes.length; at += CHUNK_BYTES) {
    elements.push(littleEndian(bytes.subarray(at, at + CHUNK_BYTES)));
  }
  const rest = bytes.subarray(at);
  return [...elements, littleEndian(rest) | (1n << BigInt(8 * rest.length))];
}
