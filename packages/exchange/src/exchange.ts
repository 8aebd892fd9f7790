import {
  type Cid,
  cidKey,
  type Dataset,
  formatCid,
  type Repository,
  type StoredManifest,
  type TreeCid,
} from '@codex/content';
import {
  type AbortOptions,
  type Cancel,
  type Clock,
  type Logger,
  type MetricsRegistry,
  noMetrics,
  type Random,
  type Startable,
  silentLogger,
  systemClock,
  systemRandom,
} from '@codex/runtime';
import { BlockexcRequester } from './blockexc/blockexc-requester.ts';
import { BLOCKEXC_PROTOCOL, BlockexcLink } from './blockexc/link.ts';
import { BlockWants } from './engine/block-wants.ts';
import { DEFAULT_LIMITS, type ExchangeLimits } from './engine/limits.ts';
import { exchangeMetrics } from './engine/metrics.ts';
import { Offences } from './engine/offences.ts';
import type { Peer } from './engine/peer.ts';
import type { Requester } from './engine/requester.ts';
import type { EngineParts, Offence, Responder } from './engine/responder.ts';
import { Scheduler } from './engine/scheduler.ts';
import { Sources } from './engine/sources.ts';
import { TreeWatches } from './engine/tree-watches.ts';
import { ExchangeError } from './errors.ts';
import type { BlockFetcher, FetchDatasetOptions, LeafOffers, PeerFinder } from './fetcher.ts';
import { ByteBudget } from './message/frame-reader.ts';
import { latin1 } from './message/message.ts';
import type { PeerNetwork, PeerStream } from './network/network.ts';
import { BufferPool } from './ranges/buffer-pool.ts';
import { RangesRequester } from './ranges/ranges-requester.ts';
import { RangesResponder } from './ranges/ranges-responder.ts';
import { RANGES_PROTOCOL } from './ranges/wire.ts';

export interface ExchangeComponents {
  readonly network: PeerNetwork;
  readonly repository: Repository;
  readonly finder?: PeerFinder;
  readonly clock?: Clock;
  readonly random?: Random;
  readonly metrics?: MetricsRegistry;
  readonly logger?: Logger;
}

export type ExchangeInit = Partial<ExchangeLimits> & {
  /** False: speak only 1.0.0, as a reference node does. Default: true. */
  readonly rangesProtocol?: boolean;
};

const TICK_MS = 250;
/** A net below the notifications: what peers wait for is looked up again. */
const RESCAN_MS = 15_000;
/** Streams of our own protocol that a peer may have open: it needs one. */
const RANGES_STREAMS_MAX = 4;
/** Content ids that are remembered as provided already. */
const PROVIDED_MAX = 4096;

/**
 * Block exchange: fetches blocks from peers and serves what the repository holds, over our own protocol with nodes of our
 * kind and over 1.0.0 with reference nodes.
 */
export class Exchange implements BlockFetcher, Startable {
  readonly #network: PeerNetwork;
  readonly #repository: Repository;
  readonly #finder: PeerFinder | undefined;
  readonly #parts: EngineParts;
  readonly #sources: Sources;
  readonly #blockWants: BlockWants;
  readonly #scheduler: Scheduler;
  readonly #offences: Offences;
  readonly #buffers: BufferPool;
  /** The answering halves, by peer. */
  readonly #responders = new Map<string, Set<Responder>>();
  /** Protocol 1.0.0, by peer. */
  readonly #links = new Map<string, BlockexcLink>();
  readonly #rangesProtocol: boolean;
  readonly #searches = new Map<string, AbortController>();
  readonly #provided = new Set<string>();
  readonly #offs: (() => void)[] = [];
  #timers: Cancel[] = [];
  #state: 'new' | 'running' | 'stopped' = 'new';

  constructor(components: ExchangeComponents, init: ExchangeInit = {}) {
    const limits: ExchangeLimits = { ...DEFAULT_LIMITS, ...init };
    const clock = components.clock ?? systemClock;
    this.#network = components.network;
    this.#rangesProtocol = init.rangesProtocol ?? true;
    this.#repository = components.repository;
    this.#finder = components.finder;
    this.#offences = new Offences({ clock }, limits);
    this.#buffers = new BufferPool({ bufferBytes: limits.requestBytes });
    this.#parts = {
      repository: components.repository,
      watches: new TreeWatches({ repository: components.repository }),
      clock,
      logger: (components.logger ?? silentLogger).child('codex blockexcengine'),
      metrics: exchangeMetrics(
        components.metrics ?? noMetrics,
        () => this.#scheduler.pendingBlocks + this.#blockWants.size,
      ),
      limits,
      unfinished: new ByteBudget(limits.unfinishedMaxBytes),
      offend: (peer, offence, reason, count) => this.#offend(peer, offence, reason, count),
    };
    const network = components.network;
    this.#sources = new Sources(
      { network, parts: this.#parts },
      {
        protocols: this.#rangesProtocol ? [RANGES_PROTOCOL, BLOCKEXC_PROTOCOL] : [BLOCKEXC_PROTOCOL],
        createRequester: (peer, stream) => this.#createRequester(peer, stream),
        onReady: (peer) => {
          this.#scheduler.ready(peer);
          this.#blockWants.ready(peer);
        },
      },
    );
    const search = (cid: Cid) => this.#search(cid);
    this.#blockWants = new BlockWants({ parts: this.#parts, sources: this.#sources, search });
    this.#scheduler = new Scheduler({
      parts: this.#parts,
      random: components.random ?? systemRandom,
      sources: this.#sources,
      blockWants: this.#blockWants,
      search,
      provide: (dataset) => this.#provide(dataset.ref.treeCid),
      drop: (peer, reason) => this.#drop(peer, reason),
    });
  }

  /** The network must be started before or after; both work. */
  async start(): Promise<void> {
    const { inboundStreamsMax } = this.#parts.limits;
    this.#state = 'running';
    this.#offs.push(
      this.#network.onConnect((peer) => this.#joined(peer)),
      this.#network.onDisconnect((peer) => this.#left(peer)),
      this.#repository.onManifest((manifest) => void this.#onManifest(manifest)),
    );
    await this.#network.handle(BLOCKEXC_PROTOCOL, (peer, stream) => this.#serveBlockexc(peer, stream), {
      inboundStreamsMax,
    });
    if (this.#rangesProtocol) {
      await this.#network.handle(RANGES_PROTOCOL, (peer, stream) => this.#serveRanges(peer, stream), {
        inboundStreamsMax: RANGES_STREAMS_MAX,
      });
    }
    for (const peer of this.#network.peers()) this.#joined(peer);
    this.#every(TICK_MS, () => {
      this.#scheduler.tick();
      this.#blockWants.tick();
    });
    this.#every(RESCAN_MS, () => void this.#rescan());
  }

  stop(): void {
    if (this.#state === 'stopped') return;
    this.#state = 'stopped';
    const error = new ExchangeError('EXCHANGE_STOPPED', 'The exchange was stopped');
    for (const off of this.#offs) off();
    for (const cancel of this.#timers) cancel();
    this.#scheduler.close(error);
    this.#blockWants.close(error);
    for (const search of this.#searches.values()) search.abort(error);
    for (const peer of this.#sources.all()) this.#left(peer.id);
    for (const responders of this.#responders.values()) for (const responder of [...responders]) responder.close();
    this.#parts.watches.close();
  }

  async fetchBlock(cid: Cid, options?: AbortOptions): Promise<Uint8Array> {
    this.#assertRunning();
    return this.#blockWants.fetch(cid, options);
  }

  async fetchDataset(dataset: Dataset, options?: FetchDatasetOptions): Promise<void> {
    this.#assertRunning();
    return this.#scheduler.fetch(dataset, options);
  }

  focus(treeCid: TreeCid, index: number): void {
    this.#scheduler.focus(latin1(treeCid.bytes), index);
  }

  /** Undefined while nobody said that they have any of the tree. */
  offers(treeCid: TreeCid): LeafOffers | undefined {
    return this.#scheduler.offers(latin1(treeCid.bytes));
  }

  #assertRunning(): void {
    if (this.#state !== 'running') throw new ExchangeError('EXCHANGE_STOPPED', 'The exchange is not running');
  }

  #every(ms: number, run: () => void): void {
    const at = this.#timers.length;
    const again = () => {
      if (this.#state !== 'running') return;
      this.#timers[at] = this.#parts.clock.schedule(ms, again);
      run();
    };
    this.#timers.push(this.#parts.clock.schedule(ms, again));
  }

  #joined(peer: string): void {
    if (this.#state !== 'running') return;
    if (this.#offences.isBanned(peer)) {
      void this.#network.disconnect(peer).catch(() => {});
      return;
    }
    this.#sources.joined(peer);
    this.#scheduler.tick();
    this.#blockWants.tick();
  }

  #left(id: string): void {
    for (const responder of [...(this.#responders.get(id) ?? [])]) responder.close();
    this.#links.get(id)?.close();
    this.#links.delete(id);
    const peer = this.#sources.left(id);
    if (!peer) return;
    this.#scheduler.left(peer);
    this.#blockWants.left(peer);
  }

  #createRequester(peer: Peer, stream: PeerStream): Requester {
    const events = this.#scheduler;
    if (stream.protocol === RANGES_PROTOCOL) {
      return new RangesRequester(this.#parts, { peer, stream, events, buffers: this.#buffers });
    }
    const link = this.#link(peer.id);
    link.adopt(stream, 'outbound');
    link.requester = new BlockexcRequester(this.#parts, { peer, events, send: (parts) => link.send(parts) });
    return link.requester;
  }

  #link(peer: string): BlockexcLink {
    let link = this.#links.get(peer);
    if (!link) {
      const openStream = () => this.#network.openStream(peer, [BLOCKEXC_PROTOCOL]);
      link = new BlockexcLink(this.#parts, { peer, openStream });
      this.#links.set(peer, link);
    }
    return link;
  }

  #serveBlockexc(peer: string, stream: PeerStream): void {
    // Messages of peers that are not (any more) connected are ignored (04 §5).
    if (this.#state !== 'running' || !this.#sources.get(peer)) stream.abort(new Error('not served'));
    else this.#link(peer).adopt(stream, 'inbound');
  }

  #serveRanges(peer: string, stream: PeerStream): void {
    if (this.#state !== 'running' || !this.#sources.get(peer)) {
      stream.abort(new Error('not served'));
      return;
    }
    this.#addResponder(peer, (onClose) => new RangesResponder(this.#parts, { stream, onClose }));
  }

  #addResponder<T extends Responder>(peer: string, create: (onClose: () => void) => T): T {
    const responders = this.#responders.get(peer) ?? new Set();
    this.#responders.set(peer, responders);
    const responder = create(() => {
      responders.delete(responder);
      if (responders.size === 0 && this.#responders.get(peer) === responders) this.#responders.delete(peer);
    });
    responders.add(responder);
    return responder;
  }

  #offend(peer: string, offence: Offence, reason: string, count?: number): void {
    this.#parts.logger.debug('Peer misbehaves', { peer, offence, reason });
    if (this.#offences.count(peer, offence, count)) {
      this.#parts.metrics.peersDropped.inc();
      this.#drop(peer, reason);
    }
  }

  #drop(peer: string, reason: string): void {
    this.#parts.logger.debug('Dropping peer', { peer, reason });
    this.#network.disconnect(peer).catch((error) => this.#parts.logger.debug('Cannot disconnect', { peer, error }));
  }

  #search(cid: Cid): void {
    const key = cidKey(cid);
    if (!this.#finder || this.#searches.has(key)) return;
    const controller = new AbortController();
    this.#searches.set(key, controller);
    this.#parts.metrics.discoveryRequests.inc();
    this.#finder
      .find(cid, { signal: controller.signal })
      .catch((error) => this.#parts.logger.debug('Search failed', { cid: formatCid(cid), error }))
      .finally(() => this.#searches.delete(key));
  }

  #provide(cid: Cid): void {
    const key = cidKey(cid);
    if (!this.#finder || this.#provided.has(key)) return;
    this.#provided.add(key);
    if (this.#provided.size > PROVIDED_MAX) this.#provided.delete(this.#provided.values().next().value!);
    try {
      this.#finder.provide(cid);
    } catch (error) {
      this.#parts.logger.debug('Cannot announce', { cid: formatCid(cid), error });
    }
  }

  /** A manifest was stored, by an upload or a download. Its tree is announced when there is a block to serve. */
  async #onManifest({ cid, manifest }: StoredManifest): Promise<void> {
    this.#stored(cid);
    this.#provide(cid);
    const dataset: Dataset | undefined = await this.#repository.findDataset(manifest.treeCid).catch(() => undefined);
    if (!dataset || this.#state !== 'running') return;
    this.#parts.watches.adopt(dataset);
    if (dataset.heldCount > 0) this.#provide(manifest.treeCid);
  }

  #stored(cid: Cid): void {
    const key = cidKey(cid);
    for (const responder of this.#allResponders()) responder.blockStored(key);
  }

  async #rescan(): Promise<void> {
    await this.#parts.watches.rescan();
    for (const responder of this.#allResponders()) await responder.rescan();
  }

  #allResponders(): Responder[] {
    const links = [...this.#links.values()].map((link) => link.responder);
    return [...links, ...[...this.#responders.values()].flatMap((responders) => [...responders])];
  }
}
