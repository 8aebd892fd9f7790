import type { Compute, Job } from '@codex/compute';
import type { AbortOptions } from '@codex/runtime';
import { Bn254Error } from '../errors.ts';
import { type Curve, type G1Point, type G2Point, g1, g2, type Point } from '../reference/curve.ts';
import { runAll } from '../run-all.ts';
import { G1_BYTES, G2_BYTES } from './points.ts';
import { type Part, sumG1, sumG2 } from './sum-job.ts';

const SCALAR_BYTES = 32;

/** Points of one job of G1: half a second of work. Its buckets serve all of them. */
export const G1_JOB_POINTS_MAX = 1 << 18;

/** Half as many of G2, which cost more. */
export const G2_JOB_POINTS_MAX = 1 << 17;

/** Smaller jobs waste time on adding up buckets. */
const JOB_POINTS_MIN = 1 << 9;

/**
 * The sum of points times scalars, in jobs that share nothing. Points are affine, in the form of keys (see points.ts), and must
 * be on the curve; scalars are 32 bytes each, little-endian, below r. Both in shared memory where threads are used.
 * `BN254_INPUT_INVALID`.
 */
export function multiplyAndAddG1(compute: Compute, input: Part, options: AbortOptions = {}): Promise<G1Point> {
  return sumParts(compute, input, { curve: g1, job: sumG1, bytes: G1_BYTES, max: G1_JOB_POINTS_MAX }, options);
}

/** The same in G2. */
export function multiplyAndAddG2(compute: Compute, input: Part, options: AbortOptions = {}): Promise<G2Point> {
  return sumParts(compute, input, { curve: g2, job: sumG2, bytes: G2_BYTES, max: G2_JOB_POINTS_MAX }, options);
}

interface Group<F> {
  readonly curve: Curve<F>;
  readonly job: Job<Part, Point<F>>;
  readonly bytes: number;
  readonly max: number;
}

async function sumParts<F>(
  compute: Compute,
  { points, scalars }: Part,
  { curve, job, bytes, max }: Group<F>,
  options: AbortOptions,
): Promise<Point<F>> {
  const count = scalars.byteLength / SCALAR_BYTES;
  if (!Number.isInteger(count) || points.byteLength !== count * bytes) {
    throw new Bn254Error('BN254_INPUT_INVALID', 'There are not as many points as scalars', { name: 'points' });
  }
  // As many jobs as threads, or a multiple, so that all end at the same time.
  const threads = Math.max(1, compute.threads);
  const rounds = Math.max(1, Math.ceil(count / threads / max));
  const perJob = Math.max(JOB_POINTS_MIN, Math.ceil(count / threads / rounds));
  const parts: Part[] = [];
  for (let first = 0; first < count; first += perJob) {
    const last = Math.min(count, first + perJob);
    parts.push({
      points: points.subarray(first * bytes, last * bytes),
      scalars: scalars.subarray(first * SCALAR_BYTES, last * SCALAR_BYTES),
    });
  }
  return curve.sum(await runAll(compute, job, parts, options));
}
