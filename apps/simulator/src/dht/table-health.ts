import { compareDistance } from '@codex/discovery';
import { mean, percentile, rounded } from '../result.ts';
import type { DhtNetwork } from './network.ts';

/** As many neighbours as a content is stored with. */
const NEIGHBOURS = 16;
/** Nodes whose tables are looked into. */
const SAMPLE = 100;

/** How well the tables of some nodes describe the network. */
export function tableHealth(network: DhtNetwork): Record<string, number> {
  const alive = new Set(network.nodes.map(({ discovery }) => discovery.nodeId.hex));
  const sizes: number[] = [];
  const living: number[] = [];
  const neighbours: number[] = [];
  for (const { discovery } of network.some(SAMPLE)) {
    const told = discovery.table().filter(({ seen }) => seen);
    const known = new Set(told.map(({ record }) => record.nodeId.hex));
    const { nodeId } = discovery;
    const nearest = network.nodes
      .map((node) => node.discovery.nodeId)
      .filter((id) => !id.equals(nodeId))
      .sort((a, b) => compareDistance(nodeId, a, b))
      .slice(0, NEIGHBOURS);
    sizes.push(known.size);
    living.push(mean([...known].map((id) => Number(alive.has(id)))));
    neighbours.push(mean(nearest.map((id) => Number(known.has(id.hex)))));
  }
  return {
    'nodes in a table p50': percentile(sizes, 0.5),
    'of them alive %': rounded(100 * mean(living)),
    'of the 16 neighbours known %': rounded(100 * mean(neighbours)),
  };
}
