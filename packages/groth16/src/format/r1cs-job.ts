import { scalarField } from '@codex/bn254';
import { defineJob } from '@codex/compute';
import { CoefficientTable } from './coefficient-table.ts';
import { Container } from './container.ts';
import { ELEMENT_BYTES, ELEMENT_WORDS, readElement } from './elements.ts';
import { DOMAIN_BITS_MAX, WIRES_MAX } from './limits.ts';
import { invalid, type Source } from './source.ts';
import type { StopFlag } from './stoppable.ts';
import type { ConstraintSystem, SparseRows } from './types.ts';
import { WordReader } from './word-reader.ts';

const HEADER = 1;
const CONSTRAINTS = 2;
const LABELS = 3;
/** Sections of what only other proof systems know. */
const CUSTOM_GATES = [4, 5];

const HEADER_BYTES = 64;
/** Each constraint counts its entries, three times. */
const CONSTRAINT_BYTES = 12;
/** A wire and its coefficient. */
const ENTRY_WORDS = 1 + ELEMENT_WORDS;
const ENTRY_BYTES = 4 * ENTRY_WORDS;

/** Reads all constraints into shared memory. */
export const readConstraintsJob = defineJob(
  import.meta.url,
  'readConstraintsJob',
  ({ source, stop }: { readonly source: Source; readonly stop: StopFlag }): ConstraintSystem => {
    const container = new Container(source, { magic: 'r1cs', version: 1, required: [HEADER, CONSTRAINTS] });
    const header = readHeader(container);
    for (const id of CUSTOM_GATES) {
      if ((container.find(id)?.bytes ?? 0) > 4) throw invalid(source, 'it has custom gates');
    }
    return { ...header, ...readRows(container, header, stop) };
  },
);

type Header = Pick<ConstraintSystem, 'wires' | 'publicOutputs' | 'publicInputs' | 'privateInputs' | 'constraints'>;

function readHeader(container: Container): Header {
  const { source } = container;
  const view = container.read(HEADER, HEADER_BYTES);
  if (
    view.getUint32(0, true) !== ELEMENT_BYTES ||
    readElement(new Uint8Array(view.buffer), 4) !== scalarField.modulus
  ) {
    throw invalid(source, 'it is of another field');
  }
  const number = (i: number) => view.getUint32(4 + ELEMENT_BYTES + 4 * i, true);
  const [wires, publicOutputs, publicInputs, privateInputs] = [number(0), number(1), number(2), number(3)];
  const constraints = number(6);
  if (wires > WIRES_MAX) throw invalid(source, `${wires} wires are more than ${WIRES_MAX}`);
  if (1 + publicOutputs + publicInputs + privateInputs > wires) throw invalid(source, 'it has more inputs than wires');
  if (constraints > 2 ** DOMAIN_BITS_MAX) throw invalid(source, `${constraints} constraints are too many`);
  const labels = container.find(LABELS);
  if (labels && labels.bytes !== 8 * wires) throw invalid(source, 'its labels are not as many as its wires');
  return { wires, publicOutputs, publicInputs, privateInputs, constraints };
}

function readRows(
  container: Container,
  { wires, constraints }: Header,
  stop: StopFlag,
): Pick<ConstraintSystem, 'a' | 'b' | 'c' | 'table'> {
  const { source } = container;
  const body = container.section(CONSTRAINTS);
  const entries = (body.bytes - CONSTRAINT_BYTES * constraints) / ENTRY_BYTES;
  if (!Number.isInteger(entries) || entries < 0) throw invalid(source, 'its constraints have another size');
  const reader = new WordReader(source, body, stop);
  const { words } = reader;
  const table = new CoefficientTable();
  // How many entries there are of each matrix is not known yet; memory that is not written to takes no place.
  const matrices = [
    new RowWriter(constraints, entries),
    new RowWriter(constraints, entries),
    new RowWriter(constraints, entries),
  ];
  for (let row = 0; row < constraints; row++) {
    for (const matrix of matrices) {
      const count = words[reader.take(1)] ?? 0;
      for (let i = 0; i < count; i++) {
        const at = reader.take(ENTRY_WORDS);
        const wire = words[at] ?? 0;
        if (wire >= wires) throw invalid(source, `constraint ${row} is about wire ${wire} of ${wires}`);
        const coefficient = table.indexOf(words, at + 1);
        if (coefficient < 0) throw invalid(source, `a coefficient of constraint ${row} is not below r`);
        matrix.add(wire, coefficient);
      }
      matrix.endRow();
    }
  }
  if (!reader.isAtEnd) throw invalid(source, 'there is something behind its constraints');
  const [a, b, c] = matrices.map((matrix) => matrix.rows());
  if (!a || !b || !c) throw invalid(source, 'it has no matrices');
  return { a, b, c, table: table.bytes() };
}

/** Writes rows one after the other. */
class RowWriter {
  readonly #starts: Uint32Array;
  readonly #columns: Uint32Array;
  readonly #coefficients: Uint32Array;
  #row = 0;
  #at = 0;

  constructor(rows: number, entriesMax: number) {
    this.#starts = new Uint32Array(new SharedArrayBuffer(4 * (rows + 1)));
    this.#columns = new Uint32Array(new SharedArrayBuffer(4 * entriesMax));
    this.#coefficients = new Uint32Array(new SharedArrayBuffer(4 * entriesMax));
  }

  add(column: number, coefficient: number): void {
    this.#columns[this.#at] = column;
    this.#coefficients[this.#at++] = coefficient;
  }

  endRow(): void {
    this.#starts[++this.#row] = this.#at;
  }

  rows(): SparseRows {
    return {
      starts: this.#starts,
      columns: this.#columns.subarray(0, this.#at),
      coefficients: this.#coefficients.subarray(0, this.#at),
    };
  }
}
