import {
  type Cid,
  cidKey,
  formatCid,
  isManifestCid,
  isTreeCid,
  type Repository,
  type StoredManifest,
} from '@codex/content';
import { type Discovery, NodeId, type SignedRecord } from '@codex/discovery';
import {
  type Clock,
  type Counter,
  type Gauge,
  type Logger,
  type MetricsRegistry,
  type Random,
  raceSignal,
  Semaphore,
  type Startable,
} from '@codex/runtime';

export interface AdvertiserComponents {
  readonly repository: Pick<Repository, 'manifests' | 'findDataset' | 'hasBlock' | 'onManifest'>;
  readonly discovery: Pick<Discovery, 'provide' | 'joined'>;
  /** The signed TCP addresses of this node; undefined while there are none. */
  readonly record: () => SignedRecord | undefined;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly metrics: MetricsRegistry;
}

const SECOND_MS = 1000;
const MINUTE_MS = 60 * SECOND_MS;

/** All that the node has is told again so often (04 §9); others forget it after 24 h (05 §9). */
const ROUND_MS = 30 * MINUTE_MS;
/** Nodes that were started together drift apart by this share of the round. */
const ROUND_JITTER = 0.1;
/** After an announcement that nobody heard: this node is alone, and others may come soon. */
const UNHEARD_ROUND_MS = 30 * SECOND_MS;
/** After a change of addresses: several come together. */
const REFRESH_MS = 2 * SECOND_MS;
/** Announcements under way at one time (04 §9): each asks some thirty nodes in about a second. */
const WORKERS = 10;
/** Of these, for the round: what was stored just now never waits behind what was told half an hour ago. */
const ROUND_WORKERS = 5;
/** Between two announcements of a round: no burst, and 400 000 datasets are still told within 24 h. */
const ROUND_GAP_MS = 100;
/** Content ids of new datasets that wait, 100 B each. More are left to the round: nothing is lost, only later. */
const QUEUE_MAX = 10_000;
/** A lookup that takes longer is stuck. */
const ANNOUNCE_TIMEOUT_MS = 60 * SECOND_MS;
/** At the start a node first looks for the others; what is told before that reaches nobody. */
const JOIN_WAIT_MS = 20 * SECOND_MS;

/**
 * Tells the DHT what this node can serve: every manifest, and its tree as soon as one of its blocks is here (04 §9).
 * Nothing is ever taken back, because the protocol has no way; what was deleted is told no more and runs out.
 */
export class Advertiser implements Startable {
  readonly #c: AdvertiserComponents;
  readonly #metrics: AdvertiserMetrics;
  readonly #waiting = new Map<string, Cid>();
  readonly #underWay = new Set<string>();
  readonly #roundWorkers = new Semaphore(ROUND_WORKERS);
  readonly #stopped = new AbortController();
  #offManifest: () => void = () => {};
  #working = 0;
  #ready = false;
  /** When the next round begins, on the monotonic clock. */
  #roundAt = Number.POSITIVE_INFINITY;
  #wake: () => void = () => {};
  #rounds: Promise<void> = Promise.resolve();

  constructor(components: AdvertiserComponents) {
    this.#c = components;
    this.#metrics = advertiserMetrics(components.metrics, () => this.#waiting.size);
  }

  /** Begins to announce once the node has joined the DHT, or could not within 20 s. */
  start(): void {
    this.#offManifest = this.#c.repository.onManifest((stored) => void this.#onManifest(stored));
    this.#rounds = this.#run();
  }

  async stop(): Promise<void> {
    this.#offManifest();
    this.#stopped.abort(new Error('The advertiser was stopped'));
    this.#waiting.clear();
    await this.#rounds;
  }

  /** Announces a manifest or a tree soon. What cannot be served when its turn comes is skipped. */
  provide(cid: Cid): void {
    const key = cidKey(cid);
    if (this.#stopped.signal.aborted || this.#waiting.has(key) || this.#underWay.has(key)) return;
    if (this.#waiting.size >= QUEUE_MAX) {
      this.#metrics.announcements.inc(1, { result: 'postponed' });
      return;
    }
    this.#waiting.set(key, cid);
    this.#pump();
  }

  /** The addresses of the node changed: everything is told again soon. */
  refresh(): void {
    this.#hurry(REFRESH_MS);
  }

  /** Brings the next round forward. */
  #hurry(ms: number): void {
    this.#roundAt = Math.min(this.#roundAt, this.#c.clock.monotonic() + ms);
    this.#wake();
  }

  async #onManifest({ cid, manifest }: StoredManifest): Promise<void> {
    this.provide(cid);
    const held = await this.#servable(manifest.treeCid).catch(() => false);
    if (held) this.provide(manifest.treeCid);
  }

  #pump(): void {
    if (!this.#ready) return;
    for (const [key, cid] of this.#waiting) {
      if (this.#working >= WORKERS) return;
      this.#waiting.delete(key);
      this.#working++;
      void this.#announce(cid).finally(() => {
        this.#working--;
        this.#pump();
      });
    }
  }

  /** Rounds without end. Never rejects. */
  async #run(): Promise<void> {
    const { signal } = this.#stopped;
    const { clock, discovery, random, logger } = this.#c;
    await raceSignal(Promise.race([discovery.joined, clock.sleep(JOIN_WAIT_MS, { signal })]), signal).catch(() => {});
    this.#ready = true;
    this.#pump();
    while (!signal.aborted) {
      this.#roundAt = Number.POSITIVE_INFINITY;
      await this.#round().catch((error: unknown) => {
        if (!signal.aborted) logger.warn('Cannot announce everything', { error });
      });
      this.#hurry(ROUND_MS * (1 + ROUND_JITTER * (2 * random.float() - 1)));
      await this.#pause();
    }
  }

  /** Announces everything once, evenly paced. */
  async #round(): Promise<void> {
    const { signal } = this.#stopped;
    const { repository, clock } = this.#c;
    for await (const { cid, manifest } of repository.manifests()) {
      for (const each of [cid, manifest.treeCid]) {
        const release = await this.#roundWorkers.acquire({ signal });
        void this.#announce(each).finally(release);
        await clock.sleep(ROUND_GAP_MS, { signal });
      }
    }
  }

  /** Waits until the next round, which may be brought forward meanwhile. */
  async #pause(): Promise<void> {
    const { clock } = this.#c;
    const { signal } = this.#stopped;
    for (let left = this.#left(); left > 0 && !signal.aborted; left = this.#left()) {
      const woken = new AbortController();
      this.#wake = () => woken.abort();
      await clock.sleep(left, { signal: AbortSignal.any([signal, woken.signal]) }).catch(() => {});
    }
    this.#wake = () => {};
  }

  #left(): number {
    return this.#roundAt - this.#c.clock.monotonic();
  }

  /** Never rejects. */
  async #announce(cid: Cid): Promise<void> {
    const key = cidKey(cid);
    const record = this.#c.record();
    if (!record || this.#underWay.has(key)) return;
    this.#underWay.add(key);
    this.#metrics.inFlight.inc(1);
    const late = new AbortController();
    const cancel = this.#c.clock.schedule(ANNOUNCE_TIMEOUT_MS, () => late.abort(new Error('Nobody answers')));
    try {
      if (!(await this.#servable(cid))) return;
      const signal = AbortSignal.any([this.#stopped.signal, late.signal]);
      const { asked } = await this.#c.discovery.provide(NodeId.ofContent(cid.bytes), record, { signal });
      this.#metrics.announcements.inc(1, { result: 'told' });
      this.#c.logger.debug('Announced', { cid: formatCid(cid), nodes: asked });
      if (asked === 0) this.#hurry(UNHEARD_ROUND_MS);
    } catch (error) {
      if (this.#stopped.signal.aborted) return;
      this.#metrics.announcements.inc(1, { result: 'failed' });
      this.#c.logger.debug('Cannot announce', { cid: formatCid(cid), error });
    } finally {
      cancel();
      this.#underWay.delete(key);
      this.#metrics.inFlight.inc(-1);
    }
  }

  /** Whether a peer that comes for `cid` would get something. */
  async #servable(cid: Cid): Promise<boolean> {
    const { repository } = this.#c;
    if (isTreeCid(cid)) return ((await repository.findDataset(cid))?.heldCount ?? 0) > 0;
    return isManifestCid(cid) && (await repository.hasBlock(cid));
  }
}

interface AdvertiserMetrics {
  readonly inFlight: Gauge;
  readonly announcements: Counter;
}

function advertiserMetrics(metrics: MetricsRegistry, waiting: () => number): AdvertiserMetrics {
  metrics.gauge({ name: 'codex_advertise_queue', help: 'content ids that wait to be announced', collect: waiting });
  return {
    inFlight: metrics.gauge({ name: 'codex_inflight_advertise', help: 'announcements under way' }),
    announcements: metrics.counter({
      name: 'codex_announcements',
      help: 'content ids announced to the DHT; postponed ones wait for the next round',
      labels: ['result'],
    }),
  };
}
