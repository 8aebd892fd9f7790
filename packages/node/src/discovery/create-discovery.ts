import { join } from 'node:path';
import {
  type DatagramNetwork,
  Discovery,
  type DiscoveryStorage,
  type Endpoint,
  type Identity,
  LmdbStorage,
  MemoryStorage,
  UdpDatagrams,
} from '@codex/discovery';
import type { Clock, Logger, MetricsRegistry, Random } from '@codex/runtime';
import type { NodeConfig } from '../config/index.ts';
import { listenError } from '../listen.ts';
import { bootstrapRecords } from './bootstrap.ts';
import { udpEndpoint } from './udp-address.ts';

export interface DiscoveryPart {
  readonly discovery: Discovery;
  /** Error: LISTEN_FAILED when the socket cannot be bound. */
  readonly start: () => Promise<void>;
  /** Also twice, and without a start: the directory is open from the beginning. */
  readonly stop: () => Promise<void>;
}

/** The node's place in the DHT, with what it knew when it ran last. */
export function createDiscovery(
  components: {
    readonly identity: Identity;
    readonly datagrams: DatagramNetwork | undefined;
    readonly clock: Clock;
    readonly random: Random;
    readonly logger: Logger;
    readonly metrics: MetricsRegistry;
  },
  config: Pick<NodeConfig, 'discIp' | 'discPort' | 'listenAddrs' | 'bootstrapNode'> & { readonly dataDir: string },
): DiscoveryPart {
  const { logger } = components;
  const listen: Endpoint = udpEndpoint(config);
  const discovery = new Discovery(
    {
      ...components,
      datagrams: components.datagrams ?? new UdpDatagrams(),
      storage: openStorage(join(config.dataDir, 'dht'), logger),
    },
    { listen, bootstrap: bootstrapRecords(config.bootstrapNode, logger) },
  );
  const start = () =>
    discovery
      .start()
      .catch((error: unknown) =>
        Promise.reject(listenError(causeOf(error), { host: listen.ip, port: listen.port }, 'disc-port')),
      );
  let stopping: Promise<void> | undefined;
  const stop = () => {
    stopping ??= discovery.stop();
    return stopping;
  };
  return { discovery, start, stop };
}

/** What is kept can be found again in the network: a damaged file is no reason not to start. */
function openStorage(path: string, logger: Logger): DiscoveryStorage {
  try {
    return LmdbStorage.open(path);
  } catch (error) {
    logger.error('What was known of the DHT cannot be read; nothing is kept. Delete the directory', { path, error });
    return new MemoryStorage();
  }
}

/** The error of the socket itself, which says whether the port is taken. */
function causeOf(error: unknown): NodeJS.ErrnoException {
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
  return cause instanceof Error ? cause : new Error(String(cause));
}
