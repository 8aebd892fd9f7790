import { rounded, type ScenarioResult } from '../../result.ts';
import { lookups } from './lookups.ts';

export interface GrowthParameters {
  readonly seed: number;
  /** Of the networks, from the smallest. */
  readonly sizes: readonly number[];
  readonly searches: number;
}

/** The same in networks of several sizes: what grows with them, and how fast. */
export async function growth({ seed, sizes, searches }: GrowthParameters): Promise<ScenarioResult> {
  const figures: Record<string, number> = {};
  const hops: [number, number][] = [];
  const datagrams: [number, number][] = [];
  let least = 1;
  for (const nodes of sizes) {
    const { figures: of, checks } = await lookups({ seed, nodes, searches });
    for (const key of ['found %', 'hops', 'requests per walk', 'datagrams per search', 'first provider ms p50']) {
      figures[`${nodes} nodes: ${key}`] = of[key] ?? 0;
    }
    hops.push([nodes, of.hops ?? 0]);
    datagrams.push([nodes, of['datagrams per search'] ?? 0]);
    for (const { value } of checks) least = Math.min(least, value);
  }
  const slopes = hops.slice(1).map(([nodes, value], i) => {
    const [previous, less] = hops[i] ?? [1, 0];
    return (value - less) / Math.log2(nodes / previous);
  });
  const steepest = rounded(slopes.reduce((most, slope) => Math.max(most, slope), 0));
  const axes = { title: 'Networks of several sizes', xLabel: 'nodes', logX: true };
  return {
    scenario: 'dht-growth',
    parameters: { seed, sizes: sizes.join(' '), searches },
    figures: { ...figures, 'hops for each doubling, at most': steepest },
    checks: [
      { what: 'found, in the worst of them', value: least, atLeast: 0.99 },
      // A walk that gains one bit at each hop takes one more for each doubling.
      { what: 'hops for each doubling', value: steepest, atMost: 1 },
    ],
    plots: [
      { ...axes, name: 'hops', yLabel: 'hops of a walk, mean', series: [{ name: 'hops', points: hops }] },
      {
        ...axes,
        name: 'datagrams',
        yLabel: 'datagrams of a search, mean',
        series: [{ name: 'sent and received', points: datagrams }],
      },
    ],
  };
}
