import { privateKeyFromRaw } from '@libp2p/crypto/keys';
import { identify } from '@libp2p/identify';
import { type ComponentLogger, isPrivateKey, type Libp2p, type Logger } from '@libp2p/interface';
import { mplex } from '@libp2p/mplex';
import { noise } from '@libp2p/noise';
import { tcp } from '@libp2p/tcp';
import { yamux } from '@libp2p/yamux';
import { createLibp2p } from 'libp2p';
import { ExchangeError } from '../errors.ts';
import type { AddressBook } from './listen-addresses.ts';
import { noiseCrypto } from './noise-crypto.ts';
import type { RelayInit } from './relay.ts';

export interface NodeInit {
  /** Raw 32-byte secp256k1 scalar: the reference node reads no other key type (04 §1). */
  readonly privateKey: Uint8Array;
  readonly listenAddrs: readonly string[];
  readonly maxPeers: number;
  readonly agentVersion: string;
  /** Off when left out. */
  readonly relay?: RelayInit;
}

export interface Libp2pHost {
  readonly node: Libp2p;
  readonly addresses: AddressBook;
}

/**
 * A host on a local network may open many connections at once; libp2p would refuse more than 5 per second. The number
 * of connections is bounded by `maxPeers` anyway.
 */
const INBOUND_CONNECTIONS_PER_SECOND_MAX = 200;
const INBOUND_PENDING_MAX = 64;
/** The reference node waits as long for an inbound upgrade (04 §1). */
const UPGRADE_TIMEOUT_MS = 30_000;
/** mplex drops the whole connection above this many new streams per second; its default is 5. */
const MPLEX_STREAMS_PER_SECOND_MAX = 200;
/** A burst of deliveries of the reference node: 20 blocks per message, several messages in flight. */
const MPLEX_QUEUE_MAX_BYTES = 64 * 2 ** 20;
/** A stream that we paused may be sent this much more by yamux; it must fit the read buffer. */
const YAMUX_WINDOW_MAX_BYTES = 4 * 2 ** 20;
const STREAM_READ_BUFFER_MAX_BYTES = 8 * 2 ** 20;
/** Liveness is looked at seldom and patiently: a node that makes a proof may be silent for some seconds. */
const PING_INTERVAL_MS = 30_000;
const PING_TIMEOUT_MS = 20_000;

/**
 * A libp2p host that a reference node can talk to: TCP, noise, secp256k1, and mplex for it; yamux, which has flow
 * control, is offered first and taken by our own nodes. No services besides identify, and relaying if it is asked for.
 */
export async function createNode(init: NodeInit): Promise<Libp2pHost> {
  const privateKey = privateKeyFromRaw(init.privateKey);
  if (!isPrivateKey(privateKey) || privateKey.type !== 'secp256k1') {
    throw new ExchangeError('PEER_ID_INVALID', 'The private key is not a secp256k1 scalar of 32 bytes');
  }
  const { relay } = init;
  const relaying =
    relay && (relay.client || relay.server || relay.relays.length > 0)
      ? (await import('./relay.ts')).relayParts(relay)
      : undefined;
  const node = await createLibp2p({
    start: false,
    privateKey,
    logger: quietLogger,
    nodeInfo: { name: init.agentVersion, version: '', userAgent: init.agentVersion },
    addresses: { listen: [...init.listenAddrs, ...(relaying?.listenAddrs ?? [])] },
    transports: [tcp({ dialOpts: { noDelay: true }, listenOpts: { noDelay: true } }), ...(relaying?.transports ?? [])],
    connectionEncrypters: [noise({ crypto: noiseCrypto })],
    streamMuxers: [
      yamux({
        streamOptions: {
          maxStreamWindowSize: YAMUX_WINDOW_MAX_BYTES,
          maxReadBufferLength: STREAM_READ_BUFFER_MAX_BYTES,
        },
      }),
      mplex({
        disconnectThreshold: MPLEX_STREAMS_PER_SECOND_MAX,
        maxUnprocessedMessageQueueSize: MPLEX_QUEUE_MAX_BYTES,
      }),
    ],
    services: {
      identify: identify(),
      // Not a service of its own: this is how libp2p shows its components.
      addresses: ({ addressManager }): AddressBook => addressManager,
      ...relaying?.services,
    },
    connectionManager: {
      maxConnections: init.maxPeers,
      inboundConnectionThreshold: INBOUND_CONNECTIONS_PER_SECOND_MAX,
      maxIncomingPendingConnections: INBOUND_PENDING_MAX,
      inboundUpgradeTimeout: UPGRADE_TIMEOUT_MS,
    },
    connectionMonitor: {
      pingInterval: PING_INTERVAL_MS,
      pingTimeout: { minTimeout: PING_TIMEOUT_MS, maxTimeout: PING_TIMEOUT_MS },
    },
  });
  return { node, addresses: node.services.addresses as AddressBook };
}

const silence = Object.assign(() => {}, {
  enabled: false,
  trace: Object.assign(() => {}, { enabled: false }),
  error: Object.assign(() => {}, { enabled: false }),
  newScope: (): Logger => quiet,
});
const quiet: Logger = silence as unknown as Logger;

/** libp2p formats its log lines even where nobody reads them; this logger does not. */
const quietLogger: ComponentLogger = { forComponent: () => quiet };
