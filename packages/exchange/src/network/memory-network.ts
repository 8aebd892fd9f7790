import type { AbortOptions, Clock } from '@codex/runtime';
import { systemClock } from '@codex/runtime';
import { ExchangeError } from '../errors.ts';
import { MemoryStream, type Uplink } from './memory-stream.ts';
import type { HandleOptions, PeerNetwork, PeerStream, StreamHandler } from './network.ts';

/** How bytes travel between the nodes of one hub. */
export interface MemoryLink {
  /** One way. */
  readonly latencyMs: number;
  /** What a node sends, over all its streams; 0 = no limit. */
  readonly bytesPerSecond: number;
  /** Bytes on their way after which a writer has to wait. */
  readonly bufferBytes: number;
}

const DEFAULT_LINK: MemoryLink = { latencyMs: 0, bytesPerSecond: 0, bufferBytes: 256 * 1024 };

/** A network without sockets: tests and simulators connect any number of `MemoryNetwork`s to one hub. */
export class MemoryHub {
  readonly clock: Clock;
  readonly link: MemoryLink;
  readonly nodes = new Map<string, MemoryNetwork>();

  constructor(components: { clock?: Clock } = {}, link: Partial<MemoryLink> = {}) {
    this.clock = components.clock ?? systemClock;
    this.link = { ...DEFAULT_LINK, ...link };
  }
}

/** Runs `work` in a later turn, as a real network would. */
const later = (clock: Clock, delayMs: number, work: () => void) => {
  if (delayMs > 0) clock.schedule(delayMs, work);
  else setImmediate(work);
};

export class MemoryNetwork implements PeerNetwork {
  readonly peerId: string;
  readonly #hub: MemoryHub;
  readonly #handlers = new Map<string, { handler: StreamHandler; inboundStreamsMax: number }>();
  readonly #connectListeners = new Set<(peer: string) => void>();
  readonly #disconnectListeners = new Set<(peer: string) => void>();
  readonly #streams = new Map<string, Set<MemoryStream>>();
  readonly #uplink: Uplink = { freeAt: 0 };
  #running = false;

  constructor(components: { hub: MemoryHub }, init: { peerId: string }) {
    this.peerId = init.peerId;
    this.#hub = components.hub;
  }

  start(): void {
    this.#hub.nodes.set(this.peerId, this);
    this.#running = true;
  }

  async stop(): Promise<void> {
    this.#running = false;
    this.#hub.nodes.delete(this.peerId);
    for (const peer of this.peers()) await this.disconnect(peer);
  }

  listenAddrs(): string[] {
    return [`/memory/${this.peerId}`];
  }

  peers(): string[] {
    return [...this.#streams.keys()];
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
    if (peer === '' || peer === this.peerId) throw new ExchangeError('PEER_ID_INVALID', 'Not another peer', { peer });
    if (addrs.length === 0) throw new ExchangeError('ADDRESS_INVALID', 'No address', { peer });
    if (!this.#running) throw new ExchangeError('NETWORK_STOPPED', 'The network is not running');
    options?.signal?.throwIfAborted();
    await new Promise<void>((resolve) => later(this.#hub.clock, this.#hub.link.latencyMs, resolve));
    options?.signal?.throwIfAborted();
    const remote = this.#hub.nodes.get(peer);
    if (!remote || !addrs.includes(`/memory/${peer}`))
      throw new ExchangeError('DIAL_FAILED', `Cannot reach ${peer}`, { peer });
    if (this.#streams.has(peer)) return;
    this.#join(peer);
    remote.#join(this.peerId);
  }

  async disconnect(peer: string): Promise<void> {
    this.#leave(peer);
    const remote = this.#hub.nodes.get(peer);
    if (remote) remote.#leave(this.peerId);
  }

  async openStream(peer: string, protocols: readonly string[], options?: AbortOptions): Promise<PeerStream> {
    options?.signal?.throwIfAborted();
    const { clock, link } = this.#hub;
    await new Promise<void>((resolve) => later(clock, 2 * link.latencyMs, resolve));
    options?.signal?.throwIfAborted();
    const remote = this.#hub.nodes.get(peer);
    const mine = this.#streams.get(peer);
    const theirs = remote ? remote.#streams.get(this.peerId) : undefined;
    if (!remote || !mine || !theirs)
      throw new ExchangeError('PEER_NOT_CONNECTED', `Not connected to ${peer}`, { peer });
    const protocol = protocols.find((name) => remote.#handlers.has(name));
    const entry = protocol === undefined ? undefined : remote.#handlers.get(protocol);
    if (protocol === undefined || !entry) {
      throw new ExchangeError('PROTOCOL_UNSUPPORTED', `${peer} speaks none of ${protocols.join(', ')}`, {
        peer,
        protocols,
      });
    }
    const open = [...theirs].filter((stream) => stream.inbound && stream.protocol === protocol).length;
    const local = new MemoryStream({ clock, link, uplink: this.#uplink, peer, protocol, inbound: false });
    const far = new MemoryStream({ clock, link, uplink: remote.#uplink, peer: this.peerId, protocol, inbound: true });
    local.join(far);
    if (open >= entry.inboundStreamsMax) throw new ExchangeError('STREAM_CLOSED', 'Too many streams', { peer });
    mine.add(local);
    theirs.add(far);
    local.onGone = () => mine.delete(local);
    far.onGone = () => theirs.delete(far);
    entry.handler(this.peerId, far);
    return local;
  }

  async handle(protocol: string, handler: StreamHandler, options?: HandleOptions): Promise<void> {
    this.#handlers.set(protocol, { handler, inboundStreamsMax: options?.inboundStreamsMax ?? 100 });
  }

  #join(peer: string): void {
    if (this.#streams.has(peer)) return;
    this.#streams.set(peer, new Set());
    for (const listener of this.#connectListeners) listener(peer);
  }

  #leave(peer: string): void {
    const streams = this.#streams.get(peer);
    if (!streams) return;
    this.#streams.delete(peer);
    for (const stream of streams) stream.lose(new ExchangeError('STREAM_CLOSED', 'The connection was lost', { peer }));
    for (const listener of this.#disconnectListeners) listener(peer);
  }
}
