import { join } from 'node:path';
import { type MarketplaceConfig, type MarketplaceRules, marketplaceAbi } from '@codex/contracts';
import {
  type AbortOptions,
  type Clock,
  type Logger,
  type MetricsRegistry,
  noMetrics,
  type Random,
  silentLogger,
  systemClock,
  systemRandom,
} from '@codex/runtime';
import { isAddress, zeroHash } from 'viem';
import { MarketError } from '../errors.ts';
import { BlockTrail } from './blocks/block-trail.ts';
import { isHex, parseHeader } from './blocks/header.ts';
import { TrailClock } from './blocks/trail-clock.ts';
import { MARKETPLACES } from './contract/addresses.ts';
import { answerOf, ContractReader } from './contract/contract-reader.ts';
import { ProofStatuses } from './contract/proof-status.ts';
import { type KeySource, loadAccount } from './keys/private-key.ts';
import { MarketLogs } from './logs/market-logs.ts';
import type { Address, Marketplace } from './marketplace.ts';
import { chainMetrics } from './metrics.ts';
import type { Connect } from './rpc/connection.ts';
import { RpcPool } from './rpc/rpc-pool.ts';
import { DiskStateFiles, MemoryStateFiles, type StateFiles } from './state-files.ts';
import { Allowance } from './transactions/allowance.ts';
import { Journal } from './transactions/journal.ts';
import { localSigner, remoteSigner } from './transactions/signer.ts';
import { TransactionSender } from './transactions/transaction-sender.ts';
import { ViemMarketplace } from './viem-marketplace.ts';

export interface ConnectInit extends AbortOptions {
  /** Addresses of end points of one chain (http, https, ws, wss), the preferred one first. */
  readonly rpc: string | readonly string[];
  readonly key: KeySource;
  /** Default: the one that is known for the chain. */
  readonly marketplaceAddress?: Address | undefined;
  /** Default: the chain of the end point that answers first. */
  readonly chainId?: number | undefined;
  /** Where cursors and the journal of transactions are kept. Without it they end with the process. */
  readonly dataDirectory?: string | undefined;
  /** Wei for each unit of gas, where the network names none. */
  readonly maxPriorityFeePerGas?: bigint | undefined;
  /** Milliseconds; default: as the chain's blocks come. */
  readonly pollMs?: number | undefined;
  /** Milliseconds after which a transaction that is in no block is paid more for. */
  readonly replaceAfterMs?: number | undefined;
  /** Milliseconds after which a transaction whose nonce somebody else seems to have used is sent anew. */
  readonly lostAfterMs?: number | undefined;
  /** Milliseconds that one end point, and that all of them have for an answer. */
  readonly timeoutMs?: number | undefined;
  readonly deadlineMs?: number | undefined;
  readonly clock?: Clock;
  readonly random?: Random;
  readonly logger?: Logger;
  readonly metrics?: MetricsRegistry;
  readonly connect?: Connect;
}

/** A marketplace, and the connection to its chain. */
export interface ConnectedMarketplace extends Marketplace {
  readonly address: Address;
  readonly token: Address;
  readonly chainId: number;
  /** Whether there is no new block for far longer than usual. */
  readonly isStale: boolean;
  /** Ends followers and waits; transactions that were sent are taken up by the next connection with the same directory. */
  close(): Promise<void>;
}

/** An address that follows from the chain must at least have code. */
const NO_CODE = '0x';
/** Waits while an end point catches up with the chain; each is longer by the first, up to the last (16 §1). */
const SYNCING_MS = 1_000;
const SYNCING_MAX_MS = 10_000;

/**
 * Connects to a marketplace. Errors: `CHAIN_UNREACHABLE`, `CHAIN_MISMATCH`, `ETHEREUM_KEY_INVALID`, `MARKETPLACE_MISSING`, `MARKET_STATE_UNREADABLE`,
 * or the signal's reason.
 */
export async function connectMarketplace(init: ConnectInit): Promise<ConnectedMarketplace> {
  const { signal, key } = init;
  const clock = init.clock ?? systemClock;
  const logger = (init.logger ?? silentLogger).child('market chain');
  const metrics = chainMetrics(init.metrics ?? noMetrics);
  const random = init.random ?? systemRandom;
  // The key first: without it nothing else is of use.
  const local = 'account' in key ? undefined : localSigner(await loadAccount(key));
  const pool = new RpcPool(
    { clock, random, logger, metrics, ...(init.connect && { connect: init.connect }) },
    { ...init, urls: typeof init.rpc === 'string' ? [init.rpc] : init.rpc },
  );
  const ends: (() => void | Promise<void>)[] = [() => pool.close()];
  const close = async () => {
    for (const end of ends.splice(0).reverse()) await end();
  };
  try {
    await synced(pool, clock, logger, signal);
    const chainId = pool.chainId!;
    const signer = local ?? remoteSigner(pool, 'account' in key ? key.account : zeroHash);
    const address = await addressOf(pool, chainId, init);
    const trail = new BlockTrail({ pool, clock, logger, metrics }, { pollMs: init.pollMs });
    await trail.start({ signal });
    ends.push(() => trail.close());
    const chainClock = new TrailClock({ clock, trail });
    ends.push(() => chainClock.close());
    const genesis =
      parseHeader(await pool.request('eth_getBlockByNumber', ['0x0', false], { signal }))?.hash ?? zeroHash;
    const files = filesOf(init.dataDirectory, `${chainId}-${genesis.slice(2, 10)}-${address.slice(2)}`);
    const reader = new ContractReader({ pool, trail, logger }, { account: signer.address });
    const { token, configuration } = await readConfiguration(reader, address, signal);
    await reader.findPending({ address, abi: marketplaceAbi, name: 'token' }, { signal });
    warnOfPeriod(trail, configuration, logger);

    const journal = await Journal.open(files, `transactions-${signer.address.slice(2)}`, signer.address);
    const sender = new TransactionSender(
      { pool, trail, clock, logger, metrics, signer, journal },
      { ...init, chainId, tag: () => reader.tag },
    );
    sender.start();
    ends.push(() => sender.close());
    const allowance = new Allowance({ reader, sender }, { token, marketplace: address });
    const proofs = new ProofStatuses(
      { reader, pool, trail, chainClock, clock },
      { marketplace: address, proofs: configuration.proofs },
    );
    const logs = new MarketLogs({ pool, logger }, { address });
    const marketplace = new ConnectedViemMarketplace(
      { pool, trail, reader, proofs, logs, sender, allowance, files, chainClock, clock, logger, metrics },
      { address, token, chainId, close, place: { chainId, genesis, address }, configuration },
    );
    ends.push(() => marketplace.endFollowers());
    logger.info('Connected to the marketplace', { chainId, address, account: signer.address });
    return marketplace;
  } catch (error) {
    await close();
    throw error;
  }
}

type ConnectedInit = ConstructorParameters<typeof ViemMarketplace>[1] & {
  readonly chainId: number;
  readonly close: () => Promise<void>;
};

class ConnectedViemMarketplace extends ViemMarketplace implements ConnectedMarketplace {
  readonly address: Address;
  readonly token: Address;
  readonly chainId: number;
  readonly #trail: BlockTrail;
  readonly #close: () => Promise<void>;
  readonly #ended = new AbortController();
  readonly #followers = new Set<Promise<void>>();

  constructor(components: ConstructorParameters<typeof ViemMarketplace>[0], init: ConnectedInit) {
    super(components, init);
    this.address = init.address;
    this.token = init.token;
    this.chainId = init.chainId;
    this.#trail = components.trail;
    this.#close = init.close;
  }

  get isStale(): boolean {
    return this.#trail.isStale;
  }

  override async follow(
    listener: Parameters<Marketplace['follow']>[0],
    options: Parameters<Marketplace['follow']>[1],
  ): Promise<void> {
    const { signal } = options;
    const ends = signal ? AbortSignal.any([signal, this.#ended.signal]) : this.#ended.signal;
    const following = super.follow(listener, { ...options, signal: ends });
    this.#followers.add(following);
    try {
      await following;
    } finally {
      this.#followers.delete(following);
    }
  }

  async endFollowers(): Promise<void> {
    this.#ended.abort(new MarketError('CHAIN_UNREACHABLE', 'The connection to the chain is closed'));
    await Promise.allSettled(this.#followers);
  }

  close(): Promise<void> {
    return this.#close();
  }
}

/** Waits until an end point has caught up with its chain. */
async function synced(pool: RpcPool, clock: Clock, logger: Logger, signal: AbortSignal | undefined): Promise<void> {
  for (let delayMs = SYNCING_MS; ; delayMs = Math.min(delayMs + SYNCING_MS, SYNCING_MAX_MS)) {
    const [answer] = await pool.batch([{ method: 'eth_syncing' }], { signal });
    // End points that do not say are taken to be there.
    if (answer?.error || answer?.result === false) return;
    logger.notice('The chain is still being synced', { delayMs });
    await clock.sleep(delayMs, { signal });
  }
}

async function addressOf(pool: RpcPool, chainId: number, init: ConnectInit): Promise<Address> {
  const { signal } = init;
  const address = init.marketplaceAddress ?? MARKETPLACES[chainId];
  if (!address) {
    const message = `No marketplace is known on chain ${chainId}: give the address of one`;
    throw new MarketError('MARKETPLACE_MISSING', message, { chainId });
  }
  const lower = address.toLowerCase() as Address;
  if (!isAddress(lower)) throw new MarketError('MARKETPLACE_MISSING', `${address} is no address`, { address });
  const code = await pool.request('eth_getCode', [lower, 'latest'], { signal });
  if (!isHex(code) || code === NO_CODE) {
    throw new MarketError('MARKETPLACE_MISSING', `There is no contract at ${lower}`, { address: lower, chainId });
  }
  return lower;
}

function filesOf(directory: string | undefined, name: string): StateFiles {
  return directory === undefined ? new MemoryStateFiles() : new DiskStateFiles(join(directory, 'chain', name));
}

async function readConfiguration(
  reader: ContractReader,
  address: Address,
  signal: AbortSignal | undefined,
): Promise<{ token: Address; configuration: MarketplaceConfig & { rules?: MarketplaceRules } }> {
  const views = ['token', 'configuration', 'rules'].map((name) => ({ address, abi: marketplaceAbi, name }));
  try {
    const [token, config, rules] = await Promise.all(
      // Contracts of the reference have no rules.
      views.map((view) => reader.readAll([view], { signal }).then(([said]) => said!)),
    );
    const configuration = answerOf<MarketplaceConfig>('configuration', config!);
    const lower = answerOf<Address>('token', token!).toLowerCase() as Address;
    if (!rules || 'revert' in rules) return { token: lower, configuration };
    return { token: lower, configuration: { ...configuration, rules: rules.value as MarketplaceRules } };
  } catch (error) {
    signal?.throwIfAborted();
    if (error instanceof MarketError && (error.code === 'CHAIN_UNREACHABLE' || error.code === 'CHAIN_MISMATCH'))
      throw error;
    const message = `The contract at ${address} is no marketplace`;
    throw new MarketError('MARKETPLACE_MISSING', message, { address }, { cause: error });
  }
}

/** One period must not straddle a change of challenges (12 §6). */
function warnOfPeriod(trail: BlockTrail, { proofs }: MarketplaceConfig, logger: Logger): void {
  const { blockSeconds } = trail;
  if (blockSeconds === undefined || Number(proofs.period) < proofs.downtime * blockSeconds) return;
  logger.warn('Blocks come so fast that challenges can change within a period: proofs may be asked for twice', {
    periodSeconds: Number(proofs.period),
    downtimeBlocks: proofs.downtime,
    blockSeconds,
  });
}
