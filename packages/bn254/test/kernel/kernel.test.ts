import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { generate } from '../../assembly/build/kernels.ts';
import { writeProducts } from '../../assembly/build/products.ts';
import { baseField, KERNEL_BUILDS, Kernel, scalarField } from '../../src/index.ts';
import { BASE, MONTGOMERY, PAIR_BYTES, readPair, SCALAR, writePair } from '../../src/kernel/constants.ts';
import { elements } from '../values.ts';

const PRODUCTS = new URL('../../assembly/products.ts', import.meta.url);
const GENERATED = new URL('../../src/kernel/kernels.generated.ts', import.meta.url);

describe('the kernel', () => {
  it('is what its source compiles to', async () => {
    expect(readFileSync(PRODUCTS, 'utf8')).toBe(writeProducts());
    expect(readFileSync(GENERATED, 'utf8') === (await generate()), 'run `npm run build:kernels`').toBe(true);
  });

  it('is chosen once for a thread, the best that the runtime takes', () => {
    expect(Kernel.ofThread().build).toBe('fused');
    expect(Kernel.ofThread()).toBe(Kernel.ofThread());
  });
});

const fields = [
  { name: 'base', field: baseField, at: BASE },
  { name: 'scalar', field: scalarField, at: SCALAR },
];
const cases = KERNEL_BUILDS.flatMap((build) => fields.map((one) => ({ build, ...one })));

describe.each(cases)('arithmetic of the $build build in the $name field', ({ build, field, at }) => {
  const kernel = Kernel.make(build)!;
  const p = field.modulus;
  const a = kernel.room(4096);
  const b = a + PAIR_BYTES;
  const c = b + PAIR_BYTES;
  const far = c + PAIR_BYTES;
  const any = elements(field);
  /** As factors may be: from -p to 2 p, which are sums and differences. */
  const loose = fc.tuple(any, fc.constantFrom(-1n, 0n, 1n)).map(([value, times]) => value + times * p);

  it('multiplies and squares both lanes, and stays small', () => {
    fc.assert(
      fc.property(loose, any, loose, any, (x0, y0, x1, y1) => {
        writePair(kernel.view, a, x0, x1);
        writePair(kernel.view, b, y0, y1);
        kernel.exports.multiply(c, a, b, at);
        const products = readPair(kernel.view, c);
        expect(products.map((z) => field.of(z * MONTGOMERY))).toEqual([field.of(x0 * y0), field.of(x1 * y1)]);
        kernel.exports.square(c, b, at);
        const squares = readPair(kernel.view, c);
        expect(squares.map((z) => field.of(z * MONTGOMERY))).toEqual([field.of(y0 * y0), field.of(y1 * y1)]);
        for (const z of products) expect(10n * (z < 0n ? -z : z) <= 18n * p).toBe(true);
        for (const z of squares) expect(10n * (z < 0n ? -z : z) <= 14n * p).toBe(true);
      }),
      { numRuns: 500 },
    );
  });

  it('adds up two products', () => {
    const pair = fc.tuple(loose, any);
    fc.assert(
      fc.property(pair, pair, pair, pair, (x0, x1, y0, y1) => {
        const d = c + PAIR_BYTES;
        [x0, x1].forEach((x, i) => {
          const y = [y0, y1][i]!;
          writePair(kernel.view, [a, c][i]!, x[0], y[0]);
          writePair(kernel.view, [b, d][i]!, x[1], y[1]);
        });
        kernel.exports.multiplyAndAdd(d, a, b, c, d, at);
        const expected = [field.of(x0[0] * x0[1] + x1[0] * x1[1]), field.of(y0[0] * y0[1] + y1[0] * y1[1])];
        expect(readPair(kernel.view, d).map((z) => field.of(z * MONTGOMERY))).toEqual(expected);
      }),
      { numRuns: 500 },
    );
  });

  it('is exact with the largest limbs that sums and products have', () => {
    const limbs = (bits: number) =>
      fc.array(
        fc.oneof(
          fc.constantFrom(-(2 ** bits), 2 ** bits, 0),
          fc.maxSafeInteger().map((x) => x % 2 ** bits),
        ),
        {
          minLength: 5,
          maxLength: 5,
        },
      );
    const writeLimbs = (to: number, values: readonly number[]) => {
      values.forEach((value, i) => {
        // The highest limb of values up to twice the modulus.
        const limb = i === 4 ? Math.trunc(value / 2) : value;
        for (const lane of [0, 8]) kernel.view.setFloat64(to + 16 * i + lane, limb, true);
      });
      return readPair(kernel.view, to)[0];
    };
    fc.assert(
      fc.property(limbs(51), limbs(50), limbs(51), limbs(50), (w, x, y, z) => {
        const d = c + PAIR_BYTES;
        const to = d + PAIR_BYTES;
        const [first, second, third, fourth] = [writeLimbs(a, w), writeLimbs(b, x), writeLimbs(c, y), writeLimbs(d, z)];
        const found = () => field.of(readPair(kernel.view, to)[1] * MONTGOMERY);
        kernel.exports.multiply(to, a, b, at);
        expect(found()).toBe(field.of(first * second));
        kernel.exports.multiplyAndAdd(to, a, b, c, d, at);
        expect(found()).toBe(field.of(first * second + third * fourth));
        kernel.exports.square(to, b, at);
        expect(found()).toBe(field.of(second * second));
      }),
      { numRuns: 500 },
    );
  });

  it('settles sums of up to four elements to about half the modulus', () => {
    const up = fc.tuple(any, fc.integer({ min: -3, max: 3 })).map(([value, times]) => value + BigInt(times) * p);
    fc.assert(
      fc.property(up, up, (x0, x1) => {
        writePair(kernel.view, a, x0, x1);
        kernel.exports.settle(c, a, at);
        const settled = readPair(kernel.view, c);
        expect(settled.map((z) => field.of(z))).toEqual([field.of(x0), field.of(x1)]);
        for (const z of settled) expect(1000n * (z < 0n ? -z : z) <= 501n * p).toBe(true);
      }),
      { numRuns: 500 },
    );
  });

  it('reads and writes 32 bytes', () => {
    fc.assert(
      fc.property(any, any, (x0, x1) => {
        [x0, x1].forEach((x, lane) => {
          for (let i = 0; i < 32; i++) kernel.bytes[far + 32 * lane + i] = Number((x >> BigInt(8 * i)) & 255n);
        });
        const before = kernel.bytes.slice(far, far + 64);
        kernel.exports.unpack(a, far, far + 32);
        expect(readPair(kernel.view, a)).toEqual([x0, x1]);
        kernel.exports.settle(a, a, at);
        kernel.exports.pack(far + 64, a, 0, at);
        kernel.exports.pack(far + 96, a, 8, at);
        expect(kernel.bytes.slice(far + 64, far + 128)).toEqual(before);
      }),
      { numRuns: 300 },
    );
  });
});
