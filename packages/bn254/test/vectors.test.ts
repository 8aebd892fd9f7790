import { InlineCompute, WorkerPool } from '@codex/compute';
import { seededRandom } from '@codex/runtime';
import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import { scalarField as f, multiplyRows, multiplySubtract, type RowsInput } from '../src/index.ts';
import { drawn, read, scalars, write } from './values.ts';

const inline = new InlineCompute();
const pool = new WorkerPool({}, { threads: 2 });
afterAll(() => pool.stop());

type Entry = readonly [column: number, coefficient: number];

const shared = (bytes: number) => new Uint8Array(new SharedArrayBuffer(bytes));
function numbers(values: readonly number[]): Uint32Array {
  const array = new Uint32Array(new SharedArrayBuffer(values.length * 4));
  array.set(values);
  return array;
}

function inputOf(rows: readonly (readonly Entry[])[], table: readonly bigint[], vector: readonly bigint[]): RowsInput {
  const starts = [0];
  for (const row of rows) starts.push((starts.at(-1) ?? 0) + row.length);
  const entries = rows.flat();
  return {
    starts: numbers(starts),
    columns: numbers(entries.map(([column]) => column)),
    coefficients: numbers(entries.map(([, coefficient]) => coefficient)),
    table: write(table),
    vector: write(vector),
    target: shared(rows.length * 32),
  };
}

/** The twin. */
function multiplied(
  rows: readonly (readonly Entry[])[],
  table: readonly bigint[],
  vector: readonly bigint[],
): bigint[] {
  return rows.map((row) =>
    row.reduce((sum, [column, coefficient]) => f.of(sum + (table[coefficient] ?? 0n) * (vector[column] ?? 0n)), 0n),
  );
}

async function check(
  rows: readonly (readonly Entry[])[],
  table: readonly bigint[],
  vector: readonly bigint[],
  compute: typeof inline | typeof pool = inline,
): Promise<void> {
  const input = inputOf(rows, table, vector);
  await multiplyRows(compute, input);
  expect(read(input.target)).toEqual(multiplied(rows, table, vector));
}

describe('a sparse matrix times a vector', () => {
  it('equals its twin, at edge values too', async () => {
    const entry = fc.tuple(fc.nat(4), fc.nat(5));
    const five = fc.array(scalars, { minLength: 5, maxLength: 5 });
    await fc.assert(
      fc.asyncProperty(fc.array(fc.array(entry, { maxLength: 7 }), { maxLength: 9 }), five, five, async (rows, a, b) =>
        check(rows, [1n, f.modulus - 1n, 0n, ...a], b),
      ),
      { numRuns: 200 },
    );
  });

  it('does not overflow: the largest elements, in rows that are longer than what is taken at a time', async () => {
    const most = f.modulus - 1n;
    const long = Array.from({ length: 10_000 }, (): Entry => [0, 0]);
    await check([long, [], long.slice(0, 4095), [[1, 0]], long.slice(0, 4097)], [most], [most, 1n]);
    await check([long, long.slice(0, 4096), long.slice(0, 1)], [1n], [most]);
    await check([long], [most - 1n], [most]);
  });

  it('has many empty rows, none at all, and many coefficients', async () => {
    await check([], [], []);
    await check(
      Array.from({ length: 10_000 }, (_, i) => (i % 4999 === 7 ? [[0, 0]] : [])),
      [3n],
      [5n],
    );
    const table = drawn(1, 70_000, f);
    await check(
      Array.from({ length: 35_000 }, (_, i) => [
        [0, i],
        [1, 69_999 - i],
      ]),
      table,
      [f.modulus - 5n, 7n],
    );
  });

  it('in threads, cut into jobs', async () => {
    const random = seededRandom(5);
    const table = [1n, f.modulus - 1n, ...drawn(3, 50, f)];
    const vector = drawn(4, 1000, f);
    const rows = Array.from({ length: 40_000 }, () =>
      Array.from({ length: random.int(8) }, (): Entry => [random.int(1000), random.int(52)]),
    );
    await check(rows, table, vector, pool);
  });

  it('refuses what does not fit', async () => {
    const good = inputOf([[[0, 0]], [[1, 1]]], [2n, 3n], [4n, 5n]);
    const bad: [string, Partial<RowsInput>][] = [
      ['target', { target: shared(32) }],
      ['target', { starts: numbers([]) }],
      ['table', { table: shared(33) }],
      ['vector', { vector: shared(72).subarray(1, 65) }],
      ['starts', { starts: numbers([0, 1, 3]) }],
      ['starts', { starts: numbers([0, 3, 2]) }],
      ['starts', { coefficients: numbers([0]) }],
      ['columns', { columns: numbers([0, 2]) }],
      ['coefficients', { coefficients: numbers([0, 4_294_967_295]) }],
    ];
    for (const [name, part] of bad) {
      await expect(multiplyRows(inline, { ...good, ...part })).rejects.toMatchObject({
        code: 'BN254_INPUT_INVALID',
        data: { name },
      });
    }
    const reason = new Error('enough');
    await expect(multiplyRows(inline, good, { signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
  });
});

describe('products of vectors', () => {
  it('equal their twins, at edge values too, also in place', async () => {
    const three = fc.array(fc.tuple(scalars, scalars, scalars), { maxLength: 9 });
    await fc.assert(
      fc.asyncProperty(three, async (values) => {
        const [a, b, c] = [0, 1, 2].map((i) => write(values.map((value) => value[i] ?? 0n))) as [
          Uint8Array,
          Uint8Array,
          Uint8Array,
        ];
        const target = shared(a.length);
        await multiplySubtract(inline, { a, b, target });
        expect(read(target)).toEqual(values.map(([x, y]) => f.multiply(x, y)));
        await multiplySubtract(inline, { a, b, c, target: a });
        expect(read(a)).toEqual(values.map(([x, y, z]) => f.of(x * y - z)));
      }),
      { numRuns: 200 },
    );
  });

  it('in threads, cut into jobs', async () => {
    const values = drawn(9, 70_001, f);
    const a = write(values);
    await multiplySubtract(pool, { a, b: a, c: a, target: a });
    expect(read(a)).toEqual(values.map((value) => f.of(value * value - value)));
  });

  it('refuse unlike lengths, and stop when told', async () => {
    for (const [a, b, c, target] of [
      [32, 32, 64, 32],
      [32, 64, 32, 32],
      [33, 33, 33, 33],
    ].map((lengths) => lengths.map(shared))) {
      const input = { a: a!, b: b!, c: c!, target: target! };
      await expect(multiplySubtract(inline, input)).rejects.toMatchObject({ code: 'BN254_INPUT_INVALID' });
    }
    const reason = new Error('enough');
    const input = { a: shared(32), b: shared(32), target: shared(32) };
    await expect(multiplySubtract(inline, input, { signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
  });
});
