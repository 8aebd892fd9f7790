import type { Compute } from '@codex/compute';
import type { Cid, Dataset, LeafRange, Repository, TreeCid } from '@codex/content';
import type { LeafOffers } from '@codex/exchange';
import type { AbortOptions, Clock, Logger, MetricsRegistry } from '@codex/runtime';
import type { NodeMarket } from '../market/index.ts';
import type { ProtectedData } from '../protection/index.ts';
import type { StorageProofs } from '../proving/index.ts';
import type { ApiLimits } from './limits.ts';

/** What the API needs of the exchange (`BlockFetcher` of `@codex/exchange`). */
export interface ApiFetcher {
  /** The bytes of a manifest or stand-alone block, from here or from peers. Error: `BLOCK_NOT_FOUND`. */
  fetchBlock(cid: Cid, options?: AbortOptions): Promise<Uint8Array>;
  /** Brings the blocks of `ranges` (default: all) into the local dataset. Error: `BLOCK_NOT_FOUND`. */
  fetchDataset(dataset: Dataset, options?: AbortOptions & { ranges?: readonly LeafRange[] }): Promise<void>;
  /** Moves the front of a fetch that is under way: for a reader that seeks. */
  focus?(treeCid: TreeCid, index: number): void;
  /** What peers say of a tree that is being fetched; undefined while nobody has any of it. */
  offers?(treeCid: TreeCid): LeafOffers | undefined;
}

/** What the API needs of the network (`PeerNetwork` of `@codex/exchange`). */
export interface ApiNetwork {
  /** Multiaddrs, wildcards expanded, real ports. */
  listenAddrs(): string[];
  /** Errors: `PEER_ID_INVALID`, `ADDRESS_INVALID`, `DIAL_FAILED`. */
  connect(peer: string, addrs: readonly string[], options?: AbortOptions): Promise<void>;
}

/** One line of the routing table in `/debug/info` (06 §3). */
export interface RoutingNode {
  /** Hex, no 0x, leading zeros stripped. */
  readonly nodeId: string;
  readonly peerId: string;
  /** Text dump of the signed peer record. */
  readonly record: string;
  /** `ip:port` of its UDP socket. */
  readonly address: string | null;
  readonly seen: boolean;
}

/** What the DHT knows of a peer. */
export interface FoundPeer {
  readonly seq: number;
  /** All multiaddrs of its record. */
  readonly addresses: readonly string[];
  /** Those that can be dialled from here. */
  readonly dialable: readonly string[];
}

/** What the API needs of discovery. */
export interface ApiPeers {
  /** Looks for the record of a peer; undefined when nobody knows it, and for what is no peer id. */
  find(peerId: string, options?: AbortOptions): Promise<FoundPeer | undefined>;
}

/** What the API tells about the node itself. */
export interface ApiNode {
  readonly peerId: string;
  /** The data directory. */
  readonly repoPath: string;
  /** `spr:…`, or undefined before the record exists. */
  spr(): string | undefined;
  /** Text dump of the signed peer record; empty before it exists. */
  record(): string;
  /** TCP multiaddrs that are announced. */
  announceAddrs(): string[];
  /** Last release tag, or `untagged build`. */
  readonly version: string;
  /** Short hash. */
  readonly revision: string;
  /** Short hash of the contracts. */
  readonly contracts: string;
  /** Id in the DHT; empty without one. */
  nodeId?(): string;
  /** `ip:port` on which the DHT listens; null without one. */
  discoveryAddress?(): string | null;
  /** The routing table without the local node; empty without a DHT. */
  routingTable?(): RoutingNode[];
}

/** The marketplace, once its chain was reached. */
export interface ApiMarket {
  readonly live: NodeMarket | undefined;
}

export interface ApiComponents {
  readonly repository: Repository;
  readonly fetcher: ApiFetcher;
  /** Does the erasure coding. */
  readonly compute: Compute;
  readonly network: ApiNetwork;
  readonly node: ApiNode;
  /** None: peers are connected by address only. */
  readonly peers?: ApiPeers;
  /** Shared with other parts of the node; default: one of its own. */
  readonly protection?: ProtectedData;
  /** None: persistence is not enabled. */
  readonly market?: ApiMarket;
  /** None: this node makes and checks no storage proofs. */
  readonly proofs?: StorageProofs;
  /** `set` throws a coded error when the specification is not understood. */
  readonly logLevels: { set(spec: string): void };
  readonly clock?: Clock;
  readonly logger?: Logger;
  readonly metrics?: MetricsRegistry;
}

export interface ApiInit {
  readonly bindAddress: string;
  /** 0 = a free port; `ApiServer.port` tells which. */
  readonly port: number;
  /** `*` or an origin, scheme optional (06 §1). No CORS headers without it. */
  readonly corsOrigin?: string | undefined;
  /** How long a request waits for data that nobody has delivered. */
  readonly fetchTimeoutMs: number;
  readonly limits?: Partial<ApiLimits>;
}
