import { compareDistance, type Identity, type NodeId } from '@codex/discovery';
import { mean, percentile, rounded, type ScenarioResult } from '../../result.ts';
import { conspiracy, HostileNode } from '../hostile-node.ts';
import { DhtNetwork } from '../network.ts';

export interface EclipseParameters {
  readonly seed: number;
  readonly nodes: number;
  /** Nodes that the attacker runs. */
  readonly attackers: number;
  /** Addresses that it has: its nodes share them evenly. */
  readonly addresses?: number;
  readonly searches?: number;
}

/** Keys that the attacker tries for each of its nodes: ids some eight bits nearer than chance gives. */
const TRIES = 256;
const FIRST_PORT = 1000;
const APART_MS = 300;
const EVIL_NETWORK = '203.0.113';

/**
 * Somebody runs many nodes on few addresses, with ids around one content, so that announcements and searches for it
 * reach nobody else.
 */
export async function eclipse(parameters: EclipseParameters): Promise<ScenarioResult> {
  const { seed, nodes, attackers, addresses = 1, searches = 50 } = parameters;
  const network = new DhtNetwork({ seed, faults: { latencyMs: () => 50, loss: 0.02 } });
  await network.grow(nodes);
  await network.clock.advance(30_000);
  const content = network.someId();
  const shared = conspiracy(network);
  const members: HostileNode[] = [];
  const spreading: Promise<void>[] = [];
  for (let i = 0; i < attackers; i++) {
    const listen = { ip: `${EVIL_NETWORK}.${1 + (i % addresses)}`, port: FIRST_PORT + i };
    const member = new HostileNode(network, shared, { malice: 'selfish', identity: near(network, content), listen });
    await member.start();
    spreading.push(member.spread(network.bootstrap));
    members.push(member);
    await network.clock.advance(APART_MS);
  }
  await network.until(Promise.all(spreading));
  await network.clock.advance(60_000);
  const shares = network.nodes.map(({ discovery }) => {
    const told = discovery.table().filter(({ seen }) => seen);
    return told.filter(({ endpoint }) => endpoint.ip.startsWith(EVIL_NETWORK)).length / Math.max(1, told.length);
  });
  const perAddress = network.nodes.map(({ discovery }) => {
    const counts = new Map<string, number>();
    for (const { endpoint } of discovery.table()) counts.set(endpoint.ip, (counts.get(endpoint.ip) ?? 0) + 1);
    return [...counts.values()].reduce((most, count) => Math.max(most, count), 0);
  });
  const [provider] = network.some(1);
  if (!provider) throw new RangeError('A network without nodes');
  await network.until(provider.discovery.provide(content, network.providerRecord(provider.identity)));
  const { peerId } = provider.identity;
  let found = 0;
  const searchers = network.some(searches).filter((node) => node !== provider);
  for (const { discovery } of searchers) {
    const records = await network.until(discovery.findProviders(content));
    if (records.some((record) => record.peerId === peerId)) found++;
  }
  await Promise.all([network.stop(), ...members.map((member) => member.stop())]);
  const most = perAddress.reduce((max, count) => Math.max(max, count), 0);
  return {
    scenario: 'dht-eclipse',
    parameters: { seed, nodes, attackers, addresses, searches },
    figures: {
      'found %': rounded((100 * found) / searchers.length),
      'places of a table that the attacker holds, mean %': rounded(100 * mean(shares)),
      'the same, in the worst of a hundred tables %': rounded(100 * percentile(shares, 0.99)),
      'nodes of one address in a table, at most': most,
    },
    checks: [
      { what: 'found', value: found / searchers.length, atLeast: 0.95 },
      { what: 'nodes of one address in a table', value: most, atMost: 10 },
    ],
    plots: [],
  };
}

/** The nearest of many: identities cost the attacker nothing. */
function near(network: DhtNetwork, target: NodeId): Identity {
  let best = network.identity();
  for (let i = 1; i < TRIES; i++) {
    const other = network.identity();
    if (compareDistance(target, other.nodeId, best.nodeId) < 0) best = other;
  }
  return best;
}
