import { InlineCompute } from '@codex/compute';
import { afterEach, describe, expect, it, vi } from 'vitest';
import {
  evaluate,
  scalarField as f,
  g1,
  g2,
  KERNEL_BUILDS,
  Kernel,
  multiplyAndAddG1,
  multiplyAndAddG2,
  multiplyFixedG1,
  multiplyFixedG2,
  multiplyRows,
  multiplySubtract,
  pairingProduct,
  readG1,
  readG2,
  rootOfUnity,
  transform,
  writeG1,
  writeG2,
} from '../../src/index.ts';
import { pairingProduct as twin } from '../../src/reference/pairing.ts';
import { drawn, read, write } from '../values.ts';

const inline = new InlineCompute();
const r = f.modulus;
const scalars = [0n, 1n, r - 1n, r - 2n, ...drawn(1, 28, f)];
const points1 = scalars.map((_, i) => g1.multiply(g1.generator, BigInt([0, 1, -1, i][i % 4] ?? 0)));
const points2 = scalars.map((_, i) => g2.multiply(g2.generator, BigInt([0, 1, -1, i][i % 4] ?? 0)));
const join = (parts: readonly Uint8Array[]) => new Uint8Array(Buffer.concat(parts));

describe.each(KERNEL_BUILDS)('with the %s build', (build) => {
  const kernel = Kernel.make(build)!;
  const use = () => vi.spyOn(Kernel, 'ofThread').mockReturnValue(kernel);
  afterEach(() => vi.restoreAllMocks());

  it('sums of points equal their twins', async () => {
    use();
    const [first, second] = [join(points1.map(writeG1)), join(points2.map(writeG2))];
    const packed = write(scalars);
    expect(await multiplyAndAddG1(inline, { points: first, scalars: packed })).toEqual(
      g1.multiplyAndAdd(points1, scalars),
    );
    expect(await multiplyAndAddG2(inline, { points: second, scalars: packed })).toEqual(
      g2.multiplyAndAdd(points2, scalars),
    );
  });

  it('multiples of a point equal their twins', async () => {
    use();
    const some = scalars.slice(0, 8);
    const [first, second] = [new Uint8Array(8 * 64), new Uint8Array(8 * 128)];
    await multiplyFixedG1(inline, { base: g1.generator, scalars: write(some), target: first });
    await multiplyFixedG2(inline, { base: g2.generator, scalars: write(some), target: second });
    some.forEach((scalar, i) => {
      expect(readG1(first.subarray(i * 64, i * 64 + 64))).toEqual(g1.multiply(g1.generator, scalar));
      expect(readG2(second.subarray(i * 128, i * 128 + 128))).toEqual(g2.multiply(g2.generator, scalar));
    });
  });

  it('transforms, rows and products of vectors equal their twins', async () => {
    use();
    const values = write(scalars);
    await transform(inline, { values, scratch: write(scalars) });
    expect(read(values)).toEqual(evaluate(scalars, rootOfUnity(5)));
    const vector = write(scalars);
    const starts = Uint32Array.from([0, 32, 64]);
    const columns = Uint32Array.from({ length: 64 }, (_, i) => i % 32);
    const coefficients = Uint32Array.from({ length: 64 }, (_, i) => (i * 7) % 32);
    const target = new Uint8Array(64);
    await multiplyRows(inline, { starts, columns, coefficients, table: vector, vector, target });
    const row = (first: number) =>
      Array.from({ length: 32 }, (_, i) => first + i).reduce(
        (sum, i) => f.of(sum + scalars[(i * 7) % 32]! * scalars[i % 32]!),
        0n,
      );
    expect(read(target)).toEqual([row(0), row(32)]);
    await multiplySubtract(inline, { a: vector, b: vector, c: vector, target: vector });
    expect(read(vector)).toEqual(scalars.map((x) => f.of(x * x - x)));
  });

  it('pairings equal their twins', () => {
    use();
    const pairs = [3, 7].map((i) => ({ g1: points1[i], g2: points2[i + 4] }));
    expect(pairingProduct(pairs)).toEqual(twin(pairs));
  });
});
