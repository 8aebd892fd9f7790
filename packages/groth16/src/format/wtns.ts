import { scalarField } from '@codex/bn254';
import { type Compute, defineJob } from '@codex/compute';
import type { AbortOptions } from '@codex/runtime';
import { Container } from './container.ts';
import { writeContainer } from './container-writer.ts';
import { ELEMENT_BYTES, ELEMENT_WORDS, isScalar, readElement, writeElement } from './elements.ts';
import { WIRES_MAX } from './limits.ts';
import { invalid, readAt, type Source, withSource } from './source.ts';
import { runStoppable, type StopFlag, throwIfStopped } from './stoppable.ts';
import type { Witness } from './types.ts';

const HEADER = 1;
const VALUES = 2;
const HEADER_BYTES = 4 + ELEMENT_BYTES + 4;

/** Read and checked before the job looks whether it is still wanted. */
const PIECE_BYTES = 1 << 20;

export const readWitnessJob = defineJob(
  import.meta.url,
  'readWitnessJob',
  ({ source, stop }: { readonly source: Source; readonly stop: StopFlag }): Witness => {
    const container = new Container(source, { magic: 'wtns', version: 2, required: [HEADER, VALUES] });
    const header = container.read(HEADER, HEADER_BYTES);
    const prime = readElement(new Uint8Array(header.buffer), 4);
    if (header.getUint32(0, true) !== ELEMENT_BYTES || prime !== scalarField.modulus) {
      throw invalid(source, 'it is of another field');
    }
    const count = header.getUint32(4 + ELEMENT_BYTES, true);
    if (count > WIRES_MAX) throw invalid(source, `${count} values are more than ${WIRES_MAX}`);
    const { start, bytes } = container.section(VALUES, count * ELEMENT_BYTES);
    const values = new Uint8Array(new SharedArrayBuffer(bytes));
    const words = new Uint32Array(values.buffer);
    for (let at = 0; at < bytes; at += PIECE_BYTES) {
      throwIfStopped(stop);
      const end = Math.min(bytes, at + PIECE_BYTES);
      readAt(source, start + at, values.subarray(at, end));
      for (let word = at / 4; word < end / 4; word += ELEMENT_WORDS) {
        if (!isScalar(words, word)) throw invalid(source, `value ${word / ELEMENT_WORDS} is not below r`);
      }
    }
    return { count, values };
  },
);

/**
 * Reads a wtns file, or its bytes, in a job.
 *
 * @throws GROTH16_FILE_INVALID, GROTH16_FILE_UNREADABLE
 */
export async function readWitness(
  compute: Compute,
  from: string | Uint8Array,
  options: AbortOptions = {},
): Promise<Witness> {
  return await withSource(from, 'The wtns file', (source) =>
    runStoppable(compute, readWitnessJob, { source }, options),
  );
}

export async function writeWitness(path: string, { count, values }: Witness, options?: AbortOptions): Promise<void> {
  const header = new Uint8Array(HEADER_BYTES);
  const view = new DataView(header.buffer);
  view.setUint32(0, ELEMENT_BYTES, true);
  writeElement(header, 4, scalarField.modulus);
  view.setUint32(4 + ELEMENT_BYTES, count, true);
  const sections = [
    { id: HEADER, pieces: [header] },
    { id: VALUES, pieces: [values.subarray(0, count * ELEMENT_BYTES)] },
  ];
  await writeContainer(path, { magic: 'wtns', version: 2, sections }, options);
}
