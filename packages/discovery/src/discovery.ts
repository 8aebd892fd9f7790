import {
  type AbortOptions,
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
import { AddressVotes } from './address-votes.ts';
import type { DatagramNetwork, Endpoint } from './datagram/datagram.ts';
import { DiscoveryError } from './errors.ts';
import { decodeBase58 } from './identity/base58.ts';
import type { Identity } from './identity/identity.ts';
import { NodeId } from './identity/node-id.ts';
import type { LookupResult } from './lookup.ts';
import { Messenger, type MessengerLimits } from './message/messenger.ts';
import { ProviderTable } from './providers/provider-table.ts';
import { formatAddress } from './record/multiaddr.ts';
import { reachOf } from './record/reach.ts';
import { RecordReader, SignedRecord } from './record/signed-record.ts';
import { type Announced, Announcer } from './service/announcer.ts';
import { Joining } from './service/joining.ts';
import { Keeper } from './service/keeper.ts';
import { DISCOVERY_LIMITS, type DiscoveryLimits } from './service/limits.ts';
import { Lookups } from './service/lookups.ts';
import { serviceMetrics } from './service/metrics.ts';
import { NodeCaller } from './service/node-caller.ts';
import { ProviderSearch } from './service/provider-search.ts';
import { Responder } from './service/responder.ts';
import { Upkeep } from './service/upkeep.ts';
import type { Curve } from './session/curve.ts';
import { MemoryStorage } from './storage/memory-storage.ts';
import type { DiscoveryStorage } from './storage/storage.ts';
import { addressGroup, type GroupOf } from './table/address-group.ts';
import { RoutingTable } from './table/routing-table.ts';

export interface DiscoveryComponents {
  readonly identity: Identity;
  readonly datagrams: DatagramNetwork;
  readonly clock?: Clock | undefined;
  readonly random?: Random | undefined;
  /** In memory when left out. It is closed by `stop`. */
  readonly storage?: DiscoveryStorage | undefined;
  readonly curve?: Curve | undefined;
  /** Nodes in one process may share one, so that each record is verified once. */
  readonly records?: RecordReader | undefined;
  readonly logger?: Logger | undefined;
  readonly metrics?: MetricsRegistry | undefined;
}

export interface DiscoveryInit {
  /** Where to bind; port 0 takes a free one. */
  readonly listen: Endpoint;
  /** Those without a UDP endpoint are left out, with a warning. */
  readonly bootstrap?: readonly SignedRecord[] | undefined;
  /** Addresses of the first own record; the bound endpoint when left out, if it is specified. `announce` replaces them. */
  readonly addresses?: readonly string[] | undefined;
  readonly limits?: Partial<DiscoveryLimits> | undefined;
  readonly messengerLimits?: Partial<MessengerLimits> | undefined;
  /** Whose address is limited in tables and lookups; by default public ones. A simulation sets its own. */
  readonly groupOf?: GroupOf | undefined;
}

export interface ProvideOptions extends AbortOptions {
  /** Asks some of the nodes whether they have the record now, and sends it again if not. Default true. */
  readonly verify?: boolean | undefined;
}

export interface FindProvidersOptions extends AbortOptions {
  /**
   * Ends the search as soon as this many providers were found, of which one address can supply half, and nodes of eight
   * addresses told of some. Default 16.
   */
  readonly enough?: number | undefined;
  /** Called for each provider when it is first heard of, and again when a newer record of it comes. */
  readonly onFound?: ((record: SignedRecord) => void) | undefined;
}

export interface KnownNode {
  readonly record: SignedRecord;
  readonly endpoint: Endpoint;
  /** It answered, and did not fail twice in a row since: such nodes are told to others. */
  readonly seen: boolean;
}

/** A node of the DHT (05). */
export class Discovery implements Startable {
  readonly nodeId: NodeId;
  readonly #identity: Identity;
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #init: DiscoveryInit;
  readonly #limits: DiscoveryLimits;
  readonly #messenger: Messenger;
  readonly #table: RoutingTable;
  readonly #providers: ProviderTable;
  readonly #bootstrap: readonly SignedRecord[];
  readonly #caller: NodeCaller;
  readonly #lookups: Lookups;
  readonly #announcer: Announcer;
  readonly #keeper: Keeper;
  readonly #joining: Joining;
  readonly #upkeep: Upkeep;
  readonly #votes: AddressVotes;
  readonly #stop = new AbortController();
  readonly #joined = Promise.withResolvers<void>();
  readonly #observers = new Set<(endpoint: Endpoint, votes: number) => void>();
  #record: SignedRecord;
  /** The address that observers were told of, as a multiaddr. */
  #observed: string | undefined;
  #closing: Promise<void> | undefined;

  constructor(components: DiscoveryComponents, init: DiscoveryInit) {
    const { identity, datagrams, curve, storage = new MemoryStorage() } = components;
    const { clock = systemClock, random = systemRandom, logger = silentLogger } = components;
    const records = components.records ?? new RecordReader();
    const limits = { ...DISCOVERY_LIMITS, ...init.limits };
    const groupOf = init.groupOf ?? addressGroup;
    const metrics = serviceMetrics(components.metrics ?? noMetrics);
    const localId = identity.nodeId;
    this.nodeId = localId;
    this.#identity = identity;
    this.#clock = clock;
    this.#logger = logger;
    this.#init = init;
    this.#limits = limits;
    this.#record = this.#sign(init.addresses ?? []);
    this.#joined.promise.catch(() => {});

    const table = new RoutingTable(localId, { limits, groupOf });
    const providers = new ProviderTable({ records, random }, limits);
    const bootstrap = (init.bootstrap ?? []).filter((record) => !record.nodeId.equals(localId) && this.#hasUdp(record));
    const messenger = new Messenger(
      {
        identity,
        datagrams,
        clock,
        random,
        curve,
        records,
        logger,
        metrics: components.metrics,
        localRecord: () => this.#record,
        knownRecord: (id) => table.get(id)?.record,
      },
      { listen: init.listen, limits: init.messengerLimits },
    );
    const seq = () => this.#record.seq;
    const onPong = (from: SignedRecord, endpoint: Endpoint, seen: Endpoint) => this.#vote(from, endpoint, seen);
    const caller = new NodeCaller({ messenger, table, clock, localId, limits, seq, onPong });
    const lookups = new Lookups({ clock, table, caller, groupOf, metrics, bootstrap }, limits);
    const keep = (content: NodeId, record: SignedRecord) =>
      providers.add(content, record, record.nodeId.hex, clock.now());
    const keeper = new Keeper({ storage, providers, table, records, clock, logger }, limits);
    const joining = new Joining({ clock, random, logger, table, caller, lookups, keeper, localId, bootstrap }, limits);
    const upkeep = new Upkeep(
      { clock, random, logger, metrics, table, providers, caller, lookups, joining, keeper },
      limits,
    );
    messenger.serve(
      new Responder({
        clock,
        localId,
        table,
        providers,
        groupOf,
        metrics,
        localRecord: () => this.#record,
        onHeard: (id) => caller.heard(id),
        onNewer: (node) => upkeep.refresh(node),
      }),
    );
    this.#messenger = messenger;
    this.#table = table;
    this.#providers = providers;
    this.#bootstrap = bootstrap;
    this.#caller = caller;
    this.#lookups = lookups;
    this.#announcer = new Announcer({ clock, random, messenger, caller, lookups, localId, keep }, limits);
    this.#keeper = keeper;
    this.#joining = joining;
    this.#upkeep = upkeep;
    this.#votes = new AddressVotes({ clock, groupOf }, limits);
  }

  /** The bound endpoint; undefined before `start` and after `stop`. */
  get local(): Endpoint | undefined {
    return this.#messenger.local;
  }

  /** The node's own DHT record. */
  get record(): SignedRecord {
    return this.#record;
  }

  /**
   * Resolves when the node found its place in the network, at once when it knows nobody to ask. Rejects with
   * DISCOVERY_STOPPED when it is stopped before.
   */
  get joined(): Promise<void> {
    return this.#joined.promise;
  }

  /** Loads what was saved, binds the socket and begins to join in the background. Error: BIND_FAILED. */
  async start(): Promise<void> {
    await this.#keeper.load();
    await this.#messenger.start();
    const { local } = this.#messenger;
    if (local && !this.#init.addresses && reachOf(local.ip) !== 'none') this.announce([udpAddress(local)]);
    for (const record of this.#bootstrap) if (record.udp) this.#table.pin(record, record.udp);
    this.#joining.run(this.#stop.signal).then(this.#joined.resolve, (error: unknown) => {
      if (!this.#stop.signal.aborted) this.#logger.warn('Cannot join the DHT', { error });
      this.#joined.reject(error);
    });
    this.#upkeep.start();
  }

  /** Aborts what is under way with DISCOVERY_STOPPED, saves, closes the socket and the storage. */
  stop(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    const error = new DiscoveryError('DISCOVERY_STOPPED', 'Discovery is not running');
    this.#stop.abort(error);
    this.#joined.reject(error);
    this.#upkeep.stop();
    await this.#messenger.stop();
    await this.#keeper.close();
  }

  /** Signs a new own record, with a higher seq, of multiaddrs. The same addresses keep the record. */
  announce(addresses: readonly string[]): SignedRecord {
    const next = this.#sign(addresses);
    if (next.addresses.join() !== this.#record.addresses.join()) {
      this.#record = next;
      this.#observed = undefined;
      this.#votes.clear();
    }
    return this.#record;
  }

  /**
   * Tells the nodes nearest to `content` that the signer of `record`, this node, has it. Errors: REQUEST_REFUSED when too
   * many lookups wait, DISCOVERY_STOPPED, the signal's reason.
   */
  provide(content: NodeId, record: SignedRecord, options: ProvideOptions = {}): Promise<Announced> {
    const { verify = true } = options;
    return this.#announcer.announce(content, record, { signal: this.#signal(options), verify });
  }

  /** Records of peers that have `content`, those that most nodes told of first, without the own one. Errors: as `provide`. */
  async findProviders(content: NodeId, options: FindProvidersOptions = {}): Promise<readonly SignedRecord[]> {
    const { enough = this.#limits.searchEnough, onFound } = options;
    const components = {
      clock: this.#clock,
      caller: this.#caller,
      lookups: this.#lookups,
      groupOf: this.#init.groupOf ?? addressGroup,
      ownPeerId: this.#identity.peerId,
    };
    const known = this.#providers.of(content, this.#clock.now());
    const search = new ProviderSearch(components, { content, known, enough, limits: this.#limits, onFound });
    return search.run(this.#signal(options));
  }

  /** The newest DHT record of a node. Errors: as `provide`. */
  async resolve(id: NodeId, options: AbortOptions = {}): Promise<SignedRecord | undefined> {
    if (id.equals(this.nodeId)) return this.#record;
    const signal = this.#signal(options);
    const known = this.#table.get(id)?.record;
    const answer = known && (await this.#caller.ownRecord(known, { signal }).catch(() => undefined));
    signal.throwIfAborted();
    if (answer) return newest(answer, known);
    const { exact } = await this.#lookups.run(id, { signal });
    return newest(exact, known);
  }

  /** Walks to the nodes nearest to `target`. Errors: as `provide`. */
  lookup(target: NodeId, options: AbortOptions = {}): Promise<LookupResult> {
    return this.#lookups.run(target, { signal: this.#signal(options) });
  }

  /** Drops what the own store has of a provider, after it could not be dialled. */
  forgetProvider(peerId: string): void {
    const bytes = decodeBase58(peerId);
    if (bytes) this.#providers.forget(NodeId.ofPeer(bytes));
  }

  /** The routing table. */
  table(): readonly KnownNode[] {
    return [...this.#table.nodes()].map(({ record, endpoint, served }) => ({ record, endpoint, seen: served }));
  }

  /** Calls `listener` when enough others see this node at an endpoint that its record does not name. Returns the way out. */
  onObserved(listener: (endpoint: Endpoint, votes: number) => void): () => void {
    this.#observers.add(listener);
    return () => this.#observers.delete(listener);
  }

  #vote(from: SignedRecord, endpoint: Endpoint, seen: Endpoint): void {
    const winner = this.#votes.add({ id: from.nodeId.hex, ip: endpoint.ip }, seen);
    if (!winner) return;
    const address = udpAddress(winner.endpoint);
    if (address === this.#observed || this.#record.addresses.includes(address)) return;
    this.#observed = address;
    for (const observer of this.#observers) observer(winner.endpoint, winner.votes);
  }

  #sign(addresses: readonly string[]): SignedRecord {
    // Seconds since 1970 at first, as the reference does; it rises even when the clock is set back.
    const seq = Math.max((this.#record?.seq ?? 0) + 1, Math.floor(this.#clock.now() / 1000), 1);
    return SignedRecord.sign(this.#identity, { seq, addresses });
  }

  #hasUdp(record: SignedRecord): boolean {
    if (!record.udp) this.#logger.warn('A bootstrap record has no UDP address', { peerId: record.peerId });
    return record.udp !== undefined;
  }

  #signal({ signal }: AbortOptions): AbortSignal {
    return signal ? AbortSignal.any([signal, this.#stop.signal]) : this.#stop.signal;
  }
}

function udpAddress({ ip, port }: Endpoint): string {
  return formatAddress({ protocol: ip.includes(':') ? 'ip6' : 'ip4', host: ip, transport: 'udp', port });
}

function newest(a: SignedRecord | undefined, b: SignedRecord | undefined): SignedRecord | undefined {
  if (!a || !b) return a ?? b;
  return a.seq >= b.seq ? a : b;
}
