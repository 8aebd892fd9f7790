import {
  type AbortOptions,
  type Cancel,
  type Clock,
  type Logger,
  type MetricsRegistry,
  noMetrics,
  type Random,
  silentLogger,
  systemClock,
} from '@codex/runtime';
import type { Connection, Libp2p, PeerId } from '@libp2p/interface';
import { ExchangeError } from '../errors.ts';
import { isRelayed, parseAddresses, parsePeerAddress, parsePeerId } from './addresses.ts';
import { createNode, type Libp2pHost, type NodeInit } from './libp2p-node.ts';
import { Libp2pStream } from './libp2p-stream.ts';
import { type AddressBook, listenAddresses } from './listen-addresses.ts';
import type { HandleOptions, PeerNetwork, PeerStream, StreamHandler } from './network.ts';
import { StaticPeers } from './static-peers.ts';
import { widenWindow } from './yamux-window.ts';

export interface Libp2pNetworkInit extends NodeInit {
  /** Peers to keep connected, as `/ip4/…/tcp/…/p2p/<peer id>`. */
  readonly staticPeers?: readonly string[];
}

export interface Libp2pNetworkComponents {
  readonly clock?: Clock;
  readonly random?: Random;
  readonly logger?: Logger;
  readonly metrics?: MetricsRegistry;
}

const DIAL_TIMEOUT_MS = 15_000;
const STREAM_TIMEOUT_MS = 10_000;
const DISCONNECT_TIMEOUT_MS = 2_000;
/** Streams of one protocol and peer, as the reference node allows them (04 §1). */
const INBOUND_STREAMS_MAX = 100;
/** Two peers that dial each other at once get two connections; both see both after this time, and one is closed. */
const SURPLUS_CONNECTION_MS = 1_000;

/** The real network: libp2p over TCP. */
export class Libp2pNetwork implements PeerNetwork {
  readonly #node: Libp2p;
  readonly #addresses: AddressBook;
  readonly #maxPeers: number;
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #static: StaticPeers;
  readonly #dials: ReturnType<typeof dialCounters>;
  readonly #connected = new Set<string>();
  readonly #connectListeners = new Set<(peer: string) => void>();
  readonly #disconnectListeners = new Set<(peer: string) => void>();
  readonly #surplusChecks = new Set<Cancel>();
  #running = false;

  private constructor(host: Libp2pHost, init: Libp2pNetworkInit, components: Libp2pNetworkComponents) {
    const { node } = host;
    this.#node = node;
    this.#addresses = host.addresses;
    this.#maxPeers = init.maxPeers;
    this.#clock = components.clock ?? systemClock;
    this.#logger = components.logger ?? silentLogger;
    this.#dials = dialCounters(components.metrics ?? noMetrics);
    const peers = [...(init.staticPeers ?? []), ...(init.relay?.relays ?? [])].map((text) => {
      const { peer, address } = parsePeerAddress(text);
      return { peer, addrs: [address] };
    });
    this.#static = new StaticPeers({ ...components, network: this }, { peers });
    node.addEventListener('peer:connect', (event) => this.#onConnect(event.detail));
    node.addEventListener('peer:disconnect', (event) => this.#onDisconnect(event.detail));
    node.addEventListener('connection:open', (event) => this.#onConnection(event.detail));
  }

  /** Makes the host without listening yet. Errors: `PEER_ID_INVALID` for a bad key, those of `staticPeers` and relays. */
  static async create(init: Libp2pNetworkInit, components: Libp2pNetworkComponents = {}): Promise<Libp2pNetwork> {
    return new Libp2pNetwork(await createNode(init), init, components);
  }

  get peerId(): string {
    return this.#node.peerId.toString();
  }

  async start(): Promise<void> {
    await this.#node.start();
    // Peers are told of them from the first connection on.
    listenAddresses(this.#addresses);
    this.#running = true;
    this.#static.start();
  }

  async stop(): Promise<void> {
    this.#running = false;
    this.#static.stop();
    for (const cancel of this.#surplusChecks) cancel();
    for (const connection of this.#node.getConnections()) connection.abort(new Error('stopping'));
    await this.#node.stop();
  }

  listenAddrs(): string[] {
    return listenAddresses(this.#addresses);
  }

  peers(): string[] {
    return [...this.#connected];
  }

  onConnect(listener: (peer: string) => void): () => void {
    this.#connectListeners.add(listener);
    return () => this.#connectListeners.delete(listener);
  }

  onDisconnect(listener: (peer: string) => void): () => void {
    this.#disconnectListeners.add(listener);
    return () => this.#disconnectListeners.delete(listener);
  }

  async connect(peer: string, addrs: readonly string[], options?: AbortOptions): Promise<void> {
    const peerId = parsePeerId(peer);
    if (peerId.equals(this.#node.peerId)) throw new ExchangeError('PEER_ID_INVALID', 'That is this node', { peer });
    const addresses = parseAddresses(peerId, addrs);
    this.#assertRunning();
    const connected = this.#connected.has(peer);
    if (connected && !(this.#isRelayed(peerId) && addresses.some((address) => !isRelayed(address)))) return;
    if (!connected && this.#connected.size >= this.#maxPeers) {
      throw new ExchangeError('DIAL_FAILED', `Connected to ${this.#maxPeers} peers, the limit`, { peer });
    }
    const timeout = AbortSignal.timeout(DIAL_TIMEOUT_MS);
    const signal = options?.signal ? AbortSignal.any([options.signal, timeout]) : timeout;
    this.#dials.tried.inc();
    try {
      await this.#node.dial(
        addresses.map((address) => address.encapsulate(`/p2p/${peer}`)),
        { signal },
      );
    } catch (error) {
      this.#dials.failed.inc();
      options?.signal?.throwIfAborted();
      throw new ExchangeError('DIAL_FAILED', `Cannot reach ${peer}`, { peer, addresses: addrs }, { cause: error });
    }
    this.#dials.succeeded.inc();
    this.#logger.debug('Dial successful', { peerId: peer });
  }

  async disconnect(peer: string): Promise<void> {
    const peerId = parsePeerId(peer);
    // A graceful close would wait for streams; a peer that does not read could hold it up.
    for (const connection of this.#node.getConnections(peerId)) connection.abort(new Error('disconnected'));
    await this.#node.hangUp(peerId, { signal: AbortSignal.timeout(DISCONNECT_TIMEOUT_MS) });
  }

  async openStream(peer: string, protocols: readonly string[], options?: AbortOptions): Promise<PeerStream> {
    this.#assertRunning();
    const [connection] = this.#open(parsePeerId(peer));
    if (!connection) throw new ExchangeError('PEER_NOT_CONNECTED', `Not connected to ${peer}`, { peer });
    const timeout = AbortSignal.timeout(STREAM_TIMEOUT_MS);
    const signal = options?.signal ? AbortSignal.any([options.signal, timeout]) : timeout;
    try {
      const stream = await connection.newStream([...protocols], { signal, runOnLimitedConnection: true });
      widenWindow(stream);
      return new Libp2pStream(peer, stream);
    } catch (error) {
      options?.signal?.throwIfAborted();
      if (error instanceof Error && error.name === 'UnsupportedProtocolError') {
        const message = `${peer} speaks none of ${protocols.join(', ')}`;
        throw new ExchangeError('PROTOCOL_UNSUPPORTED', message, { peer, protocols }, { cause: error });
      }
      throw new ExchangeError('STREAM_CLOSED', `No stream to ${peer}`, { peer, protocols }, { cause: error });
    }
  }

  async handle(protocol: string, handler: StreamHandler, options?: HandleOptions): Promise<void> {
    await this.#node.handle(
      protocol,
      (stream, connection) =>
        handler(connection.remotePeer.toString(), new Libp2pStream(connection.remotePeer.toString(), stream)),
      {
        maxInboundStreams: options?.inboundStreamsMax ?? INBOUND_STREAMS_MAX,
        maxOutboundStreams: INBOUND_STREAMS_MAX,
        runOnLimitedConnection: true,
      },
    );
  }

  /** Direct connections first. */
  #open(peerId: PeerId): Connection[] {
    const open = this.#node.getConnections(peerId).filter((connection) => connection.status === 'open');
    return [...open.filter((connection) => connection.direct), ...open.filter((connection) => !connection.direct)];
  }

  #isRelayed(peerId: PeerId): boolean {
    return this.#open(peerId)[0]?.direct === false;
  }

  #assertRunning(): void {
    if (!this.#running) throw new ExchangeError('NETWORK_STOPPED', 'The network is not running');
  }

  #onConnect(peerId: PeerId): void {
    const peer = peerId.toString();
    if (this.#connected.has(peer)) return;
    this.#connected.add(peer);
    for (const listener of this.#connectListeners) listener(peer);
  }

  #onDisconnect(peerId: PeerId): void {
    const peer = peerId.toString();
    if (!this.#connected.delete(peer)) return;
    // Addresses are handed in with each dial: remembering every stranger would grow without limit.
    this.#node.peerStore.delete(peerId).catch(() => {});
    for (const listener of this.#disconnectListeners) listener(peer);
  }

  /** Keeps one connection per peer. Only the smaller peer id closes, so that never both are closed. */
  #onConnection(connection: Connection): void {
    const peerId = connection.remotePeer;
    if (this.#node.getConnections(peerId).length < 2 && this.#connected.has(peerId.toString()) === false) return;
    if (this.peerId > peerId.toString()) return;
    const cancel = this.#clock.schedule(SURPLUS_CONNECTION_MS, () => {
      this.#surplusChecks.delete(cancel);
      for (const surplus of this.#open(peerId).slice(1)) {
        surplus.close({ signal: AbortSignal.timeout(DISCONNECT_TIMEOUT_MS) }).catch((error) => surplus.abort(error));
      }
    });
    this.#surplusChecks.add(cancel);
  }
}

/** Under the names of the reference (06 §7); one that is given up counts as failed. */
function dialCounters(metrics: MetricsRegistry) {
  return {
    tried: metrics.counter({ name: 'libp2p_total_dial_attempts', help: 'dials tried' }),
    succeeded: metrics.counter({ name: 'libp2p_successful_dials', help: 'dials that succeeded' }),
    failed: metrics.counter({ name: 'libp2p_failed_dials', help: 'dials that failed' }),
  };
}
