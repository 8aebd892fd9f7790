import type { Compute } from '@codex/compute';
import type { Repository } from '@codex/content';
import type { DatagramNetwork, Discovery, Identity, SignedRecord } from '@codex/discovery';
import type { BlockFetcher, PeerFinder, PeerNetwork } from '@codex/exchange';
import { type Cancel, type Clock, Lifecycle, type Random, type Startable } from '@codex/runtime';
import type { Announcement } from './announcement.ts';
import type { ApiServer } from './api/index.ts';
import { assembleNode } from './assemble-node.ts';
import type { NodeConfig } from './config/index.ts';
import { configSummary } from './config-summary.ts';
import { NodeError } from './errors.ts';
import type { NodeLog } from './logging/index.ts';
import type { MetricsServer, PrometheusMetrics } from './metrics/index.ts';
import type { CircuitSource, StorageProofs } from './proving/index.ts';

/** What takes the place of a part that the node would make itself: for tests, simulators and later releases. */
export interface NodeOverrides {
  readonly clock?: Clock;
  readonly random?: Random;
  readonly log?: NodeLog;
  /** Given the key, so that records and network agree on who the node is. */
  readonly network?: (identity: Identity) => PeerNetwork;
  readonly repository?: () => Promise<Repository & Startable> | (Repository & Startable);
  /** Carries the packets of discovery; UDP by default. */
  readonly datagrams?: DatagramNetwork;
  /** False: no DHT; peers are found by their addresses only. */
  readonly discovery?: false;
  /** Finds peers in the place of the DHT. */
  readonly finder?: PeerFinder;
  /** Where circuits and proving keys come from. */
  readonly circuits?: CircuitSource;
}

/** The parts of a node. */
export interface NodeParts {
  readonly clock: Clock;
  readonly log: NodeLog;
  readonly identity: Identity;
  readonly metrics: PrometheusMetrics;
  readonly metricsServer: MetricsServer | undefined;
  readonly compute: Compute;
  readonly repository: Repository;
  readonly network: PeerNetwork;
  readonly exchange: BlockFetcher;
  readonly announcement: Announcement;
  readonly proofs: StorageProofs;
  readonly discovery: Discovery | undefined;
  /** What `/spr` tells; undefined before the start. */
  readonly ownRecord: () => SignedRecord | undefined;
  readonly api: ApiServer;
  /** Gives back what was opened while the node was made; harmless when called again. */
  readonly close: () => Promise<void>;
  /** All that starts and stops, in order. */
  readonly startables: readonly { readonly name: string; readonly part: Startable }[];
  /** Set while the node serves. */
  readonly state: { ready: boolean };
}

/** A stop that lasts longer is given up: whoever supervises the process would kill it soon. */
const STOP_DEADLINE_MS = 15_000;

/** A whole storage node: repository, peers, exchange and REST API, wired together (07 §1). */
export class CodexNode implements Startable {
  readonly config: NodeConfig;
  readonly #parts: NodeParts;
  readonly #lifecycle = new Lifecycle();

  private constructor(config: NodeConfig, parts: NodeParts) {
    this.config = config;
    this.#parts = parts;
    for (const { name, part } of parts.startables) this.#lifecycle.add(name, part);
  }

  /**
   * Makes the parts of a node; nothing listens yet. What was opened is closed again when a later part fails.
   * Errors: DATA_DIR_UNUSABLE, KEY_FILE_UNSAFE, KEY_FILE_INVALID, LOG_FILE_UNWRITABLE, and those of the repository.
   */
  static async create(config: NodeConfig, overrides: NodeOverrides = {}): Promise<CodexNode> {
    return new CodexNode(config, await assembleNode(config, overrides));
  }

  get log(): NodeLog {
    return this.#parts.log;
  }

  get identity(): Identity {
    return this.#parts.identity;
  }

  get peerId(): string {
    return this.#parts.identity.peerId;
  }

  get repository(): Repository {
    return this.#parts.repository;
  }

  get network(): PeerNetwork {
    return this.#parts.network;
  }

  get exchange(): BlockFetcher {
    return this.#parts.exchange;
  }

  /** Slots of protected datasets, and proofs that they are here. */
  get proofs(): StorageProofs {
    return this.#parts.proofs;
  }

  /** None when it was overridden. */
  get discovery(): Discovery | undefined {
    return this.#parts.discovery;
  }

  get metrics(): PrometheusMetrics {
    return this.#parts.metrics;
  }

  /** `http://host:port` of the REST API, once started. */
  get apiUrl(): string {
    return this.#parts.api.url;
  }

  /** `http://host:port` of the metrics server, once started and if there is one. */
  get metricsUrl(): string | undefined {
    return this.#parts.metricsServer?.url;
  }

  /** The record by which others join through this node, once started; without a DHT, that of the TCP addresses. */
  get spr(): string | undefined {
    return this.#parts.ownRecord()?.uri;
  }

  /** True while the node serves. */
  get ready(): boolean {
    return this.#parts.state.ready;
  }

  /** Starts everything; the REST API listens last. Errors: LISTEN_FAILED and those of the parts. */
  async start(): Promise<void> {
    const logger = this.log.logger('codex node');
    logger.info('Starting codex node', { config: configSummary(this.config, this.peerId) });
    try {
      await this.#lifecycle.start();
    } catch (error) {
      // The lifecycle has stopped what it started; the rest was opened by `create`.
      await this.#parts.close().catch(() => {});
      throw error;
    }
    this.#parts.state.ready = true;
    this.log.logger('codex restapi').info('REST service started', { url: this.apiUrl });
  }

  /** Stops everything in reverse order. Error: STOP_DEADLINE_EXCEEDED when that takes too long. */
  async stop(): Promise<void> {
    this.#parts.state.ready = false;
    const logger = this.log.logger('codex node');
    logger.notice('Stopping codex node');
    let cancel: Cancel = () => {};
    const deadline = new Promise<never>((_, reject) => {
      cancel = this.#parts.clock.schedule(STOP_DEADLINE_MS, () => {
        reject(new NodeError('STOP_DEADLINE_EXCEEDED', `The node did not stop within ${STOP_DEADLINE_MS} ms`));
      });
    });
    try {
      await Promise.race([this.#lifecycle.stop().finally(() => this.#parts.close()), deadline]);
    } finally {
      cancel();
    }
    logger.notice('Codex node stopped');
    await this.log.flush();
  }
}
