import { readElement } from '../../../src/format/elements.ts';

/** Elements of 32 bytes as numbers. */
export const valuesOf = (bytes: Uint8Array): bigint[] =>
  Array.from({ length: bytes.length / 32 }, (_, i) => readElement(bytes, 32 * i));
