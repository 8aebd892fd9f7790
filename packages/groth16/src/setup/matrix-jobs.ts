import { defineJob } from '@codex/compute';
import { ELEMENT_BYTES } from '../format/elements.ts';
import type { SparseRows } from '../format/types.ts';
import { sharedBytes, sharedWords } from './shared-arrays.ts';

export interface Binding {
  readonly rows: SparseRows;
  readonly table: Uint8Array;
  /** Wires 0 to `signals` - 1 get a row each. */
  readonly signals: number;
}

export interface Bound {
  readonly rows: SparseRows;
  readonly table: Uint8Array;
}

/**
 * Adds a row 1 · wire behind the others for wire 0 and each public signal, as snarkjs does (11 §5.6): so their polynomials are
 * independent, and no proof holds for other signals than it was made for.
 */
export const bindSignals = defineJob(import.meta.url, 'bindSignals', ({ rows, table, signals }: Binding): Bound => {
  const count = rows.starts.length - 1;
  const entries = rows.columns.length;
  const starts = sharedWords(count + signals + 1);
  const columns = sharedWords(entries + signals);
  const coefficients = sharedWords(entries + signals);
  starts.set(rows.starts);
  columns.set(rows.columns);
  coefficients.set(rows.coefficients);
  const known = indexOfOne(table);
  const one = known < 0 ? table.byteLength / ELEMENT_BYTES : known;
  for (let i = 0; i < signals; i++) {
    starts[count + i + 1] = entries + i + 1;
    columns[entries + i] = i;
    coefficients[entries + i] = one;
  }
  return { rows: { starts, columns, coefficients }, table: known < 0 ? withOne(table) : table };
});

function indexOfOne(table: Uint8Array): number {
  for (let at = 0; at < table.byteLength; at += ELEMENT_BYTES) {
    if (table[at] !== 1) continue;
    if (table.subarray(at + 1, at + ELEMENT_BYTES).every((byte) => byte === 0)) return at / ELEMENT_BYTES;
  }
  return -1;
}

function withOne(table: Uint8Array): Uint8Array {
  const longer = sharedBytes(table.byteLength + ELEMENT_BYTES);
  longer.set(table);
  longer[table.byteLength] = 1;
  return longer;
}

export interface Transposition {
  readonly rows: SparseRows;
  /** How many columns the matrix has. */
  readonly wires: number;
}

/** The rows of the transposed matrix, by counting. */
export const transposeRows = defineJob(import.meta.url, 'transposeRows', (input: Transposition): SparseRows => {
  const { rows, wires } = input;
  const entries = rows.columns.length;
  const starts = sharedWords(wires + 1);
  for (const column of rows.columns) starts[column + 1]! += 1;
  for (let wire = 0; wire < wires; wire++) starts[wire + 1]! += starts[wire]!;
  const next = new Uint32Array(starts);
  const columns = sharedWords(entries);
  const coefficients = sharedWords(entries);
  for (let row = 0; row + 1 < rows.starts.length; row++) {
    for (let entry = rows.starts[row]!; entry < rows.starts[row + 1]!; entry++) {
      const column = rows.columns[entry]!;
      const at = next[column]!++;
      columns[at] = row;
      coefficients[at] = rows.coefficients[entry]!;
    }
  }
  return { starts, columns, coefficients };
});

/** Row i has entries in columns i, apart + i and 2 · apart + i, with the first three coefficients of a table. */
export const rowsOfThree = defineJob(
  import.meta.url,
  'rowsOfThree',
  ({ count, apart }: { readonly count: number; readonly apart: number }): SparseRows => {
    const starts = sharedWords(count + 1);
    const columns = sharedWords(3 * count);
    const coefficients = sharedWords(3 * count);
    for (let row = 0; row < count; row++) {
      starts[row + 1] = 3 * (row + 1);
      for (let i = 0; i < 3; i++) {
        columns[3 * row + i] = i * apart + row;
        coefficients[3 * row + i] = i;
      }
    }
    return { starts, columns, coefficients };
  },
);
