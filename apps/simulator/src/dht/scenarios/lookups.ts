import { rounded, type ScenarioResult } from '../../result.ts';
import { DhtNetwork } from '../network.ts';
import { announceSome, Searches } from '../searches.ts';
import { tableHealth } from '../table-health.ts';

export interface LookupsParameters {
  readonly seed: number;
  readonly nodes: number;
  readonly searches: number;
  readonly latencyMs?: number;
  readonly loss?: number;
  /** Walks to random ids, whose hops are counted. */
  readonly walks?: number;
  readonly realCurve?: boolean;
}

/** For tables to fill after joining. */
const SETTLE_MS = 30_000;
/** How long nodes are watched that have nothing to do but to get to know each other. */
const IDLE_MS = 30_000;

/** Nodes search what a tenth of them announced, over slow and lossy links. */
export async function lookups(parameters: LookupsParameters): Promise<ScenarioResult> {
  const { seed, nodes, searches: count, latencyMs = 50, loss = 0.05, walks = 200, realCurve = false } = parameters;
  const network = new DhtNetwork({ seed, realCurve, faults: { latencyMs: () => latencyMs, loss } });
  await network.grow(nodes);
  await network.clock.advance(SETTLE_MS);
  const health = tableHealth(network);
  const before = network.links.counts.sent;
  await network.clock.advance(IDLE_MS);
  const idle = ((network.links.counts.sent - before) / nodes) * (60_000 / IDLE_MS);
  const offers = await announceSome(network, Math.max(2, Math.ceil(nodes / 10)));
  const searches = new Searches(network, offers);
  await searches.search(count);
  await searches.walk(walks);
  await network.stop();
  return {
    scenario: 'dht-lookups',
    parameters: { seed, nodes, searches: count, latencyMs, loss, walks },
    figures: { ...searches.figures(), ...health, 'datagrams a node sends a minute, soon after joining': rounded(idle) },
    checks: [{ what: 'found', value: searches.rate, atLeast: 0.99 }],
    plots: [
      {
        name: 'first-provider',
        title: `${nodes} nodes, ${latencyMs} ms one way, ${100 * loss} % loss: until a provider is found`,
        xLabel: 'milliseconds',
        yLabel: '% of searches',
        series: [{ name: `${count} searches`, points: searches.firstMs }],
      },
    ],
  };
}
