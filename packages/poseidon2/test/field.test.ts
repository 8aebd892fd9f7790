import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  checkElements,
  decodeElement,
  drawConstants,
  encodeElement,
  encodeElements,
  packBytes,
  R,
} from '../src/index.ts';
import { seeded, vectors } from './vectors.ts';

const bigEndian = (value: bigint) => Buffer.from(value.toString(16).padStart(64, '0'), 'hex');
const sha256 = (values: readonly bigint[]) =>
  createHash('sha256')
    .update(Buffer.concat(values.map(bigEndian)))
    .digest('hex');

describe('round constants', () => {
  const { external, internal } = drawConstants();

  it('are those that Codex froze, not those of the newer derivation', () => {
    expect(external[0]).toBe(0x2c4c51fd1bb9567c27e99f5712b49e0574178b41b6f0a476cddc41d242cf2b43n);
    expect(internal.at(-1)).toBe(0x238d26ca97c691591e929f32199a643550f325f23a85d420080b289d7cecc9d4n);
    expect(external.at(-1)).toBe(0x0f81ebce43c47711751fa64d6c007221016d485641c28c507d04fd3dc7fba1d2n);
  });

  it('have the digests of 10 §2.1', () => {
    expect(sha256([...external.slice(0, 12), ...internal, ...external.slice(12)])).toBe(
      '06c439731f5d89f819b3ceaaad79e6efb053d32996ca16e67d1f7a4bd66824fa',
    );
    expect(sha256([...external, ...internal])).toBe('af2408addc545f26040df26b8ed6b7b09b6f6197b1e0b69c80f08399f5ddd15e');
  });
});

describe('elements', () => {
  const invalid = expect.objectContaining({ code: 'POSEIDON2_ELEMENT_INVALID' });

  it('are read as they were written', () => {
    fc.assert(
      fc.property(fc.bigInt(0n, R - 1n), (value) => {
        expect(decodeElement(encodeElement(value))).toBe(value);
      }),
    );
    expect(encodeElement(258n).subarray(0, 3)).toEqual(Uint8Array.of(2, 1, 0));
  });

  it('have 32 bytes and are below r', () => {
    for (const value of [R, R + 1n, 2n ** 254n, 2n ** 256n - 1n]) {
      expect(() => decodeElement(bigEndian(value).reverse())).toThrow(invalid);
    }
    expect(decodeElement(bigEndian(R - 1n).reverse())).toBe(R - 1n);
    for (const length of [0, 31, 33, 64]) expect(() => decodeElement(new Uint8Array(length))).toThrow(invalid);
    expect(() => checkElements(new Uint8Array(33))).toThrow(invalid);
    for (const value of [-1n, R]) expect(() => encodeElement(value)).toThrow(invalid);
  });

  it('are refused with the index of the first that is wrong', () => {
    const bytes = encodeElements([1n, 2n, 3n]);
    bytes.fill(255, 64);
    expect(() => checkElements(bytes)).toThrow(expect.objectContaining({ data: { index: 2 } }));
  });

  it('hold packed bytes', () => {
    for (const { seed, len, elements } of vectors.elements) {
      expect(packBytes(seeded(seed, len)).map(String)).toEqual(elements);
    }
    expect(packBytes(Uint8Array.from({ length: 33 }, (_, i) => i + 1))).toEqual([
      54980096196880238888162309298627284197919427551736292421657099673115230721n,
      74016n,
    ]);
    expect(packBytes(new Uint8Array(2048))).toHaveLength(67);
  });
});
