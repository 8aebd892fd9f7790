import { InlineCompute, WorkerPool } from '@codex/compute';
import { afterAll, describe, expect, it } from 'vitest';
import {
  type Curve,
  type FixedInput,
  G1_BYTES,
  G2_BYTES,
  g1,
  g2,
  multiplyFixedG1,
  multiplyFixedG2,
  type Point,
  scalarField,
  writeG1,
  writeG2,
} from '../src/index.ts';
import { drawn, write } from './values.ts';

const inline = new InlineCompute();
const pool = new WorkerPool({}, { threads: 2 });
afterAll(() => pool.stop());

interface Group<F> {
  readonly name: string;
  readonly curve: Curve<F>;
  readonly bytes: number;
  readonly writePoint: (point: Point<F>) => Uint8Array;
  readonly multiply: (
    compute: InlineCompute | WorkerPool,
    input: FixedInput<Point<F>>,
    options?: { signal: AbortSignal },
  ) => Promise<void>;
}

function suite<F>({ name, curve, bytes, writePoint, multiply }: Group<F>): void {
  const some = curve.multiply(curve.generator, drawn(8, 1, scalarField)[0] ?? 0n);
  const multiplied = async (
    compute: typeof inline | typeof pool,
    base: Point<F>,
    scalars: readonly bigint[],
  ): Promise<Uint8Array[]> => {
    const target = new Uint8Array(new SharedArrayBuffer(scalars.length * bytes)).fill(1);
    await multiply(compute, { base, scalars: write(scalars), target });
    return scalars.map((_, i) => target.slice(i * bytes, (i + 1) * bytes));
  };
  const twin = (base: Point<F>, scalar: bigint) => writePoint(curve.multiply(base, scalar));

  describe(`one point times many scalars in ${name}`, () => {
    it.each([0, 1, 2, 5, 40])('%i scalars', async (count) => {
      const scalars = drawn(count, count, scalarField);
      expect(await multiplied(inline, some, scalars)).toEqual(scalars.map((scalar) => twin(some, scalar)));
    });

    it('scalars around 0, the modulus, and the digits of windows', async () => {
      const r = scalarField.modulus;
      const edges = [0n, 1n, 2n, r - 1n, r - 2n, r / 2n, r / 2n + 1n, (1n << 253n) - 1n];
      for (let bits = 1n; bits < 253n; bits += 5n) edges.push(1n << bits, (1n << bits) - 1n, (1n << bits) + 1n);
      const { generator } = curve;
      expect(await multiplied(inline, generator, edges)).toEqual(edges.map((scalar) => twin(generator, scalar)));
    });

    it('infinity times anything', async () => {
      const zeros = new Uint8Array(bytes);
      expect(await multiplied(inline, undefined, [0n, 1n, 5n])).toEqual([zeros, zeros, zeros]);
    });

    it('in threads, cut into jobs', async () => {
      const scalars = drawn(2, 36_000, scalarField);
      const found = await multiplied(pool, some, scalars);
      for (const i of [0, 1, 17_999, 18_000, 35_999]) expect(found[i]).toEqual(twin(some, scalars[i] ?? 0n));
    });

    it('refuses a target of another size, and stops when told', async () => {
      for (const [scalars, target] of [
        [32, 2 * bytes],
        [33, bytes],
        [64, bytes],
      ] as const) {
        const input = { base: some, scalars: new Uint8Array(scalars), target: new Uint8Array(target) };
        await expect(multiply(inline, input)).rejects.toMatchObject({ code: 'BN254_INPUT_INVALID' });
      }
      const reason = new Error('enough');
      const signal = AbortSignal.abort(reason);
      for (const base of [some, undefined]) {
        const input = { base, scalars: new Uint8Array(32), target: new Uint8Array(bytes) };
        await expect(multiply(inline, input, { signal })).rejects.toBe(reason);
      }
    });
  });
}

suite({ name: 'G1', curve: g1, bytes: G1_BYTES, writePoint: writeG1, multiply: multiplyFixedG1 });
suite({ name: 'G2', curve: g2, bytes: G2_BYTES, writePoint: writeG2, multiply: multiplyFixedG2 });
