import { ContentError } from './errors.ts';

/** How the indices of a dataset are split (01 §9): linear = consecutive, stepped = every n-th. */
export const STRATEGY = { linear: 0, stepped: 1 } as const;
export type IndexStrategy = (typeof STRATEGY)[keyof typeof STRATEGY];

export interface IndexSplit {
  readonly strategy: IndexStrategy;
  /** First and last index, both included. */
  readonly first: number;
  readonly last: number;
  /** Number of groups. */
  readonly iterations: number;
  /** For slots: how many padding indices behind `last` each group gets, and how many groups there are. */
  readonly padBlockCount?: number;
  readonly groupCount?: number;
}

function check(split: IndexSplit, iteration: number): void {
  const { first, last, iterations, padBlockCount = 0, groupCount = 0 } = split;
  const whole = [first, last, iterations, padBlockCount, groupCount, iteration].every(Number.isSafeInteger);
  let reason: string | undefined;
  if (!whole || first < 0) reason = 'indices are whole numbers';
  else if (first > last) reason = 'the first index is above the last';
  else if (iterations <= 0) reason = 'there must be at least one iteration';
  else if (iteration < 0 || iteration >= iterations) reason = 'no such iteration';
  else if (padBlockCount < 0) reason = 'padding cannot be negative';
  else if (padBlockCount > 0 && groupCount <= 0) reason = 'padding needs groups';
  if (reason) throw new ContentError('INDEXING_INVALID', `Cannot split: ${reason}`, { ...split, iteration, reason });
}

/** The indices of one group, in order. Error: `INDEXING_INVALID` at the first step. */
export function* groupIndices(split: IndexSplit, iteration: number): Generator<number> {
  check(split, iteration);
  const { strategy, first, last, iterations, padBlockCount = 0, groupCount = 0 } = split;
  if (strategy === STRATEGY.linear) {
    const step = Math.ceil((last - first + 1) / iterations);
    const end = Math.min(first + (iteration + 1) * step - 1, last);
    for (let index = first + iteration * step; index <= end; index++) yield index;
  } else {
    for (let index = first + iteration; index <= last; index += iterations) yield index;
  }
  for (let k = 0; k < padBlockCount; k++) yield last + (iteration + 1) + k * groupCount;
}
