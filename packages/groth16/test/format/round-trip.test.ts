import { g1, g2, scalarField, writeG1, writeG2 } from '@codex/bn254';
import { InlineCompute } from '@codex/compute';
import { type Random, seededRandom } from '@codex/runtime';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  type ConstraintSystem,
  contributionsOf,
  type KeySection,
  openProvingKey,
  readConstraints,
  type SparseRows,
  writeConstraints,
  writeProvingKey,
} from '../../src/index.ts';
import { temporaryDirectory } from '../support/places.ts';

const compute = new InlineCompute();
const pathOf = temporaryDirectory();

/** Distinct elements of all sizes, among them 0 and r - 1. */
function drawTable(random: Random, count: number): Uint8Array {
  const table = new Uint8Array(32 * count);
  for (let i = 0; i < count; i++) {
    const length = 1 + random.int(31);
    for (let at = 0; at < length; at++) table[32 * i + at] = random.int(256);
    // Makes them distinct.
    new DataView(table.buffer).setUint32(32 * i, i, true);
  }
  const last = Buffer.from((scalarField.modulus - 1n).toString(16).padStart(64, '0'), 'hex').reverse();
  table.set(last, table.length - 32);
  return table;
}

function drawRows(random: Random, rows: number, wires: number, coefficients: number): SparseRows {
  const starts = [0];
  for (let row = 0; row < rows; row++) starts.push((starts.at(-1) ?? 0) + (random.int(3) === 0 ? 0 : random.int(12)));
  const numbers = (end: number) => Uint32Array.from({ length: starts.at(-1) ?? 0 }, () => random.int(end));
  return { starts: Uint32Array.from(starts), columns: numbers(wires), coefficients: numbers(coefficients) };
}

/** Each row's wires with their coefficients, however the table is ordered. */
function valuesOf({ starts, columns, coefficients }: SparseRows, table: Uint8Array, rows: number): string[][] {
  return Array.from({ length: rows }, (_, row) =>
    // Rows at the end that are empty need not be there.
    Array.from(columns.subarray(starts[row] ?? columns.length, starts[row + 1] ?? columns.length), (column, i) => {
      const at = 32 * (coefficients[(starts[row] ?? 0) + i] ?? 0);
      return `${column}: ${Buffer.from(table.subarray(at, at + 32)).toString('hex')}`;
    }),
  );
}

interface Shape {
  readonly seed: number;
  readonly wires: number;
  readonly rows: number;
  readonly coefficients: number;
}
const shape = fc.record({
  seed: fc.integer(),
  wires: fc.integer({ min: 3, max: 500 }),
  rows: fc.integer({ min: 0, max: 300 }),
  coefficients: fc.integer({ min: 1, max: 2000 }),
});

function drawSystem({ seed, wires, rows, coefficients }: Shape): ConstraintSystem {
  const random = seededRandom(seed);
  const [a, b, c] = [0, 1, 2].map(() => drawRows(random, rows, wires, coefficients)) as [
    SparseRows,
    SparseRows,
    SparseRows,
  ];
  const table = drawTable(random, coefficients);
  return { wires, publicOutputs: 1, publicInputs: 1, privateInputs: wires - 3, constraints: rows, a, b, c, table };
}

describe('what is written is read again', () => {
  it('of constraints of any shape, with many coefficients', async () => {
    await fc.assert(
      fc.asyncProperty(shape, async (drawn) => {
        const system = drawSystem(drawn);
        await writeConstraints(pathOf('any.r1cs'), system);
        const read = await readConstraints(compute, pathOf('any.r1cs'));
        const { wires, publicOutputs, publicInputs, privateInputs, constraints } = system;
        expect(read).toMatchObject({ wires, publicOutputs, publicInputs, privateInputs, constraints });
        for (const matrix of ['a', 'b', 'c'] as const) {
          expect(valuesOf(read[matrix], read.table, constraints)).toEqual(
            valuesOf(system[matrix], system.table, constraints),
          );
        }
      }),
      { numRuns: 25 },
    );
  });

  it('of keys of any shape, with pieces of any size', async () => {
    await fc.assert(
      fc.asyncProperty(shape, fc.integer({ min: 1, max: 5000 }), async (drawn, pieceBytes) => {
        const { wires, a, b, table } = drawSystem(drawn);
        const random = seededRandom(drawn.seed);
        const domainBits = Math.ceil(Math.log2(Math.max(1, drawn.rows)));
        const publicSignals = 2;
        const counts = { a: wires, b1: wires, b2: wires, c: wires - 3, h: 2 ** domainBits };
        const whole = (section: KeySection) => {
          const one = section === 'b2' ? writeG2(g2.generator) : writeG1(g1.generator);
          const points = Buffer.alloc(counts[section] * one.length);
          for (let i = 0; i < counts[section]; i++) if (random.int(2)) points.set(one, i * one.length);
          return points;
        };
        const sections = { a: whole('a'), b1: whole('b1'), b2: whole('b2'), c: whole('c'), h: whole('h') };
        /** Each piece in the same memory. */
        function* pieces(section: KeySection): Generator<Uint8Array> {
          const piece = new Uint8Array(pieceBytes);
          for (let at = 0; at < sections[section].length; at += pieceBytes) {
            const part = sections[section].subarray(at, at + pieceBytes);
            piece.set(part);
            yield piece.subarray(0, part.length);
          }
        }
        const point = g1.generator;
        const verification = {
          alpha: point,
          beta: g2.generator,
          gamma: g2.generator,
          delta: g2.generator,
          ic: [point, undefined, point],
        };
        const contributions = contributionsOf({ name: 'x'.repeat(random.int(100)), delta: point });
        const path = pathOf('any.zkey');
        await writeProvingKey(path, {
          ...{
            wires,
            publicSignals,
            domainBits,
            verification,
            betaG1: point,
            deltaG1: point,
            a,
            b,
            table,
            contributions,
          },
          points: { a: pieces('a'), b1: pieces('b1'), b2: pieces('b2'), c: pieces('c'), h: pieces('h') },
        });
        const read = await openProvingKey(compute, path, { memoryBytes: random.int(2) * 1e9 });
        expect(read).toMatchObject({ wires, publicSignals, domainBits, verification, contributions });
        for (const matrix of ['a', 'b'] as const) {
          const rows = { a, b }[matrix];
          expect(valuesOf(read[matrix], read.table, drawn.rows)).toEqual(valuesOf(rows, table, drawn.rows));
        }
        for (const section of ['a', 'b1', 'b2', 'c', 'h'] as const) {
          const points = await read.points(section, 0, read.pointsIn(section));
          expect(Buffer.from(points).equals(sections[section]), section).toBe(true);
        }
        await read.close();
      }),
      { numRuns: 12 },
    );
  });
});
