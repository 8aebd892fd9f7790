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
import { type Clock, isCodexError, type Logger, type MetricsRegistry, type Random } from '@codex/runtime';
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
      datagrams: components.datagrams ?? new UdpDatagrams(components),
      storage: openStorage(join(config.dataDir, 'dht'), logger),
    },
    { listen, bootstrap: bootstrapRecords(config.bootstrapNode, logger) },
  );
  const start = () =>
    discovery.start().catch((error: unknown) => {
      if (!isCodexError(error, 'BIND_FAILED')) throw error;
      const cause = error.cause instanceof Error ? error.cause : error;
      throw listenError(cause, { host: listen.ip, port: listen.port }, 'disc-port');
    });
  let stopping: Promise<void> | undefined;
  const stop = () => {
    stopping ??= discovery.stop();
    return stopping;
  };
  return { discovery, start, stop };
}

/** What is kept can be found again in the network: a damaged file is no reason not to start. */
function openStorage(path: string, logger: Logger): DiscoveryStorage {
  const tell = (error: unknown) =>
    logger.error('What was kept of the DHT cannot be read: going on without. Delete the directory', { path, error });
  try {
    const storage = LmdbStorage.open(path);
    return {
      async *entries() {
        try {
          yield* storage.entries();
        } catch (error) {
          tell(error);
        }
      },
      write: (changes) => storage.write(changes),
      close: () => storage.close(),
    };
  } catch (error) {
    tell(error);
    return new MemoryStorage();
  }
}
