import { type Discovery, endpointText, NodeId } from '@codex/discovery';
import type { PeerNetwork } from '@codex/exchange';
import type { ApiPeers, RoutingNode } from '../api/index.ts';
import { dialableAddresses } from './dialable.ts';

/** What the REST API shows of the DHT, in the forms of 06 §3. */
export function peerRecords(components: {
  readonly discovery: Pick<Discovery, 'resolve'>;
  readonly network: Pick<PeerNetwork, 'listenAddrs'>;
  readonly announced: () => readonly string[];
}): ApiPeers {
  return {
    async find(peerId, options) {
      const nodeId = NodeId.ofPeerId(peerId);
      const record = nodeId && (await components.discovery.resolve(nodeId, options));
      if (!record) return undefined;
      const { seq, addresses } = record;
      const own = { listening: components.network.listenAddrs(), announced: components.announced() };
      return { seq, addresses, dialable: dialableAddresses(addresses, own) };
    },
  };
}

export function routingTable(discovery: Pick<Discovery, 'table'>): RoutingNode[] {
  return discovery.table().map(({ record, endpoint, seen }) => ({
    nodeId: nodeIdText(record.nodeId),
    peerId: record.peerId,
    record: record.toString(),
    address: endpointText(endpoint),
    seen,
  }));
}

/** Hex without leading zeros, as the reference writes it. */
export function nodeIdText(nodeId: NodeId): string {
  return nodeId.hex.replace(/^0+(?=.)/, '');
}
