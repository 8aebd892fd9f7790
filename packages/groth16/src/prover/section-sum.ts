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
import type { AbortOptions } from '@codex/runtime';
import { ELEMENT_BYTES } from '../format/elements.ts';
import type { KeySection, ProvingKey } from '../format/types.ts';
import type { PartReader } from './part-reader.ts';
import { together } from './together.ts';

export interface SumComponents {
  readonly compute: Compute;
  readonly key: ProvingKey;
  /** For all sections together. */
  readonly parts: PartReader;
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
  // Parts are equal, so that none ends with a job that is too small to be worth its buckets.
  const most = Math.floor(parts.partBytes / group.bytes);
  const perPart = Math.ceil(count / Math.ceil(count / most));
  const starts = Array.from({ length: Math.ceil(count / most) }, (_, i) => i * perPart).filter(
    (start) => start < count,
  );
  const sums = await together(
    starts.map((start) => (inner) => {
      const part = { section, start, count: Math.min(perPart, count - start) };
      const range = scalars.subarray(start * ELEMENT_BYTES, (start + part.count) * ELEMENT_BYTES);
      const summed = async (points: Uint8Array) => {
        const sum = await group.multiplyAndAdd(compute, { points, scalars: range }, inner);
        onSummed(section, part.count);
        return sum;
      };
      return parts.use(part, summed, inner);
    }),
    options,
  );
  return group.add(sums);
}
