import { type Cid, cidKey, formatCid } from '@codex/content';
import { type Discovery, NodeId, type SignedRecord } from '@codex/discovery';
import type { PeerFinder, PeerNetwork } from '@codex/exchange';
import {
  type AbortOptions,
  type Clock,
  type Counter,
  type Gauge,
  type Logger,
  type MetricsRegistry,
  raceSignal,
  Semaphore,
} from '@codex/runtime';
import { dialableAddresses } from './dialable.ts';

export interface ProviderFinderComponents {
  readonly discovery: Pick<Discovery, 'findProviders' | 'forgetProvider'>;
  readonly network: Pick<PeerNetwork, 'peerId' | 'peers' | 'connect' | 'listenAddrs'>;
  /** Tells the DHT what this node has. */
  readonly advertiser: { provide(cid: Cid): void };
  /** TCP addresses that this node announces. */
  readonly announced: () => readonly string[];
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: MetricsRegistry;
}

const SECOND_MS = 1000;
/** A search is over when so many providers are connected: with that many a download is as fast as this node's own link. */
const PROVIDERS_ENOUGH = 8;
/** Dials under way at one time, over all searches: what a home router's table of connections bears easily. */
const DIALS_MAX = 16;
/** Dials of one search, so that a thousand records of nobody cost a minute at most. */
const DIALS_PER_SEARCH_MAX = 32;
/** A lookup and the dials after it; what takes longer is stuck (04 §9). */
const SEARCH_TIMEOUT_MS = 60 * SECOND_MS;
/** A search that finds nobody is made once more after this: what was stored a moment ago is being announced. */
const AGAIN_MS = 700;
/** A provider that could not be dialled is left alone for so long, unless it signs a new record. */
const FAILED_MS = 60 * SECOND_MS;
/** Providers remembered for that, 150 B each. */
const FAILED_MAX = 1024;

interface Search {
  readonly promise: Promise<void>;
  readonly controller: AbortController;
  callers: number;
}

/** Finds peers that have something, through the DHT, and connects them (04 §9). */
export class ProviderFinder implements PeerFinder {
  readonly #c: ProviderFinderComponents;
  readonly #maxPeers: number;
  readonly #metrics: FinderMetrics;
  readonly #searches = new Map<string, Search>();
  readonly #dials = new Semaphore(DIALS_MAX);
  readonly #dialling = new Map<string, Promise<boolean>>();
  /** By peer id, the oldest first. */
  readonly #failed = new Map<string, { readonly seq: number; readonly at: number }>();
  readonly #stopped = new AbortController();

  constructor(components: ProviderFinderComponents, init: { readonly maxPeers: number }) {
    this.#c = components;
    this.#maxPeers = init.maxPeers;
    this.#metrics = finderMetrics(components.metrics);
  }

  stop(): void {
    this.#stopped.abort(new Error('The search was stopped'));
  }

  provide(cid: Cid): void {
    this.#c.advertiser.provide(cid);
  }

  /**
   * Resolves as soon as one provider is connected, or when all were tried; further ones are connected in the background.
   * Searches for one content id are shared. Rejects with the reason of the signal only.
   */
  async find(cid: Cid, options: AbortOptions = {}): Promise<void> {
    const key = cidKey(cid);
    const search = this.#searches.get(key) ?? this.#begin(key, cid);
    search.callers++;
    try {
      await raceSignal(search.promise, options.signal);
    } finally {
      if (--search.callers === 0 && options.signal?.aborted) {
        search.controller.abort(options.signal.reason);
        // Whoever asks now gets a search of his own.
        if (this.#searches.get(key) === search) this.#searches.delete(key);
      }
    }
  }

  #begin(key: string, cid: Cid): Search {
    const controller = new AbortController();
    const late = this.#c.clock.schedule(SEARCH_TIMEOUT_MS, () =>
      controller.abort(new Error('The search took too long')),
    );
    this.#metrics.inFlight.inc(1);
    let found: () => void = () => {};
    const first = new Promise<void>((resolve) => {
      found = resolve;
    });
    const whole = this.#search(cid, AbortSignal.any([controller.signal, this.#stopped.signal]), found).finally(() => {
      late();
      this.#metrics.inFlight.inc(-1);
      if (this.#searches.get(key) === search) this.#searches.delete(key);
    });
    const search: Search = { promise: Promise.race([first, whole]), controller, callers: 0 };
    this.#searches.set(key, search);
    return search;
  }

  /** Never rejects. */
  async #search(cid: Cid, signal: AbortSignal, onConnected: () => void): Promise<void> {
    const enough = new AbortController();
    const until = AbortSignal.any([signal, enough.signal]);
    const tried = new Map<string, { readonly seq: number; readonly attempt: Promise<boolean> }>();
    let connected = 0;
    const tell = (record: SignedRecord) => {
      const before = tried.get(record.peerId);
      if (before ? before.seq >= record.seq : tried.size >= DIALS_PER_SEARCH_MAX) return;
      const attempt = (async () => {
        if (await before?.attempt) return true;
        if (!(await this.#connect(record, until))) return false;
        onConnected();
        if (++connected >= PROVIDERS_ENOUGH) enough.abort();
        return true;
      })();
      tried.set(record.peerId, { seq: record.seq, attempt });
    };
    const { clock, discovery, logger } = this.#c;
    try {
      const options = { signal: until, enough: DIALS_PER_SEARCH_MAX, onFound: tell };
      const search = async () => {
        for (const record of await discovery.findProviders(NodeId.ofContent(cid.bytes), options)) tell(record);
      };
      await search();
      if (tried.size === 0) {
        await clock.sleep(AGAIN_MS, { signal: until });
        await search();
      }
    } catch (error) {
      if (!until.aborted) logger.debug('Cannot search for providers', { cid: formatCid(cid), error });
    }
    await Promise.all([...tried.values()].map(({ attempt }) => attempt));
    logger.debug('Searched for providers', { cid: formatCid(cid), found: tried.size, connected });
  }

  /** True when the provider is connected. Never rejects. */
  async #connect(record: SignedRecord, signal: AbortSignal): Promise<boolean> {
    const { peerId } = record;
    const { network, clock } = this.#c;
    if (peerId === network.peerId) return false;
    if (network.peers().includes(peerId)) return true;
    const failed = this.#failed.get(peerId);
    if (failed && failed.seq >= record.seq && clock.monotonic() - failed.at < FAILED_MS) return false;
    const own = { listening: network.listenAddrs(), announced: this.#c.announced() };
    const addresses = dialableAddresses(record.addresses, own);
    if (addresses.length === 0) {
      this.#metrics.dials.inc(1, { result: 'no_address' });
      return false;
    }
    const known = this.#dialling.get(peerId);
    if (known) return known;
    const dial = this.#dial(record, addresses, signal).finally(() => this.#dialling.delete(peerId));
    this.#dialling.set(peerId, dial);
    return dial;
  }

  async #dial(record: SignedRecord, addresses: readonly string[], signal: AbortSignal): Promise<boolean> {
    const { peerId, seq } = record;
    const { network, discovery, clock, logger } = this.#c;
    const release = await this.#dials.acquire({ signal }).catch(() => undefined);
    if (!release) return false;
    try {
      if (network.peers().includes(peerId)) return true;
      // The limit of this node is no fault of the provider.
      if (network.peers().length >= this.#maxPeers) return false;
      await network.connect(peerId, addresses, { signal });
      this.#failed.delete(peerId);
      this.#metrics.dials.inc(1, { result: 'connected' });
      return true;
    } catch (error) {
      if (signal.aborted) return false;
      this.#metrics.dials.inc(1, { result: 'failed' });
      logger.debug('Cannot dial a provider', { peer: peerId, addresses, error });
      this.#failed.delete(peerId);
      this.#failed.set(peerId, { seq, at: clock.monotonic() });
      for (const oldest of this.#failed.keys()) {
        if (this.#failed.size <= FAILED_MAX) break;
        this.#failed.delete(oldest);
      }
      discovery.forgetProvider(peerId);
      return false;
    } finally {
      release();
    }
  }
}

interface FinderMetrics {
  readonly inFlight: Gauge;
  readonly dials: Counter;
}

function finderMetrics(metrics: MetricsRegistry): FinderMetrics {
  return {
    inFlight: metrics.gauge({ name: 'codex_inflight_discovery', help: 'searches for providers under way' }),
    dials: metrics.counter({
      name: 'codex_provider_dials',
      help: 'providers found in the DHT and dialled',
      labels: ['result'],
    }),
  };
}
