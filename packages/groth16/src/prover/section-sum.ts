import {
  G1_BYTES,
  type G1Point,
  G2_BYTES,
  type G2Point,
  g1,
  g2,
  multiplyAndAddG1,
  multiplyAndAddG2,
  type Point,
} from '@codex/bn254';
import type { Compute } from '@codex/compute';
import type { AbortOptions, Semaphore } from '@codex/runtime';
import { ELEMENT_BYTES } from '../format/elements.ts';
import type { KeySection, ProvingKey } from '../format/types.ts';
import { together } from './together.ts';

/** Of a section's points, for each thread, summed at a time: a full job of bn254's. */
const THREAD_PART_BYTES = 8 * 1024 * 1024;

/** More threads share parts of this size, so that what is read ahead stays small. */
const PART_BYTES_MAX = 64 * 1024 * 1024;

/** Two are summed, so that threads need not wait at the end of one; meanwhile one more is read. */
export const PARTS_AT_ONCE = 3;

export const partBytes = (threads: number) => Math.min(PART_BYTES_MAX, THREAD_PART_BYTES * Math.max(1, threads));

export interface SumComponents {
  readonly compute: Compute;
  readonly key: ProvingKey;
  /** `PARTS_AT_ONCE` permits, for all sections together. */
  readonly parts: Semaphore;
  /** So many more points are summed up. */
  readonly onSummed: (section: KeySection, points: number) => void;
}

/** The sum of a section's points, each times the scalar of the same place. */
export function sumG1Section(
  components: SumComponents,
  section: Exclude<KeySection, 'b2'>,
  scalars: Uint8Array,
  options: AbortOptions,
): Promise<G1Point> {
  const group = { bytes: G1_BYTES, multiplyAndAdd: multiplyAndAddG1, add: (points: G1Point[]) => g1.sum(points) };
  return sumSection(components, section, group, scalars, options);
}

export function sumG2Section(
  components: SumComponents,
  section: 'b2',
  scalars: Uint8Array,
  options: AbortOptions,
): Promise<G2Point> {
  const group = { bytes: G2_BYTES, multiplyAndAdd: multiplyAndAddG2, add: (points: G2Point[]) => g2.sum(points) };
  return sumSection(components, section, group, scalars, options);
}

interface Group<F> {
  readonly bytes: number;
  multiplyAndAdd(
    compute: Compute,
    input: { readonly points: Uint8Array; readonly scalars: Uint8Array },
    options: AbortOptions,
  ): Promise<Point<F>>;
  add(points: Point<F>[]): Point<F>;
}

async function sumSection<F>(
  { compute, key, parts, onSummed }: SumComponents,
  section: KeySection,
  group: Group<F>,
  scalars: Uint8Array,
  options: AbortOptions,
): Promise<Point<F>> {
  const count = key.pointsIn(section);
  const partsNeeded = Math.max(1, Math.ceil((count * group.bytes) / partBytes(compute.threads)));
  const perPart = Math.ceil(count / partsNeeded);
  const starts = Array.from({ length: partsNeeded }, (_, i) => i * perPart).filter((start) => start < count);
  const sums = await together(
    starts.map((start) => ({ signal }) => {
      const summed = async () => {
        const size = Math.min(perPart, count - start);
        const points = await key.points(section, start, size, { signal });
        const range = scalars.subarray(start * ELEMENT_BYTES, (start + size) * ELEMENT_BYTES);
        const sum = await group.multiplyAndAdd(compute, { points, scalars: range }, { signal });
        onSummed(section, size);
        return sum;
      };
      return parts.run(summed, { signal });
    }),
    options,
  );
  return group.add(sums);
}
