import { InlineCompute, WorkerPool } from '@codex/compute';
import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import { evaluate, scalarField as f, rootOfUnity, transform } from '../src/index.ts';
import { drawn, read, scalars, write } from './values.ts';

const inline = new InlineCompute();
const pool = new WorkerPool({}, { threads: 2 });
afterAll(() => pool.stop());

/** The twin: coefficients times powers of the shift, by halves. */
function reference(values: readonly bigint[], shift: bigint): bigint[] {
  const bits = Math.log2(values.length);
  return evaluate(
    values.map((value, i) => f.multiply(value, f.power(shift, BigInt(i)))),
    rootOfUnity(bits),
  );
}

describe('roots of unity', () => {
  it('have their order, and each is the square of the next', () => {
    expect(rootOfUnity(0)).toBe(1n);
    expect(rootOfUnity(1)).toBe(f.modulus - 1n);
    for (let bits = 1; bits <= 28; bits++) expect(f.power(rootOfUnity(bits), 2n)).toBe(rootOfUnity(bits - 1));
  });

  it('evaluates as Horner does', () => {
    const coefficients = drawn(1, 8, f);
    const horner = (x: bigint) => coefficients.reduceRight((sum, c) => f.add(f.multiply(sum, x), c), 0n);
    const expected = coefficients.map((_, i) => horner(f.power(rootOfUnity(3), BigInt(i))));
    expect(evaluate(coefficients, rootOfUnity(3))).toEqual(expected);
  });
});

describe('transform', () => {
  it.each([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11])('of 2^%i elements equals its twin, and goes back', async (bits) => {
    for (const shift of [1n, 5n, f.modulus - 3n]) {
      const coefficients = drawn(bits, 2 ** bits, f);
      const values = write(coefficients);
      const scratch = write(coefficients.map(() => 0n));
      await transform(inline, { values, scratch, shift });
      expect(read(values)).toEqual(reference(coefficients, shift));
      await transform(inline, { values, scratch, shift, inverse: true });
      expect(read(values)).toEqual(coefficients);
    }
  });

  it('of edge values equals its twin', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(scalars, { minLength: 16, maxLength: 16 }), scalars, async (coefficients, s) => {
        const shift = s || 1n;
        const values = write(coefficients);
        const scratch = write(coefficients);
        await transform(inline, { values, scratch, shift });
        expect(read(values)).toEqual(reference(coefficients, shift));
      }),
      { numRuns: 60 },
    );
  });

  it('of the largest element everywhere does not overflow', async () => {
    const coefficients = Array.from({ length: 2 ** 12 }, () => f.modulus - 1n);
    const values = write(coefficients);
    await transform(inline, { values, scratch: write(coefficients) });
    expect(read(values)).toEqual(reference(coefficients, 1n));
  });

  it('runs in threads on shared memory', async () => {
    const coefficients = drawn(17, 2 ** 17, f);
    const values = write(coefficients);
    const scratch = new Uint8Array(new SharedArrayBuffer(values.byteLength));
    await transform(pool, { values, scratch, shift: 7n });
    const at = f.multiply(7n, f.power(rootOfUnity(17), 12_345n));
    const horner = coefficients.reduceRight((sum, c) => f.of(sum * at + c), 0n);
    expect(read(values.subarray(12_345 * 32, 12_346 * 32))).toEqual([horner]);
    await transform(pool, { values, scratch, shift: 7n, inverse: true });
    expect(Buffer.compare(values, write(coefficients))).toBe(0);
  });

  it('refuses sizes that no transform has, and stops when told', async () => {
    const none = { values: new Uint8Array(0), scratch: new Uint8Array(0) };
    const three = { values: new Uint8Array(96), scratch: new Uint8Array(96) };
    const unlike = { values: new Uint8Array(64), scratch: new Uint8Array(96) };
    const large = {
      values: { byteLength: 2 ** 23 * 32 } as Uint8Array,
      scratch: { byteLength: 2 ** 23 * 32 } as Uint8Array,
    };
    for (const input of [none, three, unlike, large]) {
      await expect(transform(inline, input)).rejects.toMatchObject({ code: 'BN254_INPUT_INVALID' });
    }
    const reason = new Error('enough');
    const signal = AbortSignal.abort(reason);
    const input = { values: new Uint8Array(64), scratch: new Uint8Array(64) };
    await expect(transform(inline, input, { signal })).rejects.toBe(reason);
  });
});
