import type { Compute } from '@codex/compute';
import type { AbortOptions } from '@codex/runtime';
import { Bn254Error } from '../errors.ts';
import { runAll } from '../run-all.ts';
import { ELEMENT_BYTES } from './elements.ts';
import { multiplyRowsPart, type RowsPart } from './rows-job.ts';

/** Entries of one job: some ms of work. */
const JOB_ENTRIES = 1 << 16;

/** Rows cost something too, also without entries. */
const JOB_ROWS_MAX = 1 << 16;

export interface RowsInput {
  /** Where the entries of each row begin, and where those of the last one end. */
  readonly starts: Uint32Array;
  /** For each entry, of which element of the vector it is. */
  readonly columns: Uint32Array;
  /** For each entry, which element of the table it is. */
  readonly coefficients: Uint32Array;
  /** Elements are 32 bytes, little-endian, below r; arrays begin at multiples of 4 in their buffers. */
  readonly table: Uint8Array;
  readonly vector: Uint8Array;
  /** One element for each row. */
  readonly target: Uint8Array;
}

/**
 * A sparse matrix times a vector: target[i] is the sum of table[coefficients[j]] · vector[columns[j]] over the entries j of row i,
 * from starts[i] to starts[i + 1]. Coefficients of 1 and -1 cost no product. All in shared memory where threads are used; the
 * target is no part of what is read. `BN254_INPUT_INVALID`, also for what jobs find; then the target is undefined.
 */
export async function multiplyRows(compute: Compute, input: RowsInput, options: AbortOptions = {}): Promise<void> {
  const { starts, columns, coefficients, table, vector, target } = input;
  for (const [name, bytes] of Object.entries({ table, vector, target })) {
    if (bytes.byteLength % ELEMENT_BYTES !== 0 || bytes.byteOffset % 4 !== 0) {
      throw new Bn254Error('BN254_INPUT_INVALID', `${name} does not hold elements of 32 bytes`, { name });
    }
  }
  const rows = starts.length - 1;
  if (rows < 0 || target.byteLength !== rows * ELEMENT_BYTES) {
    throw new Bn254Error('BN254_INPUT_INVALID', 'The target has not an element for each row', { name: 'target' });
  }
  if (columns.length !== coefficients.length || starts[rows] !== columns.length) {
    throw new Bn254Error('BN254_INPUT_INVALID', 'Rows do not end where the entries do', { name: 'starts' });
  }
  const parts: RowsPart[] = [];
  for (let first = 0; first < rows; ) {
    const last = rowAfter(starts, first, (starts[first] ?? 0) + JOB_ENTRIES);
    parts.push({
      starts: starts.subarray(first, last + 1),
      columns,
      coefficients,
      table,
      vector,
      target: target.subarray(first * ELEMENT_BYTES, last * ELEMENT_BYTES),
    });
    first = last;
  }
  await runAll(compute, multiplyRowsPart, parts, options);
}

/** The first row behind `first` that begins at `entry` or later, not too far away. */
function rowAfter(starts: Uint32Array, first: number, entry: number): number {
  let low = first + 1;
  let high = Math.min(starts.length - 1, first + JOB_ROWS_MAX);
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((starts[middle] ?? 0) < entry) low = middle + 1;
    else high = middle;
  }
  return low;
}
