import { ErasureError } from '../errors.ts';

/** Rows of a code word: data rows K and parity rows M. */
export interface CodeParameters {
  readonly data: number;
  readonly parity: number;
}

/** The larger field has this many points, one for each row (02 §3). */
export const CODE_ROWS_MAX = 65_536;
/** Shards are whole chunks: the larger field keeps the halves of 32 symbols in each (02 §4). */
export const CHUNK_BYTES = 64;
/** The smaller field has this many points. */
const SMALL_FIELD_ROWS_MAX = 256;

/** How the rows of a code lie on the points of a field (02 §3, §5). */
export interface CodeLayout {
  /** Points of parity rows, a power of two: data row i is at point `parityPoints + i`. */
  readonly parityPoints: number;
  /** Points in all, a power of two. */
  readonly points: number;
  /** Bits of a symbol. */
  readonly bits: 8 | 16;
}

/** Error: `ERASURE_PARAMETERS_INVALID` unless 1 ≤ M ≤ K and the rows, M rounded up, fit the larger field. */
export function checkParameters({ data, parity }: CodeParameters): CodeLayout {
  const counted = Number.isSafeInteger(data) && Number.isSafeInteger(parity);
  if (!counted || parity < 1 || parity > data || data + parity > CODE_ROWS_MAX) {
    throw new ErasureError('ERASURE_PARAMETERS_INVALID', `There is no code of ${data} data and ${parity} parity rows`, {
      data,
      parity,
    });
  }
  const parityPoints = powerOfTwo(parity);
  const points = powerOfTwo(parityPoints + data);
  if (points > CODE_ROWS_MAX) {
    throw new ErasureError(
      'ERASURE_PARAMETERS_INVALID',
      `${data} data rows and ${parity} parity rows, rounded up to ${parityPoints}, need more than ${CODE_ROWS_MAX} points`,
      { data, parity },
    );
  }
  return { parityPoints, points, bits: points <= SMALL_FIELD_ROWS_MAX ? 8 : 16 };
}

/** The smallest power of two that is not below `count`. */
export function powerOfTwo(count: number): number {
  let power = 1;
  while (power < count) power *= 2;
  return power;
}
