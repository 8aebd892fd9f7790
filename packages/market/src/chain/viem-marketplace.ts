import {
  type MarketplaceConfig,
  type MarketplaceRules,
  marketplaceAbi,
  requestIdOf,
  testTokenAbi,
} from '@codex/contracts';
import { type AbortOptions, type Clock, isCodexError, type Logger } from '@codex/runtime';
import { encodeFunctionData, zeroAddress } from 'viem';
import type { BlockTrail } from './blocks/block-trail.ts';
import type { ContractReader, Tag } from './contract/contract-reader.ts';
import { markableSlots } from './contract/missing-proofs.ts';
import type { ProofStatuses } from './contract/proof-status.ts';
import { readSlotStates } from './contract/slot-states.ts';
import { Cursor, type CursorPlace } from './logs/cursor.ts';
import { LogFollower } from './logs/log-follower.ts';
import type { MarketLogs } from './logs/market-logs.ts';
import type {
  Address,
  ChainClock,
  Hex,
  Marketplace,
  ProofStatus,
  RequestId,
  RequestState,
  Sent,
  SlotId,
  SlotState,
  SolidityProof,
  StorageRequest,
  TracedEvent,
} from './marketplace.ts';
import type { ChainMetrics } from './metrics.ts';
import type { RpcPool } from './rpc/rpc-pool.ts';
import type { StateFiles } from './state-files.ts';
import type { Allowance } from './transactions/allowance.ts';
import type { TransactionSender } from './transactions/transaction-sender.ts';

export interface ViemMarketplaceComponents {
  readonly pool: RpcPool;
  readonly trail: BlockTrail;
  readonly reader: ContractReader;
  readonly proofs: ProofStatuses;
  readonly logs: MarketLogs;
  readonly sender: TransactionSender;
  readonly allowance: Allowance;
  readonly files: StateFiles;
  readonly chainClock: ChainClock;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: ChainMetrics;
}

export interface ViemMarketplaceInit {
  readonly address: Address;
  readonly token: Address;
  readonly place: CursorPlace;
  readonly configuration: MarketplaceConfig & { readonly rules?: MarketplaceRules };
}

/** In the contract's order (12 §1). */
const REQUEST_STATES: readonly RequestState[] = ['new', 'started', 'cancelled', 'finished', 'failed'];
const SLOT_STATES: readonly SlotState[] = ['free', 'filled', 'finished', 'failed', 'paid', 'cancelled', 'repair'];
/** Requests never change; as many as the reference remembers (16 §4). */
const REQUESTS_REMEMBERED = 128;
/** What the one who happens to be last executes more than was estimated, in percent (16 §5). */
const GAS_PERCENT = { fillSlot: 110, reserveSlot: 125, markProofAsMissing: 150, freeSlot: 300 } as const;

/** The marketplace's contract through `RpcPool`, with viem's encodings. */
export class ViemMarketplace implements Marketplace {
  readonly #c: ViemMarketplaceComponents;
  readonly #init: ViemMarketplaceInit;
  readonly #requests = new Map<RequestId, StorageRequest>();

  constructor(components: ViemMarketplaceComponents, init: ViemMarketplaceInit) {
    this.#c = components;
    this.#init = init;
  }

  get account(): Address {
    return this.#c.reader.account;
  }

  get clock(): ChainClock {
    return this.#c.chainClock;
  }

  get configuration(): MarketplaceConfig & { readonly rules?: MarketplaceRules } {
    return this.#init.configuration;
  }

  async request(id: RequestId): Promise<StorageRequest | undefined> {
    const known = this.#requests.get(id);
    if (known) {
      this.#requests.delete(id);
      this.#requests.set(id, known);
      return known;
    }
    const read = this.#view<StorageRequest>('getRequest', [id]).then(lowerClient);
    const request = await unless('Marketplace_UnknownRequest', read);
    if (request) this.#requests.set(id, request);
    const [oldest] = this.#requests.keys();
    if (oldest && this.#requests.size > REQUESTS_REMEMBERED) this.#requests.delete(oldest);
    return request;
  }

  async requestState(id: RequestId): Promise<RequestState | undefined> {
    const state = await unless('Marketplace_UnknownRequest', this.#view<number>('requestState', [id], 'pending'));
    return state === undefined ? undefined : REQUEST_STATES[state];
  }

  requestEnd(id: RequestId): Promise<bigint> {
    return this.#view('requestEnd', [id]);
  }

  requestExpiry(id: RequestId): Promise<bigint> {
    return this.#view('requestExpiry', [id]);
  }

  async slotState(id: SlotId): Promise<SlotState> {
    return SLOT_STATES[await this.#view<number>('slotState', [id], 'pending')]!;
  }

  async slotStates(ids: readonly SlotId[]): Promise<readonly SlotState[]> {
    const states = await readSlotStates(this.#c.reader, this.#init.address, ids);
    return states.map((state) => SLOT_STATES[state]!);
  }

  activeSlot(id: SlotId): Promise<{ readonly request: StorageRequest; readonly slotIndex: bigint } | undefined> {
    const read = this.#view<{ request: StorageRequest; slotIndex: bigint }>('getActiveSlot', [id]);
    return unless(
      'Marketplace_SlotIsFree',
      read.then(({ request, slotIndex }) => ({ request: lowerClient(request), slotIndex })),
    );
  }

  async host(id: SlotId): Promise<Address | undefined> {
    const host = await this.#view<Address>('getHost', [id]);
    return host === zeroAddress ? undefined : (host.toLowerCase() as Address);
  }

  currentCollateral(id: SlotId): Promise<bigint> {
    return this.#view('currentCollateral', [id]);
  }

  myRequests(): Promise<readonly RequestId[]> {
    return this.#view('myRequests', []);
  }

  mySlots(): Promise<readonly SlotId[]> {
    return this.#view('mySlots', []);
  }

  canReserveSlot(id: RequestId, slotIndex: bigint): Promise<boolean> {
    // As slots' states are read: a claim ends with the filling that is about to be in a block.
    return this.#view('canReserveSlot', [id, slotIndex], 'pending');
  }

  proofStatus(id: SlotId): Promise<ProofStatus> {
    return this.#c.proofs.of(id);
  }

  canMarkAsMissing(ids: readonly SlotId[], period: bigint): Promise<readonly SlotId[]> {
    return markableSlots(this.#c.reader, this.#init.address, ids, period);
  }

  balance(): Promise<bigint> {
    const { token } = this.#init;
    return this.#c.reader.read<bigint>({ address: token, abi: testTokenAbi, name: 'balanceOf', args: [this.account] });
  }

  requestStorage(request: StorageRequest, options?: AbortOptions): Promise<Sent> {
    const { slots, slotSize, duration, pricePerBytePerSecond } = request.ask;
    const price = slots * duration * pricePerBytePerSecond * slotSize;
    return this.#send('requestStorage', [request], options, { key: [requestIdOf(request)], spends: price });
  }

  reserveSlot(id: RequestId, slotIndex: bigint, options?: AbortOptions): Promise<Sent> {
    return this.#send('reserveSlot', [id, slotIndex], options);
  }

  fillSlot(
    id: RequestId,
    slotIndex: bigint,
    proof: SolidityProof,
    collateral: bigint,
    options?: AbortOptions,
  ): Promise<Sent> {
    return this.#send('fillSlot', [id, slotIndex, proof], options, { key: [id, slotIndex], spends: collateral });
  }

  freeSlot(id: SlotId, options: AbortOptions & { readonly rewardRecipient?: Address } = {}): Promise<Sent> {
    const { rewardRecipient } = options;
    const args = rewardRecipient ? [id, rewardRecipient, this.account] : [id];
    return this.#send('freeSlot', args, options, { key: [id] });
  }

  submitProof(id: SlotId, proof: SolidityProof, options?: AbortOptions): Promise<Sent> {
    // One for each period; a proof of the period before that is still on its way is another intent.
    const period = BigInt(this.clock.now()) / this.configuration.proofs.period;
    return this.#send('submitProof', [id, proof], options, { key: [id, period] });
  }

  markAsMissing(id: SlotId, period: bigint, options?: AbortOptions): Promise<Sent> {
    return this.#send('markProofAsMissing', [id, period], options);
  }

  withdrawFunds(id: RequestId, options?: AbortOptions): Promise<Sent> {
    return this.#send('withdrawFunds', [id], options);
  }

  async follow(
    listener: (events: readonly TracedEvent[]) => void | Promise<void>,
    { signal, name, from }: AbortOptions & { readonly name: string; readonly from?: number },
  ): Promise<void> {
    signal?.throwIfAborted();
    const logger = this.#c.logger.child(`market follow ${name}`);
    const { cursor, reason } = await Cursor.open(this.#c.files, `events-${name}`, this.#init.place);
    if (reason) logger.warn('What was told of events is not gone on with', { name, reason });
    const follower = new LogFollower({ ...this.#c, logger, cursor }, { listener, from });
    await follower.run({ signal });
  }

  #view<T>(name: string, args: readonly unknown[], tag: Tag = 'latest'): Promise<T> {
    return this.#c.reader.read<T>({ address: this.#init.address, abi: marketplaceAbi, name, args }, { tag });
  }

  #send(
    name:
      | 'requestStorage'
      | 'reserveSlot'
      | 'fillSlot'
      | 'freeSlot'
      | 'submitProof'
      | 'markProofAsMissing'
      | 'withdrawFunds',
    args: readonly unknown[],
    options: AbortOptions = {},
    { key = args, spends = 0n }: { readonly key?: readonly unknown[]; readonly spends?: bigint } = {},
  ): Promise<Sent> {
    const data: Hex = encodeFunctionData({ abi: marketplaceAbi, functionName: name, args: args as never });
    const gasPercent = name in GAS_PERCENT ? GAS_PERCENT[name as keyof typeof GAS_PERCENT] : 100;
    const intent = { key: [name, ...key].join(' '), to: this.#init.address, data, gasPercent, spends };
    const signal = options.signal ? { signal: options.signal } : {};
    return spends > 0n ? this.#c.allowance.send(name, intent, signal) : this.#c.sender.send(name, intent, signal);
  }
}

/** Addresses are told in lower case. */
function lowerClient(request: StorageRequest): StorageRequest {
  return { ...request, client: request.client.toLowerCase() as Address };
}

/** Undefined where the contract refuses with that error. */
async function unless<T>(name: string, reading: Promise<T>): Promise<T | undefined> {
  try {
    return await reading;
  } catch (error) {
    if (isCodexError(error, 'MARKET_REVERTED') && error.data.name === name) return undefined;
    throw error;
  }
}
