import type { Compute, Job } from '@codex/compute';
import type { AbortOptions } from '@codex/runtime';
import { Bn254Error } from '../errors.ts';
import { PAIR_BYTES } from '../kernel/constants.ts';
import type { G1Point, G2Point } from '../reference/curve.ts';
import { runAll } from '../run-all.ts';
import {
  type FixedPart,
  makeWindowsG1,
  makeWindowsG2,
  multiplyFixedPartG1,
  multiplyFixedPartG2,
  type WindowsPart,
} from './fixed-job.ts';
import { G1_BYTES, G2_BYTES } from './points.ts';

const SCALAR_BYTES = 32;

/** Bits of a scalar and the carry that the highest digit takes. */
const SCALAR_BITS = 255;

/** Tables for digits of 14 bits take 12 MiB in G1, one of them 640 KiB: it stays in the second cache with what is added to. */
const WINDOW_BITS_MAX = 14;
const WINDOW_BITS_MIN = 5;

/** So few are not worth a second thread. */
const FEW_POINTS = 1 << 10;

/** Points of one job, and half as many in G2: copying the tables into a thread is little beside what is done with them. */
const JOB_POINTS = 1 << 15;

export interface FixedInput<P> {
  readonly base: P;
  /** 32 bytes each, little-endian, below r. */
  readonly scalars: Uint8Array;
  /** A point for each scalar, as keys hold them. */
  readonly target: Uint8Array;
}

interface Group<P> {
  readonly makeWindows: Job<WindowsPart<P>, void>;
  readonly multiply: Job<FixedPart, void>;
  readonly packedBytes: number;
  readonly pointBytes: number;
  readonly jobPoints: number;
}

/**
 * target[i] = scalars[i] · base, in jobs; points as keys hold them (see points.ts), infinity for 0. Scalars and target in shared memory
 * where threads are used. Tables are made for each call: some 10^5 scalars at a time are best. `BN254_INPUT_INVALID`.
 */
export function multiplyFixedG1(
  compute: Compute,
  input: FixedInput<G1Point>,
  options: AbortOptions = {},
): Promise<void> {
  return multiplyFixed(compute, input, GROUP_1, options);
}

/** The same in G2. */
export function multiplyFixedG2(
  compute: Compute,
  input: FixedInput<G2Point>,
  options: AbortOptions = {},
): Promise<void> {
  return multiplyFixed(compute, input, GROUP_2, options);
}

const GROUP_1: Group<G1Point> = {
  makeWindows: makeWindowsG1,
  multiply: multiplyFixedPartG1,
  packedBytes: G1_BYTES,
  pointBytes: PAIR_BYTES,
  jobPoints: JOB_POINTS,
};

const GROUP_2: Group<G2Point> = {
  makeWindows: makeWindowsG2,
  multiply: multiplyFixedPartG2,
  packedBytes: G2_BYTES,
  pointBytes: 2 * PAIR_BYTES,
  jobPoints: JOB_POINTS / 2,
};

/** What costs least: an addition for each digit of each scalar, and one for each entry of the tables. */
function windowBitsFor(count: number): number {
  const cost = (bits: number) => Math.ceil(SCALAR_BITS / bits) * (count + 2 ** (bits - 1));
  let best = WINDOW_BITS_MIN;
  for (let bits = best + 1; bits <= WINDOW_BITS_MAX; bits++) if (cost(bits) < cost(best)) best = bits;
  return best;
}

async function multiplyFixed<P>(
  compute: Compute,
  { base, scalars, target }: FixedInput<P>,
  { makeWindows, multiply, packedBytes, pointBytes, jobPoints }: Group<P>,
  options: AbortOptions,
): Promise<void> {
  const count = scalars.byteLength / SCALAR_BYTES;
  if (!Number.isInteger(count) || target.byteLength !== count * packedBytes) {
    throw new Bn254Error('BN254_INPUT_INVALID', 'The target has not a point for each scalar', { name: 'target' });
  }
  if (!base) {
    options.signal?.throwIfAborted();
    target.fill(0);
    return;
  }
  const bits = windowBitsFor(count);
  const tableBytes = pointBytes * 2 ** (bits - 1);
  const windows = Math.ceil(SCALAR_BITS / bits);
  const tables = new Uint8Array(makeBuffer(compute, windows * tableBytes));
  // Doubling from one table's point to the next is cheaper than from the first one's.
  const perTableJob = Math.ceil(windows / (count < FEW_POINTS ? 1 : Math.max(1, compute.threads)));
  const tableParts: WindowsPart<P>[] = [];
  for (let first = 0; first < windows; first += perTableJob) {
    const part = tables.subarray(first * tableBytes, (first + perTableJob) * tableBytes);
    tableParts.push({ base, bits, shift: first * bits, tables: part });
  }
  await runAll(compute, makeWindows, tableParts, options);
  const parts: FixedPart[] = [];
  // Jobs of the same size, at least one for each thread.
  const jobs = Math.max(Math.ceil(count / jobPoints), count < FEW_POINTS ? 1 : Math.max(1, compute.threads));
  const perJob = Math.ceil(count / jobs);
  for (let first = 0; first < count; first += perJob) {
    parts.push({
      tables,
      bits,
      scalars: scalars.subarray(first * SCALAR_BYTES, (first + perJob) * SCALAR_BYTES),
      target: target.subarray(first * packedBytes, (first + perJob) * packedBytes),
    });
  }
  await runAll(compute, multiply, parts, options);
}

/** What jobs write to is shared with them, or theirs where they run here. */
function makeBuffer(compute: Compute, bytes: number): ArrayBufferLike {
  return compute.threads > 0 ? new SharedArrayBuffer(bytes) : new ArrayBuffer(bytes);
}
