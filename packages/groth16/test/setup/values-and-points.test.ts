import { scalarField as f, g1, g2, readG1, readG2 } from '@codex/bn254';
import { InlineCompute, WorkerPool } from '@codex/compute';
import { seededRandom } from '@codex/runtime';
import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import { lagrangeValues, quotientValues } from '../../src/setup/lagrange.ts';
import { transposeRows } from '../../src/setup/matrix-jobs.ts';
import { FIRST_GROUP, PIECE_POINTS_MAX, pointPieces, SECOND_GROUP } from '../../src/setup/point-pieces.ts';
import { SecretMemory } from '../../src/setup/secret-memory.ts';
import { drawToxicWaste } from '../../src/setup/toxic-waste.ts';
import { CombinedValues, takeWireValues } from '../../src/setup/wire-values.ts';
import { elementsOf, shared, sparse } from '../prover/support/system.ts';
import { valuesOf } from './support/elements.ts';
import { lagrangeBasis } from './support/twin.ts';

const inline = new InlineCompute();
const pool = new WorkerPool({}, { threads: 2 });
afterAll(() => pool.stop());

const scalars = fc.bigInt({ min: 1n, max: f.modulus - 1n });

/** Where no division of the twin is by 0. */
const points = scalars.filter((value) => f.power(value, 64n) !== 1n);

describe('values of Lagrange polynomials', () => {
  it('are those of their definition, at any point', async () => {
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: 5 }), points, scalars, async (domainBits, point, factor) => {
        // What lay there before does not matter.
        const old = elementsOf(Array.from({ length: 2 ** domainBits }, (_, i) => BigInt(i + 1)));
        const room = { values: old, scratch: shared(old.length) };
        await lagrangeValues(inline, room, { domainBits, point, factor }, {});
        expect(valuesOf(room.values)).toEqual(
          lagrangeBasis(domainBits, point).map((value) => f.multiply(value, factor)),
        );
        const secrets = { domainBits, tau: point, delta: factor };
        await quotientValues(inline, room, secrets, {});
        const odd = lagrangeBasis(domainBits + 1, point).filter((_, i) => i % 2 === 1);
        expect(valuesOf(room.values)).toEqual(odd.map((value) => f.multiply(value, f.invert(factor))));
      }),
      { numRuns: 30 },
    );
  });
});

describe('a transposed matrix', () => {
  it('has the entries of the matrix, by columns', async () => {
    const entry = fc.tuple(fc.nat(6), scalars);
    await fc.assert(
      fc.asyncProperty(fc.array(fc.array(entry, { maxLength: 4 }), { maxLength: 8 }), async (matrix) => {
        const { rows, table } = sparse([matrix]);
        const { starts, columns, coefficients } = await inline.run(transposeRows, { rows: rows[0]!, wires: 7 });
        const values = valuesOf(table);
        const found = Array.from({ length: 7 }, (_, wire) =>
          Array.from(columns.subarray(starts[wire], starts[wire + 1]), (row, i) => {
            return [row, values[coefficients[starts[wire]! + i]!]];
          }),
        );
        const expected = Array.from({ length: 7 }, (_, wire) =>
          matrix.flatMap((row, i) => row.filter(([column]) => column === wire).map(([, value]) => [i, value])),
        );
        expect(found).toEqual(expected);
      }),
    );
  });
});

describe('combined values', () => {
  it('are those of any part of the wires', async () => {
    const random = seededRandom(1);
    const secrets = new SecretMemory(inline);
    const waste = drawToxicWaste(random);
    const draw = () => Array.from({ length: 9 }, () => drawToxicWaste(random).tau);
    const [a, b, c] = [draw(), draw(), draw()];
    const values = takeWireValues(secrets, 9);
    values.all.set(elementsOf([...a, ...b, ...c]));
    const divisor = waste.delta;
    const combined = await CombinedValues.make({ compute: inline, secrets }, { values, waste, divisor, countMax: 4 });
    const expected = a.map((value, i) => {
      const sum = waste.beta * value + waste.alpha * b[i]! + c[i]!;
      return f.multiply(f.of(sum), f.invert(divisor));
    });
    for (const [first, count] of [
      [0, 4],
      [4, 4],
      [8, 1],
      [2, 3],
    ] as const) {
      expect(valuesOf(await combined.of(first, count, {}))).toEqual(expected.slice(first, first + count));
    }
    const memory = secrets.take(32).fill(1);
    await secrets.wipe();
    expect(memory.every((byte) => byte === 0)).toBe(true);
    expect((await combined.of(0, 1, {})).every((byte) => byte === 0)).toBe(true);
  });
});

describe('pieces of points', () => {
  it.each([
    { name: 'G1', group: FIRST_GROUP, point: (bytes: Uint8Array) => readG1(bytes), curve: g1 },
    { name: 'G2', group: SECOND_GROUP, point: (bytes: Uint8Array) => readG2(bytes), curve: g2 },
  ])('of $name are the multiples of the generator, also in several pieces', async ({ group, point, curve }) => {
    const count = PIECE_POINTS_MAX + 3;
    // Small scalars, so that it takes no time.
    const all = shared(32 * count);
    const view = new DataView(all.buffer);
    for (let i = 0; i < count; i++) view.setUint32(32 * i, i % 1000, true);
    let costs = 0;
    const pieces: number[] = [];
    const scalarsOf = async (first: number, part: number) => all.subarray(32 * first, 32 * (first + part));
    const input = { group, count, scalarsOf };
    for await (const piece of pointPieces(pool, input, { onCost: (cost) => (costs += cost) })) {
      const first = pieces.reduce((sum, points) => sum + points, 0);
      pieces.push(piece.length / group.pointBytes);
      for (const i of [0, 1, 2]) {
        const found = point(piece.subarray(i * group.pointBytes, (i + 1) * group.pointBytes));
        expect(found).toEqual(curve.multiply(curve.generator as never, BigInt((first + i) % 1000)));
      }
    }
    expect(pieces).toEqual([PIECE_POINTS_MAX, 3]);
    expect(costs).toBe(count * group.cost);
  });

  it('are not made any more when nobody asks for them', async () => {
    const asked: number[] = [];
    const scalarsOf = async (first: number, part: number) => {
      asked.push(first);
      return shared(32 * part);
    };
    const group = { ...FIRST_GROUP, multiply: async () => {} };
    for await (const _ of pointPieces(inline, { group, count: 5 * PIECE_POINTS_MAX, scalarsOf }, {})) break;
    expect(asked).toEqual([0, PIECE_POINTS_MAX]);
  });

  it('fail when they are asked for', async () => {
    const group = FIRST_GROUP;
    const scalarsOf = async (first: number, part: number) => {
      if (first > 0) throw new Error('no more');
      return shared(32 * part);
    };
    const still = { ...group, multiply: async () => {} };
    const pieces = pointPieces(inline, { group: still, count: PIECE_POINTS_MAX + 1, scalarsOf }, {});
    await pieces.next();
    await expect(pieces.next()).rejects.toThrow('no more');
  });
});
