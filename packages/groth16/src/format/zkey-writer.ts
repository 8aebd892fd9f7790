import { baseField, scalarField, writeG1, writeG2 } from '@codex/bn254';
import type { AbortOptions } from '@codex/runtime';
import { type Pieces, writeContainer } from './container-writer.ts';
import { ELEMENT_BYTES, readElement, writeElement } from './elements.ts';
import { COEFFICIENT_FACTOR, COEFFICIENT_WORDS, GROTH16, KEY_SECTIONS, ZKEY } from './key-layout.ts';
import type { KeySection, ProvingKey } from './types.ts';

/** Written at a time: about a millisecond of work. */
const PIECE_BYTES = 1 << 18;

const COEFFICIENT_BYTES = 4 * COEFFICIENT_WORDS;

/** What a key is written from. */
export interface ProvingKeyParts
  extends Pick<
    ProvingKey,
    'wires' | 'publicSignals' | 'domainBits' | 'verification' | 'betaG1' | 'deltaG1' | 'a' | 'b' | 'table'
  > {
  /**
   * The points of each section (see `ProvingKey.pointsIn`) as keys hold them, in pieces of any size. The sections are asked for one
   * after the other, in the order a, b1, b2, c, h; a piece may be overwritten once the next one is asked for.
   */
  readonly points: Readonly<Record<KeySection, Pieces>>;
  /** Section 10: that of another key, or made by `contributionsOf`. */
  readonly contributions: Uint8Array;
}

/** Writes a zkey file as snarkjs reads it. It appears under its name when it is whole. */
export async function writeProvingKey(path: string, parts: ProvingKeyParts, options?: AbortOptions): Promise<void> {
  const number = new Uint8Array(4);
  new DataView(number.buffer).setUint32(0, GROTH16, true);
  await writeContainer(
    path,
    {
      magic: 'zkey',
      version: 1,
      sections: [
        { id: ZKEY.proverType, pieces: [number] },
        { id: ZKEY.header, pieces: header(parts) },
        { id: ZKEY.ic, pieces: parts.verification.ic.map(writeG1) },
        { id: ZKEY.coefficients, pieces: coefficients(parts) },
        ...KEY_SECTIONS.map((section) => ({ id: ZKEY[section], pieces: parts.points[section] })),
        { id: ZKEY.contributions, pieces: [parts.contributions] },
      ],
    },
    options,
  );
}

function header({ wires, publicSignals, domainBits, verification, betaG1, deltaG1 }: ProvingKeyParts): Uint8Array[] {
  const primes = [baseField, scalarField].map(({ modulus }) => {
    const bytes = new Uint8Array(4 + ELEMENT_BYTES);
    new DataView(bytes.buffer).setUint32(0, ELEMENT_BYTES, true);
    writeElement(bytes, 4, modulus);
    return bytes;
  });
  const numbers = new Uint32Array([wires, publicSignals, 2 ** domainBits]);
  const { alpha, beta, gamma, delta } = verification;
  return [
    ...primes,
    new Uint8Array(numbers.buffer),
    writeG1(alpha),
    writeG1(betaG1),
    writeG2(beta),
    writeG2(gamma),
    writeG1(deltaG1),
    writeG2(delta),
  ];
}

/** For each row, its entries of A and then those of B. */
function* coefficients({ a, b, table }: ProvingKeyParts): Generator<Uint8Array> {
  const values = timesFactor(table);
  const rows = Math.max(a.starts.length, b.starts.length) - 1;
  yield new Uint8Array(new Uint32Array([a.columns.length + b.columns.length]).buffer);
  const piece = new Uint8Array(PIECE_BYTES - (PIECE_BYTES % COEFFICIENT_BYTES));
  const words = new Uint32Array(piece.buffer);
  let at = 0;
  for (let row = 0; row < rows; row++) {
    for (const [matrix, { starts, columns, coefficients }] of [a, b].entries()) {
      const end = starts[row + 1] ?? 0;
      for (let i = starts[row] ?? end; i < end; i++) {
        if (at === words.length) {
          yield piece;
          at = 0;
        }
        words[at] = matrix;
        words[at + 1] = row;
        words[at + 2] = columns[i] ?? 0;
        const value = (coefficients[i] ?? 0) * ELEMENT_BYTES;
        piece.set(values.subarray(value, value + ELEMENT_BYTES), 4 * (at + 3));
        at += COEFFICIENT_WORDS;
      }
    }
  }
  yield piece.subarray(0, 4 * at);
}

function timesFactor(table: Uint8Array): Uint8Array {
  const values = new Uint8Array(table.byteLength);
  const factor = scalarField.of(COEFFICIENT_FACTOR);
  for (let at = 0; at < table.byteLength; at += ELEMENT_BYTES) {
    writeElement(values, at, scalarField.multiply(readElement(table, at), factor));
  }
  return values;
}
