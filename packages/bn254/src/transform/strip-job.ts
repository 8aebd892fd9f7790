import { defineJob } from '@codex/compute';
import { MONTGOMERY, PAIR_BYTES, SCALAR, writePair } from '../kernel/constants.ts';
import { Kernel } from '../kernel/kernel.ts';
import { ELEMENT_BYTES } from '../linear/elements.ts';
import { scalarField as f } from '../reference/prime-field.ts';

/** Columns that are read at a time: their rows are half a kilobyte each, and 2048 of them fill the third cache at most. */
const STRIP_COLUMNS = 16;

/** Factors for a matrix: row r of column c gets start · startStep^c · (ratio · ratioStep^c)^r. */
export interface Factors {
  readonly start: bigint;
  readonly startStep: bigint;
  readonly ratio: bigint;
  readonly ratioStep: bigint;
}

/** Some columns of a matrix, each to be transformed. */
export interface Strip {
  readonly from: Uint8Array;
  readonly to: Uint8Array;
  readonly rows: number;
  readonly columns: number;
  /** Whether rows lie together in `from`, or columns do. In `to` rows do. */
  readonly rowsTogether: boolean;
  readonly first: number;
  readonly count: number;
  /** A root of unity of the order `rows`. */
  readonly root: bigint;
  readonly before?: Factors | undefined;
  readonly after?: Factors | undefined;
}

/** Transforms the columns `first` … of a matrix of elements. */
export const transformStrip = defineJob(import.meta.url, 'transformStrip', (strip: Strip): void => {
  const { from, to, rows, columns, rowsTogether, first, count } = strip;
  const kernel = Kernel.ofThread();
  const packed = rows * STRIP_COLUMNS * ELEMENT_BYTES;
  const input = kernel.room(2 * packed + (rows + (rows >> 1) + 11) * PAIR_BYTES);
  const output = input + packed;
  const data = output + packed;
  const roots = data + rows * PAIR_BYTES;
  const before = roots + ((rows >> 1) + 1) * PAIR_BYTES;
  const after = before + 4 * PAIR_BYTES;
  const element = after + 4 * PAIR_BYTES;
  const { bytes, view, exports } = kernel;
  writePair(view, element, montgomery(1n));
  writePair(view, element + PAIR_BYTES, montgomery(strip.root));
  exports.powers(roots, element, element + PAIR_BYTES, Math.max(1, rows >> 1), SCALAR);
  if (strip.before) writeFactors(view, before, strip.before, first);
  if (strip.after) writeFactors(view, after, strip.after, first);
  const wide = STRIP_COLUMNS * ELEMENT_BYTES;
  for (let column = first; column < first + count; column += STRIP_COLUMNS) {
    const width = Math.min(STRIP_COLUMNS, first + count - column);
    if (rowsTogether) {
      for (let row = 0; row < rows; row++) {
        const at = (row * columns + column) * ELEMENT_BYTES;
        bytes.set(from.subarray(at, at + width * ELEMENT_BYTES), input + row * wide);
      }
    } else {
      const at = column * rows * ELEMENT_BYTES;
      bytes.set(from.subarray(at, at + width * rows * ELEMENT_BYTES), input);
    }
    exports.columns(
      input,
      rowsTogether ? wide : ELEMENT_BYTES,
      rowsTogether ? ELEMENT_BYTES : rows * ELEMENT_BYTES,
      output,
      wide,
      ELEMENT_BYTES,
      width,
      rows,
      roots,
      strip.before ? before : 0,
      strip.after ? after : 0,
      data,
      SCALAR,
    );
    for (let row = 0; row < rows; row++) {
      const at = output + row * wide;
      to.set(bytes.subarray(at, at + width * ELEMENT_BYTES), (row * columns + column) * ELEMENT_BYTES);
    }
  }
});

function montgomery(value: bigint): bigint {
  return f.multiply(value, f.of(MONTGOMERY));
}

/** For a column and the next, and the steps to the two after them. */
function writeFactors(view: DataView, at: number, factors: Factors, column: number): void {
  const { startStep, ratioStep } = factors;
  const start = f.multiply(factors.start, f.power(startStep, BigInt(column)));
  const ratio = f.multiply(factors.ratio, f.power(ratioStep, BigInt(column)));
  const write = (i: number, first: bigint, second: bigint) =>
    writePair(view, at + i * PAIR_BYTES, montgomery(first), montgomery(second));
  write(0, start, f.multiply(start, startStep));
  write(1, ratio, f.multiply(ratio, ratioStep));
  write(2, f.multiply(startStep, startStep), f.multiply(startStep, startStep));
  write(3, f.multiply(ratioStep, ratioStep), f.multiply(ratioStep, ratioStep));
}
