import type { Compute } from '@codex/compute';
import type { AbortOptions } from '@codex/runtime';
import { Bn254Error } from '../errors.ts';
import { runAll } from '../run-all.ts';
import { ELEMENT_BYTES } from './elements.ts';
import { multiplySubtractPart, type ProductPart } from './product-job.ts';

/** Elements of one job: some ms of work. */
const JOB_ELEMENTS = 1 << 15;

/**
 * target[i] = a[i] · b[i] - c[i], without c the product; elements of 32 bytes, little-endian, below r, in shared memory where threads
 * are used. The target may be one of the others. `BN254_INPUT_INVALID`.
 */
export async function multiplySubtract(
  compute: Compute,
  input: ProductPart,
  options: AbortOptions = {},
): Promise<void> {
  const { a, b, c, target } = input;
  const { byteLength } = target;
  if (byteLength % ELEMENT_BYTES !== 0 || [a, b, c ?? a].some((other) => other.byteLength !== byteLength)) {
    throw new Bn254Error('BN254_INPUT_INVALID', 'Vectors have not the same number of elements', { name: 'target' });
  }
  const parts: ProductPart[] = [];
  const step = JOB_ELEMENTS * ELEMENT_BYTES;
  for (let first = 0; first < byteLength; first += step) {
    const cut = (bytes: Uint8Array) => bytes.subarray(first, first + step);
    parts.push({ a: cut(a), b: cut(b), c: c && cut(c), target: cut(target) });
  }
  await runAll(compute, multiplySubtractPart, parts, options);
}
