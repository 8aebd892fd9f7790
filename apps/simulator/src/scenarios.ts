import { churn } from './dht/scenarios/churn.ts';
import { eclipse } from './dht/scenarios/eclipse.ts';
import { growth } from './dht/scenarios/growth.ts';
import { hostile } from './dht/scenarios/hostile.ts';
import { lookups } from './dht/scenarios/lookups.ts';
import { reflection } from './dht/scenarios/reflection.ts';
import type { ScenarioResult } from './result.ts';

/** What can be chosen for every scenario; each has a size of its own otherwise. */
export interface Size {
  readonly seed: number;
  readonly nodes?: number;
  readonly searches?: number;
}

const searchesFor = (nodes: number) => Math.min(1000, Math.max(100, nodes));

function sized(nodes: number, run: (size: Required<Size>) => Promise<ScenarioResult>) {
  return (size: Size) => run({ nodes, searches: searchesFor(size.nodes ?? nodes), ...size });
}

/** Networks of a growing scenario, each at most as large as the given one. */
const SIZES = [100, 300, 1000, 3000];

/** By the name that the command line takes. */
export const SCENARIOS: ReadonlyMap<string, (size: Size) => Promise<ScenarioResult>> = new Map([
  ['dht-lookups', sized(1000, lookups)],
  [
    'dht-growth',
    sized(3000, ({ seed, nodes, searches }) => {
      const smaller = SIZES.filter((size) => size < nodes);
      return growth({ seed, sizes: [...smaller, nodes], searches: Math.min(searches, 200) });
    }),
  ],
  ['dht-churn', sized(1000, churn)],
  ['dht-hostile', sized(1000, hostile)],
  ['dht-eclipse', sized(300, ({ seed, nodes }) => eclipse({ seed, nodes, attackers: Math.ceil(nodes / 3) }))],
  ['dht-reflection', sized(100, ({ seed, nodes }) => reflection({ seed, nodes }))],
]);
