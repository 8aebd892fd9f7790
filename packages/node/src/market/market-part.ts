import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Repository } from '@codex/content';
import {
  type ConnectedMarketplace,
  connectMarketplace,
  FileRecords,
  type KeySource,
  Purchasing,
  Reservations,
  Sales,
  Validation,
} from '@codex/market';
import {
  type Clock,
  isCodexError,
  type Logger,
  type MetricsRegistry,
  type Random,
  type Startable,
} from '@codex/runtime';
import type { ApiFetcher, ApiMarket } from '../api/index.ts';
import type { NodeConfig } from '../config/index.ts';
import { NodeError } from '../errors.ts';
import type { ProtectedData } from '../protection/index.ts';
import type { StorageProofs } from '../proving/index.ts';
import { DatasetTerms } from './dataset-terms.ts';
import { NodeHostStorage } from './host-storage.ts';
import { NodeMarket } from './node-market.ts';

export interface MarketPartComponents {
  readonly repository: Repository;
  readonly fetcher: Pick<ApiFetcher, 'fetchBlock' | 'fetchDataset'>;
  readonly protection: ProtectedData;
  readonly proofs: StorageProofs;
  readonly clock: Clock;
  readonly random: Random;
  readonly metrics: MetricsRegistry;
  /** By topic. */
  readonly logger: (topics: string) => Logger;
}

export interface MarketPartInit {
  readonly config: NodeConfig;
  /** Where journals and books are. */
  readonly directory: string;
}

/** So long the start waits for the chain; the rest of the node is of use without. */
const REACH_MS = 5_000;
/** Between two tries to reach a chain that did not answer. */
const RECONNECT_MS = 10_000;
/** Rights of the group and of everybody. */
const OTHERS = 0o077;

type Ending = () => Promise<void> | void;

/** Buying, selling and validating, as parts of a node. Only what a user has set wrongly ends the node (16 §1). */
export class MarketPart implements Startable, ApiMarket {
  readonly #c: MarketPartComponents;
  readonly #config: NodeConfig;
  readonly #directory: string;
  readonly #logger: Logger;
  readonly #stopped = new AbortController();
  readonly #background = new Set<Promise<void>>();
  readonly #endings: Ending[] = [];
  #live: NodeMarket | undefined;

  constructor(components: MarketPartComponents, { config, directory }: MarketPartInit) {
    this.#c = components;
    this.#config = config;
    this.#directory = directory;
    this.#logger = components.logger('codex market');
  }

  /** Undefined until the chain was reached. */
  get live(): NodeMarket | undefined {
    return this.#live;
  }

  /** Errors: `ETHEREUM_ACCOUNT_MISSING`, `KEY_FILE_UNSAFE`, `ETHEREUM_KEY_INVALID`, `MARKETPLACE_MISSING`, `CHAIN_MISMATCH`. */
  async start(): Promise<void> {
    const { clock } = this.#c;
    const opening = this.#openWhenReached(await keySource(this.#config));
    this.#inBackground('The marketplace is disabled', () => opening);
    const answered = new AbortController();
    const waited = clock.sleep(REACH_MS, { signal: answered.signal }).then(() => {
      this.#logger.error('The chain does not answer: no marketplace until it does');
    });
    try {
      await Promise.race([opening, waited]);
    } finally {
      answered.abort();
    }
  }

  async stop(): Promise<void> {
    this.#live = undefined;
    this.#stopped.abort(new NodeError('MARKET_ENDED', 'The node stops'));
    await Promise.all(this.#background);
    for (const end of this.#endings.splice(0).reverse()) await end();
  }

  async #openWhenReached(key: KeySource): Promise<void> {
    const { signal } = this.#stopped;
    for (;;) {
      try {
        return await this.#open(key);
      } catch (error) {
        if (!isCodexError(error, 'CHAIN_UNREACHABLE')) throw error;
        signal.throwIfAborted();
        this.#logger.warn('The chain cannot be reached', { error });
        await this.#c.clock.sleep(RECONNECT_MS, { signal });
      }
    }
  }

  async #open(key: KeySource): Promise<void> {
    const { clock, random, metrics, repository, logger } = this.#c;
    const config = this.#config;
    const shared = { clock, random, metrics };
    const marketplace = await connectMarketplace({
      ...shared,
      rpc: config.ethProvider.flat(),
      key,
      marketplaceAddress: config.marketplaceAddress,
      maxPriorityFeePerGas: BigInt(config.maxPriorityFeePerGas),
      dataDirectory: this.#directory,
      logger: this.#logger,
      signal: this.#stopped.signal,
    });
    this.#endings.push(() => marketplace.close());
    const records = await this.#records('purchases');
    const books = await this.#records('sales');
    const purchasing = new Purchasing({ ...shared, marketplace, records, logger: logger('codex purchasing') });
    const quota = {
      reservedBytes: () => repository.usage().quotaReservedBytes,
      reserve: (bytes: number) => repository.reserve(bytes),
      release: (bytes: number) => repository.release(bytes),
    };
    const reservations = await Reservations.open({ records: books, quota, random, logger: logger('codex sales') });
    let sales: Sales | undefined;
    this.#live = new NodeMarket({
      marketplace,
      purchasing,
      reservations,
      datasets: new DatasetTerms(this.#c),
      sales: () => sales,
    });
    this.#try('Purchasing', () => {
      purchasing.start();
      this.#endings.push(() => purchasing.stop());
    });
    if (config.prover) {
      // The key may have to be made or hashed first.
      this.#inBackground('Selling is disabled', async () => {
        await this.#checkKey(marketplace);
        sales = this.#sell(marketplace, reservations, books);
      });
    }
    if (config.validator) {
      const watched = await this.#records('validation');
      this.#try('Validation', () => this.#validate(marketplace, watched));
    }
  }

  async #records(name: string): Promise<FileRecords> {
    const records = await FileRecords.open(join(this.#directory, `${name}.log`));
    this.#endings.push(() => records.close());
    return records;
  }

  /** Proofs with another key would all be refused. Error: `PROVING_KEY_FOREIGN`, and those of the circuit's files. */
  async #checkKey(marketplace: ConnectedMarketplace): Promise<void> {
    const { sha256 } = await this.#c.proofs.key({ signal: this.#stopped.signal });
    const expected = marketplace.configuration.proofs.zkeyHash.replace(/^0x/i, '').toLowerCase();
    if (sha256 === expected) return;
    const message = `The network proves with key ${expected}, and this node has ${sha256}`;
    throw new NodeError('PROVING_KEY_FOREIGN', message, { expected, sha256 });
  }

  #sell(marketplace: ConnectedMarketplace, reservations: Reservations, records: FileRecords): Sales {
    const { clock, random, metrics, logger } = this.#c;
    const { rewardRecipient, repairThreshold: repairFrom, simulateProofFailures: wrongProofEvery } = this.#config;
    const storage = new NodeHostStorage({
      ...this.#c,
      records,
      chain: marketplace.clock,
      told: ({ requestId, slotIndex }) => {
        const held = reservations
          .reservations()
          .find((reservation) => reservation.requestId === requestId && reservation.slotIndex === slotIndex);
        return held ? held.slotSize - held.size : 0;
      },
    });
    const sales = new Sales(
      { marketplace, storage, reservations, records, clock, random, metrics, logger: logger('codex sales') },
      { rewardRecipient, repairFrom, wrongProofEvery },
    );
    sales.start();
    this.#endings.push(() => sales.stop());
    this.#logger.info('Selling storage', { account: marketplace.account });
    return sales;
  }

  #validate(marketplace: ConnectedMarketplace, records: FileRecords): void {
    const { clock, random, metrics, logger } = this.#c;
    const { validatorMaxSlots, validatorGroups, validatorGroupIndex } = this.#config;
    const validation = new Validation(
      { marketplace, records, clock, random, metrics, logger: logger('codex validator') },
      { maxSlots: validatorMaxSlots, groups: validatorGroups, groupIndex: validatorGroupIndex },
    );
    validation.start();
    this.#endings.push(() => validation.stop());
  }

  #try(part: string, start: () => void): void {
    try {
      start();
    } catch (error) {
      this.#logger.error(`${part} is disabled`, { error });
    }
  }

  #inBackground(failed: string, work: () => Promise<void>): void {
    const running = work()
      .catch((error: unknown) => {
        if (!this.#stopped.signal.aborted) this.#logger.error(failed, { error });
      })
      .finally(() => this.#background.delete(running));
    this.#background.add(running);
  }
}

/** Errors: `ETHEREUM_ACCOUNT_MISSING`, `KEY_FILE_UNSAFE`. */
async function keySource({ ethAccount, ethPrivateKey }: NodeConfig): Promise<KeySource> {
  if (ethAccount !== undefined) return { account: ethAccount };
  if (ethPrivateKey === undefined) {
    throw new NodeError('ETHEREUM_ACCOUNT_MISSING', 'Persistence enabled, but no Ethereum account was set');
  }
  const info = await stat(ethPrivateKey).catch(() => undefined);
  if (info && process.platform !== 'win32' && (info.mode & OTHERS) !== 0) {
    const message = `Ethereum private key file does not have safe file permissions: chmod 600 ${ethPrivateKey}`;
    throw new NodeError('KEY_FILE_UNSAFE', message, { path: ethPrivateKey });
  }
  return { file: ethPrivateKey };
}
