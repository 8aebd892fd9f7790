import { readFile } from 'node:fs/promises';
import { scalarField as f } from '@codex/bn254';
import { InlineCompute, WorkerPool } from '@codex/compute';
import { afterAll, describe, expect, it } from 'vitest';
import {
  type ConstraintSystem,
  readConstraints,
  readWitness,
  type SparseRows,
  type Witness,
  writeConstraints,
} from '../../src/index.ts';
import { container, sectionsOf, withSection } from '../support/bytes.ts';
import { temporaryDirectory } from '../support/places.ts';
import { useSnarkjs } from '../support/snarkjs.ts';
import { SMALL } from '../support/vectors.ts';

const compute = new InlineCompute();
const pool = new WorkerPool({}, { threads: 1 });
afterAll(() => pool.stop());
const pathOf = temporaryDirectory();
const snarkjs = useSnarkjs();

const elementAt = (bytes: Uint8Array, i: number) =>
  bytes.subarray(32 * i, 32 * i + 32).reduceRight((value, byte) => (value << 8n) | BigInt(byte), 0n);

const entries = ({ starts, columns, coefficients }: SparseRows, table: Uint8Array, row: number) =>
  Array.from(columns.subarray(starts[row], starts[row + 1]), (column, i): [number, bigint] => [
    column,
    elementAt(table, coefficients[(starts[row] ?? 0) + i] ?? -1),
  ]);

function isSatisfied(system: ConstraintSystem, witness: Witness): boolean {
  const times = (matrix: SparseRows, row: number) =>
    entries(matrix, system.table, row).reduce(
      (sum, [wire, value]) => sum + value * elementAt(witness.values, wire),
      0n,
    );
  return Array.from({ length: system.constraints }, (_, row) => row).every(
    (row) => f.of(times(system.a, row) * times(system.b, row)) === f.of(times(system.c, row)),
  );
}

describe('an r1cs file', () => {
  it('says what snarkjs reads in it', async () => {
    const system = await readConstraints(pool, SMALL.r1cs);
    const theirs = await snarkjs.r1cs.exportJson(SMALL.r1cs);
    expect(system).toMatchObject({
      wires: theirs.nVars,
      publicOutputs: theirs.nOutputs,
      publicInputs: theirs.nPubInputs,
      privateInputs: theirs.nPrvInputs,
      constraints: theirs.constraints.length,
    });
    for (const [row, [a, b, c]] of theirs.constraints.entries()) {
      for (const [matrix, their] of [[system.a, a] as const, [system.b, b] as const, [system.c, c] as const]) {
        const text = entries(matrix, system.table, row).map(([wire, value]) => [String(wire), String(value)]);
        expect(Object.fromEntries(text)).toEqual(their);
      }
    }
  });

  it('keeps each coefficient once, all in shared memory', async () => {
    const { a, b, c, table } = await readConstraints(compute, SMALL.r1cs);
    const values = Array.from({ length: table.byteLength / 32 }, (_, i) => elementAt(table, i));
    expect(new Set(values).size).toBe(values.length);
    for (const { starts, columns, coefficients } of [a, b, c]) {
      for (const array of [starts, columns, coefficients, table])
        expect(array.buffer).toBeInstanceOf(SharedArrayBuffer);
    }
  });

  it('is satisfied by the witness, and not by another', async () => {
    const system = await readConstraints(compute, await readFile(SMALL.r1cs));
    const witness = await readWitness(compute, SMALL.wtns);
    expect(isSatisfied(system, witness)).toBe(true);
    witness.values[32 * 4] = (witness.values[32 * 4] ?? 0) ^ 1;
    expect(isSatisfied(system, witness)).toBe(false);
  });

  it('comes back as it was written', async () => {
    const system = await readConstraints(compute, SMALL.r1cs);
    await writeConstraints(pathOf('small.r1cs'), system);
    expect(await readConstraints(compute, pathOf('small.r1cs'))).toEqual(system);
    expect(await snarkjs.wtns.check(pathOf('small.r1cs'), SMALL.wtns)).toBe(true);
    // All but the labels, which are names of signals before the compiler optimised.
    const [header, constraints] = sectionsOf(pathOf('small.r1cs'));
    const theirs = sectionsOf(SMALL.r1cs);
    expect(constraints).toEqual(theirs.find(({ id }) => id === 2));
    expect(header?.bytes.subarray(0, 52)).toEqual(theirs.find(({ id }) => id === 1)?.bytes.subarray(0, 52));
  });

  it('may have more constraints and longer rows than are read at a time', async () => {
    const small = await readConstraints(compute, SMALL.r1cs);
    const wide = 40_000;
    const repeat = ({ starts, columns, coefficients }: SparseRows): SparseRows => {
      const size = wide + starts.length - 1;
      const word = (length: number, of: (i: number) => number) => Uint32Array.from({ length }, (_, i) => of(i));
      // One row of many entries, then the small ones.
      return {
        starts: word(size - wide + 2, (i) => (i === 0 ? 0 : wide + (starts[i - 1] ?? 0))),
        columns: word(wide + columns.length, (i) => (i < wide ? i % 32 : (columns[i - wide] ?? 0))),
        coefficients: word(wide + columns.length, (i) => (i < wide ? i % 11 : (coefficients[i - wide] ?? 0))),
      };
    };
    const large = {
      ...small,
      constraints: small.constraints + 1,
      a: repeat(small.a),
      b: repeat(small.b),
      c: repeat(small.c),
    };
    await writeConstraints(pathOf('large.r1cs'), large);
    const read = await readConstraints(pool, pathOf('large.r1cs'));
    expect(read.a.columns).toEqual(large.a.columns);
    expect(read.c.starts).toEqual(large.c.starts);
    const [first, last] = [read.b, large.b].map((rows, i) => entries(rows, (i === 0 ? read : large).table, 18));
    expect(first).toEqual(last);
    expect(entries(read.a, read.table, 0)).toEqual(entries(large.a, large.table, 0));
  });

  const sections = sectionsOf(SMALL.r1cs);
  it.each<[string, number, (bytes: Buffer) => Uint8Array | undefined, string]>([
    ['another field', 1, (bytes) => void bytes.writeUInt8(2, 4), 'another field'],
    ['elements of another size', 1, (bytes) => void bytes.writeUInt32LE(31), 'another field'],
    ['a shorter header', 1, (bytes) => bytes.subarray(0, 60), 'instead of'],
    ['four billion wires', 1, (bytes) => void bytes.writeUInt32LE(0xffffffff, 36), 'wires are more'],
    ['four billion constraints', 1, (bytes) => void bytes.writeUInt32LE(0xffffffff, 60), 'too many'],
    ['four million constraints', 1, (bytes) => void bytes.writeUInt32LE(1 << 22, 60), 'another size'],
    ['more inputs than wires', 1, (bytes) => void bytes.writeUInt32LE(40, 48), 'more inputs than wires'],
    ['a constraint too few', 1, (bytes) => void bytes.writeUInt32LE(18, 60), ''],
    ['a row of four billion entries', 2, (bytes) => void bytes.writeUInt32LE(0xffffffff), ''],
    ['a wire that there is not', 2, (bytes) => void bytes.writeUInt32LE(32, 4), 'about wire 32 of 32'],
    ['a coefficient of r and more', 2, (bytes) => void bytes.fill(0xff, 8, 40), 'not below r'],
    ['a byte too much', 2, (bytes) => Buffer.concat([bytes, Uint8Array.of(0)]), 'another size'],
    ['an entry too much', 2, (bytes) => Buffer.concat([bytes, new Uint8Array(36)]), 'something behind'],
    ['another number of labels', 3, (bytes) => bytes.subarray(8), 'labels'],
  ])('is refused with %s', async (_, id, change, reason) => {
    const bytes = container('r1cs', 1, withSection(sections, id, change));
    await expect(readConstraints(compute, bytes)).rejects.toMatchObject({
      code: 'GROTH16_FILE_INVALID',
      data: { reason: expect.stringContaining(reason) },
    });
  });

  it('is refused with custom gates', async () => {
    const bytes = container('r1cs', 1, [...sections.filter(({ id }) => id < 4), { id: 4, bytes: new Uint8Array(8) }]);
    await expect(readConstraints(compute, bytes)).rejects.toMatchObject({
      data: { reason: expect.stringContaining('custom gates') },
    });
  });
});
