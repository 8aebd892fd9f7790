import { defineJob } from '@codex/compute';
import { Bn254Error } from '../errors.ts';
import { PAIR_BYTES, writePair } from '../kernel/constants.ts';
import { Kernel } from '../kernel/kernel.ts';
import { scalarField } from '../reference/prime-field.ts';
import { ELEMENT_BYTES, MONTGOMERY_SQUARE } from './elements.ts';

/** Entries that the kernel takes at a time: what it needs of them stays in the second cache. */
const CHUNK_ENTRIES = 1 << 12;

/** Coefficients that the kernel holds: more than circuits use; of others only some are there at a time. 1.3 MiB. */
const TABLE_ENTRIES_MAX = 1 << 15;

const LIMBS_BYTES = 40;
const ELEMENT_WORDS = ELEMENT_BYTES / 4;

/** What the kernel calls a coefficient of 1, of -1, and the first of its table. */
const ONE = 0;
const MINUS_ONE = 1;
const TABLE_START = 2;

/** Some rows of a sparse matrix, times a vector. */
export interface RowsPart {
  /** Where these rows begin among all entries, and where the last one ends. */
  readonly starts: Uint32Array;
  readonly columns: Uint32Array;
  readonly coefficients: Uint32Array;
  readonly table: Uint8Array;
  readonly vector: Uint8Array;
  /** As many elements as rows. */
  readonly target: Uint8Array;
}

export const multiplyRowsPart = defineJob(import.meta.url, 'multiplyRowsPart', (part: RowsPart): void => {
  const { starts, columns, coefficients, target } = part;
  const rows = starts.length - 1;
  const table = wordsOf(part.table);
  const vector = wordsOf(part.vector);
  const kernel = Kernel.ofThread();

  let end = kernel.room(0);
  const take = (bytes: number) => {
    const at = end;
    end += Math.ceil(bytes / 16) * 16;
    return at;
  };
  const factor = take(PAIR_BYTES);
  const sum = take(LIMBS_BYTES);
  const ends = take(CHUNK_ENTRIES * 4);
  const kinds = take(CHUNK_ENTRIES * 4);
  const values = take(CHUNK_ENTRIES * ELEMENT_BYTES);
  const sums = take(CHUNK_ENTRIES * ELEMENT_BYTES);
  const products = take((CHUNK_ENTRIES + 1) * LIMBS_BYTES);
  const entering = take(CHUNK_ENTRIES * ELEMENT_BYTES);
  const held = take(TABLE_ENTRIES_MAX * LIMBS_BYTES);
  kernel.room(end);
  const { bytes, view, exports } = kernel;
  const words = new Int32Array(bytes.buffer);
  writePair(view, factor, MONTGOMERY_SQUARE);
  bytes.fill(0, sum, sum + LIMBS_BYTES);

  /** What the kernel calls each coefficient, plus 1; 0 for those that it has not. */
  const known = new Uint32Array(table.length / ELEMENT_WORDS);
  let heldCount = 0;
  let row = 0;
  let entry = starts[0] ?? 0;
  while (row < rows) {
    if (heldCount + CHUNK_ENTRIES > TABLE_ENTRIES_MAX) {
      known.fill(0);
      heldCount = 0;
    }
    // The ends of the rows that begin or go on here, then their entries.
    const base = entry;
    const limit = base + CHUNK_ENTRIES;
    let count = 0;
    let finished = 0;
    for (let at = base; row + count < rows && count < CHUNK_ENTRIES; ) {
      const rowEnd = starts[row + count + 1] ?? 0;
      if (rowEnd < at || rowEnd > columns.length) throw invalid('starts', 'Rows do not lie one after the other');
      words[ends / 4 + count++] = rowEnd - base;
      if (rowEnd > limit) break;
      finished = count;
      at = rowEnd;
    }
    const last = finished === count ? (starts[row + count] ?? 0) : limit;
    let entered = 0;
    for (; entry < last; entry++) {
      const column = columns[entry] ?? 0;
      const coefficient = coefficients[entry] ?? 0;
      copyWords(words, values / 4 + (entry - base) * ELEMENT_WORDS, vector, column, 'columns');
      let kind = known[coefficient] ?? 0;
      if (kind === 0) {
        const to = entering / 4 + entered * ELEMENT_WORDS;
        copyWords(words, to, table, coefficient, 'coefficients');
        if (isSame(words, to, UNIT)) kind = ONE + 1;
        else if (isSame(words, to, MINUS_UNIT)) kind = MINUS_ONE + 1;
        else kind = TABLE_START + heldCount + entered++ + 1;
        known[coefficient] = kind;
      }
      words[kinds / 4 + entry - base] = kind - 1;
    }
    if (entered > 0) exports.factors(held + heldCount * LIMBS_BYTES, entering, entered, factor);
    heldCount += entered;
    exports.addSparseRows(sums, ends, count, values, kinds, last - base, held, products, sum);
    target.set(bytes.subarray(sums, sums + finished * ELEMENT_BYTES), row * ELEMENT_BYTES);
    row += finished;
  }
});

/** As words of 32 bits, which are copied faster than bytes. */
function wordsOf(bytes: Uint8Array): Int32Array {
  return new Int32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 4);
}

function copyWords(to: Int32Array, at: number, from: Int32Array, element: number, name: string): void {
  const begin = element * ELEMENT_WORDS;
  if (begin >= from.length) throw invalid(name, `There is no element ${element}`);
  for (let i = 0; i < ELEMENT_WORDS; i++) to[at + i] = from[begin + i]!;
}

function invalid(name: string, message: string): Bn254Error {
  return new Bn254Error('BN254_INPUT_INVALID', message, { name });
}

const UNIT = elementWords(1n);
const MINUS_UNIT = elementWords(scalarField.modulus - 1n);

function elementWords(value: bigint): Int32Array {
  return Int32Array.from({ length: ELEMENT_WORDS }, (_, i) => Number(BigInt.asIntN(32, value >> BigInt(32 * i))));
}

function isSame(words: Int32Array, at: number, other: Int32Array): boolean {
  for (let i = 0; i < ELEMENT_WORDS; i++) if (words[at + i] !== other[i]) return false;
  return true;
}
