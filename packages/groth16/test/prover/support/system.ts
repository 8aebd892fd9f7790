import { scalarField as f } from '@codex/bn254';
import type { Random } from '@codex/runtime';
import type { ConstraintSystem, SparseRows, Witness } from '../../../src/format/types.ts';

export const shared = (bytes: number) => new Uint8Array(new SharedArrayBuffer(bytes));

/** 32 bytes each, little-endian, in shared memory. */
export function elementsOf(values: readonly bigint[]): Uint8Array {
  const bytes = shared(values.length * 32);
  const words = new BigUint64Array(bytes.buffer);
  values.forEach((value, i) => {
    for (let j = 0; j < 4; j++) words[4 * i + j] = BigInt.asUintN(64, value >> BigInt(64 * j));
  });
  return bytes;
}

export const witnessOf = (values: readonly bigint[]): Witness => ({ count: values.length, values: elementsOf(values) });

/** Wires with their coefficients. */
export type Row = readonly (readonly [wire: number, coefficient: bigint])[];

/** Rows as keys hold them, with the table that they share. */
export function sparse(matrices: readonly (readonly Row[])[]): { rows: SparseRows[]; table: Uint8Array } {
  const numbers = new Map<bigint, number>();
  const u32 = (values: readonly number[]) => {
    const array = new Uint32Array(new SharedArrayBuffer(4 * values.length));
    array.set(values);
    return array;
  };
  const rows = matrices.map((matrix) => {
    const starts = [0];
    for (const row of matrix) starts.push((starts.at(-1) ?? 0) + row.length);
    const entries = matrix.flat();
    const coefficients = entries.map(([, coefficient]) => {
      const number = numbers.get(coefficient) ?? numbers.size;
      numbers.set(coefficient, number);
      return number;
    });
    return { starts: u32(starts), columns: u32(entries.map(([wire]) => wire)), coefficients: u32(coefficients) };
  });
  return { rows, table: elementsOf([...numbers.keys()]) };
}

export const rowTimes = (row: Row, values: readonly bigint[]): bigint =>
  f.of(row.reduce((sum, [wire, coefficient]) => sum + coefficient * (values[wire] ?? 0n), 0n));

export interface SolvedSystem {
  readonly system: ConstraintSystem;
  readonly matrices: { readonly a: readonly Row[]; readonly b: readonly Row[]; readonly c: readonly Row[] };
  readonly values: readonly bigint[];
}

/**
 * Constraints that each make one more wire, the product of two combinations of wires before. Values are of all kinds: zero, one, small,
 * minus one, any; some wires stand in no matrix, or only in one.
 */
export function drawSystem(random: Random, size: { publicInputs: number; constraints: number }): SolvedSystem {
  const any = () => f.of(random.bytes(32).reduce((value, byte) => (value << 8n) | BigInt(byte), 0n));
  const kinds = [() => 0n, () => 1n, () => BigInt(random.int(256)), () => f.modulus - 1n, any];
  const element = () => kinds[random.int(kinds.length)]?.() ?? 0n;
  const inputs = size.publicInputs + 3;
  const values = [1n, ...Array.from({ length: inputs }, element)];
  const combination = (): Row =>
    Array.from({ length: random.int(4) }, () => [random.int(values.length), element()] as const);
  const a: Row[] = [];
  const b: Row[] = [];
  const c: Row[] = [];
  for (let i = 0; i < size.constraints; i++) {
    const left = combination();
    const right = combination();
    const rest = combination();
    a.push(left);
    b.push(right);
    // The new wire is what the product lacks, so that C's rows have more than one entry.
    values.push(f.of(rowTimes(left, values) * rowTimes(right, values) - rowTimes(rest, values)));
    c.push([...rest, [values.length - 1, 1n]]);
  }
  const { rows, table } = sparse([a, b, c]);
  const [sparseA, sparseB, sparseC] = rows as [SparseRows, SparseRows, SparseRows];
  return {
    system: {
      wires: values.length,
      publicOutputs: 0,
      publicInputs: size.publicInputs,
      privateInputs: 3,
      constraints: size.constraints,
      a: sparseA,
      b: sparseB,
      c: sparseC,
      table,
    },
    matrices: { a, b, c },
    values,
  };
}
