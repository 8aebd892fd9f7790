import type { ScenarioResult } from '../../result.ts';
import { conspiracy, HostileNode, type Malice } from '../hostile-node.ts';
import { DhtNetwork } from '../network.ts';
import { announceSome, Searches } from '../searches.ts';
import { tableHealth } from '../table-health.ts';

export interface HostileParameters {
  readonly seed: number;
  /** All of them. */
  readonly nodes: number;
  readonly searches: number;
  readonly hostileShare?: number;
  /** One third each when left out. */
  readonly malice?: Malice;
}

const KINDS: readonly Malice[] = ['silent', 'junk', 'selfish'];
const STAGGER_MS = 50;
const WALKS = 50;

/** A part of the nodes, with ids and addresses as good as others', lies. They are known before anything is announced. */
export async function hostile(parameters: HostileParameters): Promise<ScenarioResult> {
  const { seed, nodes, searches: count, hostileShare = 0.2, malice } = parameters;
  const network = new DhtNetwork({ seed, faults: { latencyMs: () => 50, loss: 0.02 } });
  const liars = Math.round(nodes * hostileShare);
  await network.grow(nodes - liars);
  const shared = conspiracy(network);
  const members: HostileNode[] = [];
  const spreading: Promise<void>[] = [];
  for (let i = 0; i < liars; i++) {
    const member = new HostileNode(network, shared, { malice: malice ?? KINDS[i % KINDS.length] ?? 'junk' });
    await member.start();
    spreading.push(member.spread(network.bootstrap));
    members.push(member);
    await network.clock.advance(STAGGER_MS);
  }
  await network.until(Promise.all(spreading));
  await network.clock.advance(60_000);
  const hostileIds = new Set(members.map(({ record }) => record.nodeId.hex));
  const places = network.nodes.flatMap(({ discovery }) => discovery.table().filter(({ seen }) => seen));
  const held = places.filter(({ record }) => hostileIds.has(record.nodeId.hex)).length / Math.max(1, places.length);
  const offers = await announceSome(network, Math.max(2, Math.ceil(nodes / 10)));
  const searches = new Searches(network, offers);
  await searches.search(count);
  await searches.walk(WALKS);
  const health = tableHealth(network);
  await Promise.all([network.stop(), ...members.map((member) => member.stop())]);
  return {
    scenario: 'dht-hostile',
    parameters: { seed, nodes, searches: count, hostileShare, malice: malice ?? 'mixed', latencyMs: 50, loss: 0.02 },
    figures: {
      ...searches.figures(),
      'places of tables that hostile nodes hold %': Math.round(1000 * held) / 10,
      'nodes in a table p50': health['nodes in a table p50'] ?? 0,
    },
    checks: [{ what: 'found', value: searches.rate, atLeast: 0.95 }],
    plots: [
      {
        name: 'first-provider',
        title: `${nodes} nodes, ${100 * hostileShare} % of them hostile: until a provider is found`,
        xLabel: 'milliseconds',
        yLabel: '% of searches',
        series: [{ name: `${count} searches`, points: searches.firstMs }],
      },
    ],
  };
}
