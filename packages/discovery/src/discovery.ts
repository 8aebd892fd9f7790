import type { AbortOptions, Clock, Logger, MetricsRegistry, Random, Startable } from '@codex/runtime';
import type { DatagramNetwork, Endpoint } from './datagram/datagram.ts';
import type { Identity } from './identity/identity.ts';
import type { NodeId } from './identity/node-id.ts';
import type { RecordReader, SignedRecord } from './record/signed-record.ts';
import type { DiscoveryStorage } from './storage/storage.ts';

export interface DiscoveryComponents {
  readonly identity: Identity;
  readonly datagrams: DatagramNetwork;
  readonly clock?: Clock;
  readonly random?: Random;
  /** In memory when left out. It is closed by `stop`. */
  readonly storage?: DiscoveryStorage;
  /** Nodes in one process may share one, so that each record is verified once. */
  readonly records?: RecordReader;
  readonly logger?: Logger;
  readonly metrics?: MetricsRegistry;
}

export interface DiscoveryInit {
  /** Where to bind; port 0 takes a free one. */
  readonly listen: Endpoint;
  /** Those without a UDP endpoint are ignored with a warning. */
  readonly bootstrap?: readonly SignedRecord[];
  /** Addresses of the first own record; the bound endpoint when left out. `announce` replaces them. */
  readonly addresses?: readonly string[];
}

export interface LookupOptions extends AbortOptions {}

export interface LookupResult {
  /** Nodes that answered, the nearest to the target first; at most 16. */
  readonly closest: readonly SignedRecord[];
  /** Newest record with the target's id that somebody sent. */
  readonly exact: SignedRecord | undefined;
  /** Nodes on the way from the own table to the nearest one, which counts: 1 when the table had it. */
  readonly hops: number;
  readonly requests: number;
  readonly failures: number;
  readonly durationMs: number;
}

export interface ProvideOptions extends AbortOptions {
  /** Asks two of the nodes whether they have the record now, and sends it again if not. Default true. */
  readonly verify?: boolean;
}

export interface ProvideResult {
  /** Nodes that the record was sent to. */
  readonly asked: number;
  /** Of the nodes that were asked for it afterwards, those that had it. */
  readonly confirmed: number;
}

export interface FindProvidersOptions extends AbortOptions {
  /** Ends the search as soon as this many providers were found, by more than one node. */
  readonly enough?: number;
  /** Called for each provider when it is first heard of, and again when a newer record of it comes. */
  readonly onFound?: (record: SignedRecord) => void;
}

export interface KnownNode {
  readonly record: SignedRecord;
  readonly endpoint: Endpoint;
  /** It answered, and not twice in a row did it fail since: such nodes are told to others. */
  readonly seen: boolean;
}

/** A node of the DHT (05). */
export class Discovery implements Startable {
  readonly nodeId: NodeId;

  constructor(components: DiscoveryComponents, init: DiscoveryInit) {
    this.nodeId = components.identity.nodeId;
    void init;
  }

  /** The bound endpoint; undefined before `start` and after `stop`. */
  get local(): Endpoint | undefined {
    throw new Error('soon');
  }

  /** The node's own DHT record. */
  get record(): SignedRecord {
    throw new Error('soon');
  }

  /** Resolves when the first search for the own id is over, at once for a node without anybody to ask; rejects when stopped before. */
  get joined(): Promise<void> {
    throw new Error('soon');
  }

  /** Binds the socket and begins to join in the background. Error: BIND_FAILED. */
  async start(): Promise<void> {
    throw new Error('soon');
  }

  /** Aborts what is under way, saves, closes the socket and the storage. */
  async stop(): Promise<void> {
    throw new Error('soon');
  }

  /** Signs a new own record with a higher seq; multiaddrs, the UDP ones first. The same addresses keep the record. */
  announce(addresses: readonly string[]): SignedRecord {
    throw new Error(`soon ${addresses}`);
  }

  /** Tells the nodes nearest to `content` that the signer of `record` has it. */
  async provide(content: NodeId, record: SignedRecord, options: ProvideOptions = {}): Promise<ProvideResult> {
    throw new Error(`soon ${content} ${record} ${options}`);
  }

  /** Records of peers that have `content`, those that most nodes told first, without the own one. */
  async findProviders(content: NodeId, options: FindProvidersOptions = {}): Promise<readonly SignedRecord[]> {
    throw new Error(`soon ${content} ${options}`);
  }

  /** The newest DHT record of a node. */
  async resolve(id: NodeId, options: AbortOptions = {}): Promise<SignedRecord | undefined> {
    throw new Error(`soon ${id} ${options}`);
  }

  async lookup(target: NodeId, options: LookupOptions = {}): Promise<LookupResult> {
    throw new Error(`soon ${target} ${options}`);
  }

  /** Drops what the own store has of a provider, after it could not be dialled. */
  forgetProvider(peerId: string): void {
    throw new Error(`soon ${peerId}`);
  }

  /** The routing table. */
  table(): readonly KnownNode[] {
    throw new Error('soon');
  }

  /** Calls `listener` when enough peers see this node at an endpoint that its record does not name. Returns the way out. */
  onObserved(listener: (endpoint: Endpoint, votes: number) => void): () => void {
    throw new Error(`soon ${listener}`);
  }
}
