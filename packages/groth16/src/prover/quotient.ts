import { multiplyRows, multiplySubtract, rootOfUnity, transform } from '@codex/bn254';
import { type Compute, defineJob } from '@codex/compute';
import { type AbortOptions, Semaphore } from '@codex/runtime';
import { ELEMENT_BYTES } from '../format/elements.ts';
import type { ProvingKey, SparseRows } from '../format/types.ts';
import type { ProvingMemory } from './memory.ts';
import { together } from './together.ts';

/** Zeroes a part of shared memory: 64 MiB would take the main thread too long. */
export const clear = defineJob(import.meta.url, 'clear', (bytes: Uint8Array): void => {
  bytes.fill(0);
});

/** The rows, and the transforms of each of three vectors. */
export const QUOTIENT_STEPS = 4;

export interface QuotientInput {
  readonly key: ProvingKey;
  /** Values of all wires, 32 bytes each, in shared memory. */
  readonly values: Uint8Array;
  readonly memory: ProvingMemory;
  /** One of `QUOTIENT_STEPS` is done. */
  readonly onStep: () => void;
}

/**
 * What the points of section h are multiplied with (11 §5.6): a·b - c at the odd powers of ω_2n, where a, b and c are the polynomials
 * whose values at the powers of ω_n are A·w, B·w and their products. At the even powers of ω_2n it is zero, so these n values are all that
 * there is to know of it, and nothing is divided. The result lies in `memory`.
 */
export async function quotientValues(
  compute: Compute,
  { key, values, memory, onStep }: QuotientInput,
  options: AbortOptions,
): Promise<Uint8Array> {
  const { a, b, c } = memory;
  await together(
    [
      (inner) => rowsTimes(compute, key, key.a, { vector: values, target: a }, inner),
      (inner) => rowsTimes(compute, key, key.b, { vector: values, target: b }, inner),
    ],
    options,
  );
  await multiplySubtract(compute, { a, b, target: c }, options);
  onStep();
  const shift = rootOfUnity(key.domainBits + 1);
  const free = [...memory.scratches];
  const turns = new Semaphore(free.length);
  const extended = (vector: Uint8Array) => (inner: AbortOptions) =>
    turns.run(async () => {
      const scratch = free.pop() ?? new Uint8Array();
      try {
        await transform(compute, { values: vector, scratch, inverse: true }, inner);
        await transform(compute, { values: vector, scratch, shift }, inner);
        onStep();
      } finally {
        free.push(scratch);
      }
    }, inner);
  await together([a, b, c].map(extended), options);
  const [target = a] = memory.scratches;
  await multiplySubtract(compute, { a, b, c, target }, options);
  return target;
}

/** The domain may have more rows than the matrix: they are zero. */
async function rowsTimes(
  compute: Compute,
  { table }: ProvingKey,
  { starts, columns, coefficients }: SparseRows,
  { vector, target }: { readonly vector: Uint8Array; readonly target: Uint8Array },
  options: AbortOptions,
): Promise<void> {
  const used = (starts.length - 1) * ELEMENT_BYTES;
  const rows = { starts, columns, coefficients, table, vector, target: target.subarray(0, used) };
  await together(
    [
      (inner) => multiplyRows(compute, rows, inner),
      // Not given up when it is aborted: who comes next writes to the same memory.
      () => compute.run(clear, target.subarray(used)),
    ],
    options,
  );
}
