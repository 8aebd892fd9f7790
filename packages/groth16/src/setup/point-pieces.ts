import { G1_BYTES, G2_BYTES, g1, g2, multiplyFixedG1, multiplyFixedG2 } from '@codex/bn254';
import type { Compute } from '@codex/compute';
import type { AbortOptions } from '@codex/runtime';
import { sharedBytes } from './shared-arrays.ts';

/** Points that are made at a time: enough for jobs of a useful size on all threads; a piece takes 8 MiB, or 16 MiB in G2. */
export const PIECE_POINTS_MAX = 1 << 17;

/** A group with its generator: what the kernels multiply, and what it costs beside G1. */
export interface Group {
  readonly pointBytes: number;
  readonly cost: number;
  multiply(compute: Compute, scalars: Uint8Array, target: Uint8Array, options: AbortOptions): Promise<void>;
}

export const FIRST_GROUP: Group = {
  pointBytes: G1_BYTES,
  cost: 1,
  multiply: (compute, scalars, target, options) =>
    multiplyFixedG1(compute, { base: g1.generator, scalars, target }, options),
};

export const SECOND_GROUP: Group = {
  pointBytes: G2_BYTES,
  cost: 3,
  multiply: (compute, scalars, target, options) =>
    multiplyFixedG2(compute, { base: g2.generator, scalars, target }, options),
};

export interface PieceOptions extends AbortOptions {
  /** Called after each piece with what it cost, in points of G1. */
  readonly onCost?: ((cost: number) => void) | undefined;
}

/** The scalars of points from `first` on, `PIECE_POINTS_MAX` at most; the next call may overwrite them. */
export type ScalarsOf = (first: number, count: number, options: AbortOptions) => Promise<Uint8Array>;

/**
 * The generator times each scalar, as keys hold points, in pieces. While a piece is used the next one is made; asking for that one gives
 * up the piece, whose memory is used again.
 */
export async function* pointPieces(
  compute: Compute,
  { group, count, scalarsOf }: { group: Group; count: number; scalarsOf: ScalarsOf },
  { signal, onCost }: PieceOptions,
): AsyncGenerator<Uint8Array, void> {
  const { pointBytes, cost } = group;
  const buffers = [0, 1].map(() => sharedBytes(Math.min(count, PIECE_POINTS_MAX) * pointBytes));
  const make = async (first: number): Promise<Uint8Array | undefined> => {
    if (first >= count) return undefined;
    const points = Math.min(PIECE_POINTS_MAX, count - first);
    const target = buffers[(first / PIECE_POINTS_MAX) % 2]!.subarray(0, points * pointBytes);
    await group.multiply(compute, await scalarsOf(first, points, { signal }), target, { signal });
    onCost?.(points * cost);
    return target;
  };
  let next = make(0);
  try {
    for (let first = 0; ; first += PIECE_POINTS_MAX) {
      const piece = await next;
      if (!piece) return;
      next = make(first + PIECE_POINTS_MAX);
      // If it fails, that shows when it is asked for.
      next.catch(() => {});
      yield piece;
    }
  } finally {
    // Who does not ask for more may overwrite the scalars.
    await next.catch(() => {});
  }
}
