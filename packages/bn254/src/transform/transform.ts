import type { Compute } from '@codex/compute';
import type { AbortOptions } from '@codex/runtime';
import { Bn254Error } from '../errors.ts';
import { ELEMENT_BYTES } from '../linear/elements.ts';
import { scalarField as f } from '../reference/prime-field.ts';
import { rootOfUnity } from '../reference/transform.ts';
import { runAll } from '../run-all.ts';
import { type Factors, type Strip, transformStrip } from './strip-job.ts';

/** 2^22 elements: columns of 2^11 stay in the second cache, with their roots. */
export const TRANSFORM_BITS_MAX = 22;

/** Elements of one job: about five ms of work. */
const JOB_ELEMENTS = 1 << 15;

export interface TransformInput {
  /** 2^k elements of 32 bytes, little-endian, times any one constant; in shared memory where threads are used. */
  readonly values: Uint8Array;
  /** As large, and no part of it: overwritten. */
  readonly scratch: Uint8Array;
  /** From values back to coefficients. */
  readonly inverse?: boolean;
  /** Values are taken at shift · w^i instead of w^i. */
  readonly shift?: bigint;
}

/**
 * Values of a polynomial at the powers of w = rootOfUnity(k), from its 2^k coefficients; or back. In place, in natural order. As a
 * matrix: columns are transformed, multiplied by powers of w, then rows. While it runs, and when it fails, values are undefined.
 * `BN254_INPUT_INVALID`.
 */
export async function transform(compute: Compute, input: TransformInput, options: AbortOptions = {}): Promise<void> {
  const { values, scratch, inverse = false, shift = 1n } = input;
  const count = values.byteLength / ELEMENT_BYTES;
  const bits = Math.log2(count);
  if (!Number.isInteger(bits) || bits < 0 || bits > TRANSFORM_BITS_MAX || scratch.byteLength !== values.byteLength) {
    throw new Bn254Error('BN254_INPUT_INVALID', `No transform has ${count} elements, or the scratch is not as large`, {
      name: 'values',
    });
  }
  const rows = 2 ** Math.floor(bits / 2);
  const columns = count / rows;
  const root = (order: number) => {
    const found = rootOfUnity(Math.log2(order));
    return inverse ? f.invert(found) : found;
  };
  const turn = inverse ? f.invert(f.of(shift)) : f.of(shift);
  const turned = (together: number): Factors | undefined =>
    turn === 1n ? undefined : { start: 1n, startStep: turn, ratio: f.power(turn, BigInt(together)), ratioStep: 1n };
  const first = {
    from: values,
    to: scratch,
    rows,
    columns,
    rowsTogether: true,
    root: root(rows),
    before: inverse ? undefined : turned(columns),
    after: { start: inverse ? f.invert(BigInt(count)) : 1n, startStep: 1n, ratio: 1n, ratioStep: root(count) },
  };
  await runStrips(compute, first, options);
  const second = {
    from: scratch,
    to: values,
    rows: columns,
    columns: rows,
    rowsTogether: false,
    root: root(columns),
    after: inverse ? turned(rows) : undefined,
  };
  await runStrips(compute, second, options);
}

async function runStrips(
  compute: Compute,
  matrix: Omit<Strip, 'first' | 'count'>,
  options: AbortOptions,
): Promise<void> {
  const perJob = Math.max(2, JOB_ELEMENTS / matrix.rows);
  const strips: Strip[] = [];
  for (let first = 0; first < matrix.columns; first += perJob) {
    strips.push({ ...matrix, first, count: Math.min(perJob, matrix.columns - first) });
  }
  await runAll(compute, transformStrip, strips, options);
}
