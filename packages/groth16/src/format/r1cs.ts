import { scalarField } from '@codex/bn254';
import type { Compute } from '@codex/compute';
import type { AbortOptions } from '@codex/runtime';
import { writeContainer } from './container-writer.ts';
import { ELEMENT_BYTES, writeElement } from './elements.ts';
import { readConstraintsJob } from './r1cs-job.ts';
import { withSource } from './source.ts';
import { runStoppable } from './stoppable.ts';
import type { ConstraintSystem } from './types.ts';

/** Written at a time: about a millisecond of work. */
const PIECE_BYTES = 1 << 18;

const ENTRY_BYTES = 4 + ELEMENT_BYTES;

/**
 * Reads an r1cs file, or its bytes, in a job, into shared memory.
 *
 * @throws GROTH16_FILE_INVALID, GROTH16_FILE_UNREADABLE
 */
export async function readConstraints(
  compute: Compute,
  from: string | Uint8Array,
  options: AbortOptions = {},
): Promise<ConstraintSystem> {
  return await withSource(from, 'The r1cs file', (source) =>
    runStoppable(compute, readConstraintsJob, { source }, options),
  );
}

/** Writes an r1cs file. Wires are their own labels: names of signals are not known here. */
export async function writeConstraints(path: string, system: ConstraintSystem, options?: AbortOptions): Promise<void> {
  await writeContainer(
    path,
    {
      magic: 'r1cs',
      version: 1,
      sections: [
        { id: 1, pieces: [header(system)] },
        { id: 2, pieces: rows(system) },
        { id: 3, pieces: labels(system.wires) },
      ],
    },
    options,
  );
}

function header(system: ConstraintSystem): Uint8Array {
  const bytes = new Uint8Array(64);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, ELEMENT_BYTES, true);
  writeElement(bytes, 4, scalarField.modulus);
  const { wires, publicOutputs, publicInputs, privateInputs, constraints } = system;
  // The fourth and fifth number are the count of labels, of 64 bits.
  [wires, publicOutputs, publicInputs, privateInputs, wires, 0, constraints].forEach((number, i) => {
    view.setUint32(4 + ELEMENT_BYTES + 4 * i, number, true);
  });
  return bytes;
}

function* rows({ a, b, c, table, constraints }: ConstraintSystem): Generator<Uint8Array> {
  const piece = new Uint8Array(PIECE_BYTES);
  const view = new DataView(piece.buffer);
  let at = 0;
  for (let row = 0; row < constraints; row++) {
    for (const { starts, columns, coefficients } of [a, b, c]) {
      const [start, end] = [starts[row] ?? 0, starts[row + 1] ?? 0];
      if (at + 4 > PIECE_BYTES) {
        yield piece.subarray(0, at);
        at = 0;
      }
      view.setUint32(at, end - start, true);
      at += 4;
      for (let i = start; i < end; i++) {
        if (at + ENTRY_BYTES > PIECE_BYTES) {
          yield piece.subarray(0, at);
          at = 0;
        }
        view.setUint32(at, columns[i] ?? 0, true);
        const coefficient = (coefficients[i] ?? 0) * ELEMENT_BYTES;
        piece.set(table.subarray(coefficient, coefficient + ELEMENT_BYTES), at + 4);
        at += ENTRY_BYTES;
      }
    }
  }
  yield piece.subarray(0, at);
}

function* labels(wires: number): Generator<Uint8Array> {
  for (let first = 0; first < wires; first += PIECE_BYTES / 8) {
    const count = Math.min(PIECE_BYTES / 8, wires - first);
    const words = new Uint32Array(2 * count);
    for (let i = 0; i < count; i++) words[2 * i] = first + i;
    yield new Uint8Array(words.buffer);
  }
}
