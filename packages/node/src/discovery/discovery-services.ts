import type { Repository } from '@codex/content';
import { type Discovery, endpointText } from '@codex/discovery';
import type { PeerFinder, PeerNetwork } from '@codex/exchange';
import type { Clock, Logger, MetricsRegistry, Random, Startable } from '@codex/runtime';
import type { Announcement } from '../announcement.ts';
import type { ApiNode, ApiPeers } from '../api/index.ts';
import { Advertiser } from './advertiser.ts';
import { nodeIdText, peerRecords, routingTable } from './peer-records.ts';
import { ProviderFinder } from './provider-finder.ts';

export interface DiscoveryServicesComponents {
  readonly discovery: Discovery;
  readonly announcement: Announcement;
  readonly network: PeerNetwork;
  readonly repository: Repository;
  readonly clock: Clock;
  readonly random: Random;
  readonly metrics: MetricsRegistry;
  /** A logger for each topic. */
  readonly logger: (topics: string) => Logger;
}

/** What a node does with the DHT. */
export interface DiscoveryServices {
  /** For the exchange. */
  readonly finder: PeerFinder;
  /** Started after the announcement: the own record follows the addresses, and content is announced. */
  readonly record: Startable;
  readonly advertiser: Startable;
  /** For the REST API. */
  readonly peers: ApiPeers;
  readonly shown: Pick<ApiNode, 'nodeId' | 'discoveryAddress' | 'routingTable'>;
}

export function discoveryServices(
  components: DiscoveryServicesComponents,
  init: { maxPeers: number },
): DiscoveryServices {
  const { discovery, announcement, network, repository, clock, random, metrics } = components;
  const announced = () => announcement.tcp;
  const advertiser = new Advertiser({
    repository,
    discovery,
    record: () => announcement.providerRecord,
    clock,
    random,
    metrics,
    logger: components.logger('codex discoveryengine advertiser'),
  });
  const finder = new ProviderFinder(
    {
      discovery,
      network,
      advertiser,
      announced,
      clock,
      metrics,
      logger: components.logger('codex discoveryengine'),
    },
    init,
  );
  const offs: (() => void)[] = [];
  const announce = () => discovery.announce(announcement.dhtAddresses);
  const logger = components.logger('codex discv5');
  const tellJoined = () => logger.info('Joined the DHT', { nodes: discovery.table().length });
  return {
    finder,
    record: {
      start() {
        announce();
        // A failure is logged where it happens.
        discovery.joined.then(tellJoined, () => {});
        offs.push(
          announcement.onChange(() => {
            announce();
            advertiser.refresh();
          }),
          discovery.onObserved((endpoint) => void announcement.observed(endpoint)),
        );
      },
      stop() {
        for (const off of offs) off();
      },
    },
    advertiser: {
      start: () => advertiser.start(),
      stop() {
        finder.stop();
        return advertiser.stop();
      },
    },
    peers: peerRecords({ discovery, network, announced }),
    shown: {
      nodeId: () => nodeIdText(discovery.nodeId),
      discoveryAddress: () => (discovery.local ? endpointText(discovery.local) : null),
      routingTable: () => routingTable(discovery),
    },
  };
}
