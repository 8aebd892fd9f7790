import { baseField, G1_BYTES, type G1Point, type G2Point, scalarField } from '@codex/bn254';
import { defineJob } from '@codex/compute';
import { CoefficientTable } from './coefficient-table.ts';
import { Container, type Section } from './container.ts';
import { ELEMENT_BYTES, readElement, writeElement } from './elements.ts';
import {
  COEFFICIENT_FACTOR,
  COEFFICIENT_WORDS,
  GROTH16,
  KEY_SECTIONS,
  pointBytes,
  pointsIn,
  ZKEY,
} from './key-layout.ts';
import { PointReader } from './key-points.ts';
import { DOMAIN_BITS_MAX, PUBLIC_SIGNALS_MAX, WIRES_MAX } from './limits.ts';
import { invalid, readAt, type Source } from './source.ts';
import type { StopFlag } from './stoppable.ts';
import type { KeySection, ProvingKey, SparseRows } from './types.ts';
import { WordReader } from './word-reader.ts';

/** Two primes with their lengths, three numbers, six points. */
const HEADER_BYTES = 660;

/** Two thousand contributions of a ceremony. */
const CONTRIBUTIONS_BYTES_MAX = 1 << 20;

type Header = Pick<ProvingKey, 'wires' | 'publicSignals' | 'domainBits' | 'verification' | 'betaG1' | 'deltaG1'>;

/** What a key says without its matrices and points, of which it tells where they are. */
export interface KeyOutline extends Header {
  readonly sections: Readonly<Record<KeySection, Section>>;
  /** Section 10, as it is; empty where there is none. */
  readonly contributions: Uint8Array;
}

/** The same with the matrices. */
export interface KeyContents extends KeyOutline, Pick<ProvingKey, 'a' | 'b' | 'table'> {}

export const readKeyJob = defineJob(
  import.meta.url,
  'readKeyJob',
  ({ source, stop }: { readonly source: Source; readonly stop: StopFlag }): KeyContents => {
    const container = containerOf(source);
    const outline = readOutline(container);
    return { ...outline, ...readCoefficients(container, outline, stop) };
  },
);

export const readOutlineJob = defineJob(
  import.meta.url,
  'readOutlineJob',
  ({ source }: { readonly source: Source }): KeyOutline => readOutline(containerOf(source)),
);

function containerOf(source: Source): Container {
  const { contributions: _, ...required } = ZKEY;
  return new Container(source, { magic: 'zkey', version: 1, required: Object.values(required) });
}

function readOutline(container: Container): KeyOutline {
  const { source } = container;
  if (container.read(ZKEY.proverType, 4).getUint32(0, true) !== GROTH16) throw invalid(source, 'it is no Groth16 key');
  const header = readHeader(container);
  const sections = Object.fromEntries(
    KEY_SECTIONS.map((name) => [name, container.section(ZKEY[name], pointsIn(name, header) * pointBytes(name))]),
  ) as Record<KeySection, Section>;
  const contributions = new Uint8Array(container.find(ZKEY.contributions)?.bytes ?? 0);
  if (contributions.byteLength > CONTRIBUTIONS_BYTES_MAX) throw invalid(source, 'it has too many contributions');
  readAt(source, container.find(ZKEY.contributions)?.start ?? 0, contributions);
  return { ...header, sections, contributions };
}

function readHeader(container: Container): Header {
  const { source } = container;
  const view = container.read(ZKEY.header, HEADER_BYTES);
  const bytes = new Uint8Array(view.buffer);
  let at = 0;
  for (const field of [baseField, scalarField]) {
    if (view.getUint32(at, true) !== ELEMENT_BYTES || readElement(bytes, at + 4) !== field.modulus) {
      throw invalid(source, 'it is of another curve');
    }
    at += 4 + ELEMENT_BYTES;
  }
  const wires = view.getUint32(at, true);
  const publicSignals = view.getUint32(at + 4, true);
  const domainBits = Math.log2(view.getUint32(at + 8, true));
  if (wires > WIRES_MAX) throw invalid(source, `${wires} wires are more than ${WIRES_MAX}`);
  if (publicSignals >= wires) throw invalid(source, 'it has more public signals than wires');
  if (publicSignals > PUBLIC_SIGNALS_MAX) throw invalid(source, `${publicSignals} public signals are too many`);
  if (!Number.isInteger(domainBits) || domainBits > DOMAIN_BITS_MAX) throw invalid(source, 'there is no such domain');

  const points = new PointReader(bytes, at + 12);
  // With one of these at infinity, or gamma and delta, anything could be proved.
  const g1 = (name: string): G1Point => present(source, name, points.g1());
  const g2 = (name: string): G2Point => present(source, name, points.g2());
  const [alpha, betaG1] = [g1('α'), g1('β in G1')];
  const [beta, gamma, deltaG1, delta] = [g2('β'), g2('γ'), g1('δ in G1'), g2('δ')];

  const section = container.read(ZKEY.ic, (publicSignals + 1) * G1_BYTES);
  const icPoints = new PointReader(new Uint8Array(section.buffer));
  const ic = Array.from({ length: publicSignals + 1 }, (_, i) => {
    const read = icPoints.g1();
    if (!read) throw invalid(source, `point ${i} of IC is not on the curve`);
    return read.point;
  });
  return { wires, publicSignals, domainBits, verification: { alpha, beta, gamma, delta, ic }, betaG1, deltaG1 };
}

function present<P extends G1Point | G2Point>(
  source: Source,
  name: string,
  read: { readonly point: P } | undefined,
): P {
  if (!read?.point) throw invalid(source, `${name} is no point of its group, or infinity`);
  return read.point;
}

/** Entries may come in any order: the first pass counts those of each row, the second puts them into their places. */
function readCoefficients(
  container: Container,
  { wires, domainBits }: Header,
  stop: StopFlag,
): Pick<KeyContents, 'a' | 'b' | 'table'> {
  const { source } = container;
  const domain = 2 ** domainBits;
  const counts = [new Uint32Array(domain), new Uint32Array(domain)];
  let rows = 0;
  for (const { words, at } of coefficientsOf(container, stop)) {
    const row = words[at + 1] ?? 0;
    const ofMatrix = counts[words[at] ?? 0];
    if (!ofMatrix) throw invalid(source, 'it has a third matrix');
    if (row >= domain) throw invalid(source, `it has an entry in row ${row} of ${domain}`);
    ofMatrix[row] = (ofMatrix[row] ?? 0) + 1;
    rows = Math.max(rows, row + 1);
  }
  const places = counts.map((ofMatrix) => new RowPlaces(ofMatrix.subarray(0, rows)));
  const table = new CoefficientTable();
  for (const { words, at } of coefficientsOf(container, stop)) {
    const column = words[at + 2] ?? 0;
    if (column >= wires) throw invalid(source, `it has an entry for wire ${column} of ${wires}`);
    const coefficient = table.indexOf(words, at + 3);
    if (coefficient < 0) throw invalid(source, 'it has a coefficient that is not below r');
    places[words[at] ?? 0]?.add(words[at + 1] ?? 0, column, coefficient);
  }
  const [a, b] = places;
  if (!a || !b) throw invalid(source, 'it has no matrices');
  return { a: a.rows, b: b.rows, table: plainCoefficients(table.bytes()) };
}

function* coefficientsOf(container: Container, stop: StopFlag): Generator<{ words: Uint32Array; at: number }> {
  const reader = new WordReader(container.source, container.section(ZKEY.coefficients), stop);
  const { words } = reader;
  const entry = { words, at: reader.take(1) };
  const count = words[entry.at] ?? 0;
  container.section(ZKEY.coefficients, 4 + 4 * COEFFICIENT_WORDS * count);
  for (let i = 0; i < count; i++) {
    entry.at = reader.take(COEFFICIENT_WORDS);
    yield entry;
  }
}

/** In place: values of section 4 without their factor. */
function plainCoefficients(table: Uint8Array): Uint8Array {
  const inverse = scalarField.invert(scalarField.of(COEFFICIENT_FACTOR));
  for (let at = 0; at < table.byteLength; at += ELEMENT_BYTES) {
    writeElement(table, at, scalarField.multiply(readElement(table, at), inverse));
  }
  return table;
}

/** Puts entries into rows of known sizes. Within a row they keep the order in which they are added. */
class RowPlaces {
  readonly rows: SparseRows;
  readonly #next: Uint32Array;

  constructor(counts: Uint32Array) {
    const starts = new Uint32Array(new SharedArrayBuffer(4 * (counts.length + 1)));
    counts.forEach((count, row) => {
      starts[row + 1] = (starts[row] ?? 0) + count;
    });
    const bytes = 4 * (starts[counts.length] ?? 0);
    const columns = new Uint32Array(new SharedArrayBuffer(bytes));
    const coefficients = new Uint32Array(new SharedArrayBuffer(bytes));
    this.rows = { starts, columns, coefficients };
    this.#next = new Uint32Array(starts);
  }

  add(row: number, column: number, coefficient: number): void {
    const at = this.#next[row] ?? 0;
    this.#next[row] = at + 1;
    this.rows.columns[at] = column;
    this.rows.coefficients[at] = coefficient;
  }
}
