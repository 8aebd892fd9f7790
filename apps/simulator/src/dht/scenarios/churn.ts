import type { ScenarioResult } from '../../result.ts';
import { DhtNetwork } from '../network.ts';
import { announceSome, Searches } from '../searches.ts';
import { tableHealth } from '../table-health.ts';

export interface ChurnParameters {
  readonly seed: number;
  readonly nodes: number;
  readonly searches: number;
  readonly minutes?: number;
  /** Of all nodes. */
  readonly replacedShare?: number;
}

/** Bootstrap nodes that stay. */
const STAYING = 3;
/** When searches are made: after each tenth of the time. */
const ROUNDS = 10;
const WALKS = 50;

/**
 * Nodes go without a word, one after the other, and as many new ones come. What is searched was announced once, at the
 * beginning, by nodes that stay: real ones tell again every half hour.
 */
export async function churn(parameters: ChurnParameters): Promise<ScenarioResult> {
  const { seed, nodes, searches: count, minutes = 60, replacedShare = 0.5 } = parameters;
  const network = new DhtNetwork({ seed, faults: { latencyMs: () => 50, loss: 0.02 } });
  await network.grow(nodes);
  await network.clock.advance(60_000);
  const offers = await announceSome(network, Math.max(2, Math.ceil(nodes / 20)));
  const staying = new Set([...network.nodes.slice(0, STAYING), ...offers.map(({ provider }) => provider)]);
  const original = network.nodes.filter((node) => !staying.has(node));
  const searches = new Searches(network, offers);
  const replaced = Math.round(nodes * replacedShare);
  const overTime: [number, number][] = [];
  for (let round = 1; round <= ROUNDS; round++) {
    const share = Math.round((replaced * round) / ROUNDS) - Math.round((replaced * (round - 1)) / ROUNDS);
    for (let i = 0; i < share; i++) {
      const [gone] = original.splice(network.random.int(original.length), 1);
      if (gone) network.kill(gone);
      await network.add();
      await network.clock.advance((minutes * 60_000) / replaced);
    }
    const part = new Searches(network, offers);
    await part.search(Math.ceil(count / ROUNDS));
    searches.searches.push(...part.searches);
    overTime.push([(minutes * round) / ROUNDS, 100 * part.rate]);
  }
  const [, last = 0] = overTime.at(-1) ?? [];
  await searches.walk(WALKS);
  const health = tableHealth(network);
  await network.stop();
  return {
    scenario: 'dht-churn',
    parameters: { seed, nodes, searches: count, minutes, replacedShare, latencyMs: 50, loss: 0.02 },
    figures: { ...searches.figures(), 'found at the end %': last, ...health },
    checks: [
      { what: 'found', value: searches.rate, atLeast: 0.97 },
      { what: 'found when all have been replaced', value: last / 100, atLeast: 0.97 },
    ],
    plots: [
      {
        name: 'found',
        title: `${nodes} nodes, ${100 * replacedShare} % replaced within ${minutes} minutes`,
        xLabel: 'minutes',
        yLabel: '% of searches that find',
        series: [{ name: 'found', points: overTime }],
      },
    ],
  };
}
