import { processorMs } from './process-usage.ts';

/** One of those that are measured side by side. Resolves to figures, e.g. `{ 'MB/s': 512 }`. */
export interface Contender<K extends string> {
  readonly name: string;
  round(round: number): Promise<Record<K, number>>;
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

/**
 * Lets the contenders take turns, in another order each round, after a round that is not counted; returns the median of
 * each figure by contender. Turns spread whatever else the machine does over all of them.
 */
export async function contest<K extends string>(
  contenders: readonly Contender<K>[],
  rounds: number,
  note: (text: string) => void,
): Promise<Map<string, Record<K, number>>> {
  const figures = new Map<string, Record<K, number>[]>(contenders.map(({ name }) => [name, []]));
  for (let round = 0; round <= rounds; round++) {
    const turn = round % contenders.length;
    for (const contender of [...contenders.slice(turn), ...contenders.slice(0, turn)]) {
      const result = await contender.round(round);
      const text = Object.entries<number>(result).map(([unit, value]) => `${value.toFixed(1)} ${unit}`);
      note(`${round === 0 ? 'warm-up' : `round ${round}`}  ${contender.name}: ${text.join(', ')}`);
      if (round > 0) figures.get(contender.name)?.push(result);
    }
  }
  return new Map(
    [...figures].map(([name, results]) => {
      const keys = Object.keys(results[0] ?? {}) as K[];
      const medians = keys.map((key) => [key, median(results.map((result) => result[key]))] as const);
      return [name, Object.fromEntries(medians) as Record<K, number>];
    }),
  );
}

/** Runs `work` and adds the processor time that `pids` used meanwhile, ms for each 10^9 bytes. */
export async function withProcessor<T extends { readonly bytes: number }>(
  pids: readonly number[],
  work: () => Promise<T>,
) {
  const before = processorMs(...pids);
  const result = await work();
  return { result, 'CPU ms/GB': (processorMs(...pids) - before) / (result.bytes / 1e9) };
}

/** MB/s with M = 10^6. */
export const megabytesPerSecond = (timing: { readonly bytes: number; readonly ms: number }) =>
  timing.bytes / 1e3 / timing.ms;
