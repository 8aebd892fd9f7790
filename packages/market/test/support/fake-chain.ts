import { NETWORKS } from '@codex/contracts';
import {
  type Block,
  type Bytes32,
  brokenInvariants,
  brokenTransitions,
  type Call,
  canReserveSlot,
  challengeOf,
  isProofRequiredIn,
  MarketplaceModel,
  type ModelConfig,
  type ModelEvent,
  periodOf,
  pointerOf,
  requestEndOf,
  requestStateOf,
  slotStateOf,
  statesSeen,
  willProofBeRequiredIn,
} from '@codex/contracts/model';
import { CodexError, type Random, type VirtualClock } from '@codex/runtime';
import { keccak256, toHex } from 'viem';
import type {
  Address,
  ChainClock,
  MarketEvent,
  Marketplace,
  RequestState,
  Sent,
  SlotState,
  SolidityProof,
  TracedEvent,
} from '../../src/chain/marketplace.ts';

const CONTRACT: Address = `0x${'cc'.repeat(20)}`;
const REQUEST_STATES: readonly RequestState[] = ['new', 'started', 'cancelled', 'finished', 'failed'];
const SLOT_STATES: readonly SlotState[] = ['free', 'filled', 'finished', 'failed', 'paid', 'cancelled', 'repair'];

/** What the connection of an account does to it. Each is a chance, 0 … 1. */
export interface Faults {
  /** A call is not made. */
  refused: number;
  /** A transaction is in a block, and its sender is not told. */
  unanswered: number;
}

interface Waiting {
  readonly call: Call;
  readonly sender: Address;
  readonly settle: (error: Error | undefined, sent: Sent | undefined) => void;
}

interface Follower {
  readonly key: string;
  readonly listener: (events: readonly TracedEvent[]) => void | Promise<void>;
  readonly ended: AbortSignal | undefined;
  busy: boolean;
}

/** A chain in virtual time with the executable model of the contracts on it: a block every `blockS` seconds. */
export class FakeChain {
  readonly clock: VirtualClock;
  readonly model: MarketplaceModel;
  readonly config: ModelConfig;
  /** Transactions by name; those that were reverted under `name: error`. */
  readonly counts = new Map<string, number>();
  readonly faults: Faults = { refused: 0, unanswered: 0 };
  readonly #random: Random;
  readonly #blockS: number;
  readonly #latestOnly: boolean;
  #minedAt: bigint;
  readonly #log: TracedEvent[] = [];
  readonly #cursors = new Map<string, number>();
  readonly #followers = new Map<string, Follower>();
  #mempool: Waiting[] = [];
  #number = 1000n;
  /** While true events come late, in pieces, and every other piece twice. */
  hostile = false;
  /** While true no block is made. */
  stalled = false;

  constructor(
    clock: VirtualClock,
    random: Random,
    init: { blockS?: number; latestOnly?: boolean; config?: Partial<ModelConfig> } = {},
  ) {
    const { config, rules } = NETWORKS.localhost!;
    this.clock = clock;
    this.#random = random;
    this.#blockS = init.blockS ?? 2;
    this.#latestOnly = init.latestOnly ?? false;
    this.#minedAt = BigInt(this.now());
    this.config = { ...config, rules, ...init.config };
    this.model = new MarketplaceModel(this.config, CONTRACT);
    this.#schedule();
  }

  now(): number {
    return Math.floor(this.clock.now() / 1000);
  }

  /** As a call sees it: of the last block, where no pending one is known. */
  seen(): Block {
    if (!this.#latestOnly) return this.pending();
    return { ...this.pending(), number: this.#number, timestamp: this.#minedAt };
  }

  /** Of the block that would be next. */
  pending(): Block {
    return { number: this.#number + 1n, timestamp: BigInt(this.now()), hashOf: (number) => this.#hashOf(number) };
  }

  /** Everything that was ever wrong; empty when all is well. */
  readonly broken: string[] = [];

  mint(to: Address, amount: bigint): void {
    this.model.state.token.mint(to, amount);
    this.model.state.token.approve(to, 2n ** 255n);
  }

  count(name: string): number {
    return this.counts.get(name) ?? 0;
  }

  /** All that was reverted, by name and error. */
  reverts(): Record<string, number> {
    return Object.fromEntries([...this.counts].filter(([name]) => name.includes(': ')));
  }

  /** Sends without a connection, at once: what others do. */
  force(call: Call, sender: Address): void {
    this.#execute({
      call,
      sender,
      settle: (error) => {
        if (error) throw error;
      },
    });
  }

  account(account: Address, faults: Faults = this.faults): Marketplace {
    return fakeMarketplace(this, account, faults, this.#random);
  }

  send(call: Call, sender: Address): Promise<Sent> {
    return new Promise((resolve, reject) => {
      this.#mempool.push({ call, sender, settle: (error, sent) => (error ? reject(error) : resolve(sent!)) });
    });
  }

  follow(
    key: string,
    listener: (events: readonly TracedEvent[]) => void | Promise<void>,
    ended: AbortSignal | undefined,
  ): Promise<void> {
    const follower = { key, listener, ended, busy: false };
    this.#followers.set(key, follower);
    this.#deliver(follower);
    return new Promise((_, reject) => ended?.addEventListener('abort', () => reject(ended.reason)));
  }

  #schedule(): void {
    this.clock.schedule(this.#blockS * 1000, () => {
      if (!this.stalled) this.#mine();
      this.#schedule();
    });
  }

  #mine(): void {
    this.#number++;
    this.#minedAt = BigInt(this.now());
    const waiting = this.#mempool;
    this.#mempool = [];
    // Whoever builds the block puts them in any order.
    for (let i = waiting.length - 1; i > 0; i--) {
      const j = this.#random.int(i + 1);
      [waiting[i], waiting[j]] = [waiting[j]!, waiting[i]!];
    }
    for (const one of waiting) this.#execute(one);
    for (const follower of this.#followers.values()) this.#deliver(follower);
  }

  #execute({ call, sender, settle }: Waiting): void {
    const block: Block = { ...this.pending(), number: this.#number };
    const before = statesSeen(this.model.state, block);
    const result = this.model.apply(call, sender, block);
    this.broken.push(...brokenTransitions(before, statesSeen(this.model.state, block), call.name));
    this.broken.push(...brokenInvariants(this.model.state, block));
    const name = result.ok ? call.name : `${call.name}: ${result.error}`;
    this.counts.set(name, this.count(name) + 1);
    const transactionHash = keccak256(toHex(this.#random.bytes(32)));
    if (!result.ok) {
      settle(new CodexError('MARKET_REVERTED', result.error, { name: result.error }), undefined);
      return;
    }
    for (const event of result.events.flatMap(marketEvent)) {
      this.#log.push({
        event,
        blockNumber: this.#number,
        blockHash: this.#hashOf(this.#number),
        transactionHash,
        logIndex: this.#log.length,
        undone: false,
      });
    }
    settle(undefined, { transactionHash, blockNumber: this.#number, timestamp: block.timestamp, fee: 1n });
  }

  async #deliver(follower: Follower): Promise<void> {
    if (follower.busy) return;
    follower.busy = true;
    for (;;) {
      const from = this.#cursors.get(follower.key) ?? 0;
      if (this.hostile) await this.clock.sleep(this.#random.int(15_000));
      const all = this.#log.length;
      const to = this.hostile ? Math.min(all, from + 1 + this.#random.int(3)) : all;
      const gone = follower.ended?.aborted || this.#followers.get(follower.key) !== follower;
      if (gone || from === to) break;
      try {
        await follower.listener(this.#log.slice(from, to));
        if (this.hostile && this.#random.int(2) === 0) await follower.listener(this.#log.slice(from, to));
        if (this.#followers.get(follower.key) === follower) this.#cursors.set(follower.key, to);
      } catch {
        await this.clock.sleep(1000);
      }
    }
    follower.busy = false;
  }

  #hashOf(number: bigint): Bytes32 {
    return keccak256(toHex(number));
  }
}

function marketEvent(event: ModelEvent): MarketEvent[] {
  switch (event.name) {
    case 'StorageRequested':
      return [{ type: 'storageRequested', requestId: event.requestId, ask: event.ask, expiry: event.expiry }];
    case 'RequestFulfilled':
      return [{ type: 'requestFulfilled', requestId: event.requestId }];
    case 'RequestFailed':
      return [{ type: 'requestFailed', requestId: event.requestId }];
    case 'RequestCancelled':
      return [{ type: 'requestCancelled', requestId: event.requestId }];
    case 'SlotFilled':
      return [{ type: 'slotFilled', requestId: event.requestId, slotIndex: event.slotIndex }];
    case 'SlotFreed':
      return [{ type: 'slotFreed', requestId: event.requestId, slotIndex: event.slotIndex }];
    case 'SlotReservationsFull':
      return [{ type: 'slotReservationsFull', requestId: event.requestId, slotIndex: event.slotIndex }];
    default:
      return [];
  }
}

/** The fake's proof names the challenge that it answers: one of another challenge is wrong. */
export function fakeProof(challenge: `0x${string}`): SolidityProof {
  const zero = { real: 0n, imag: 0n };
  return { a: { x: BigInt(challenge), y: 1n }, b: { x: zero, y: zero }, c: { x: 0n, y: 0n } };
}

function fakeMarketplace(chain: FakeChain, account: Address, faults: Faults, random: Random): Marketplace {
  const { state } = chain.model;
  const unreachable = () => new CodexError('CHAIN_UNREACHABLE', 'the connection was lost');
  const count = (name: string) => chain.counts.set(name, chain.count(name) + 1);
  const read = async <T>(work: (block: Block) => T): Promise<T> => {
    count('reads');
    await Promise.resolve();
    if (random.float() < faults.refused) throw unreachable();
    return work(chain.seen());
  };
  const send = async (call: Call): Promise<Sent> => {
    if (random.float() < faults.refused) throw unreachable();
    const sent = await chain.send(call, account);
    if (random.float() < faults.unanswered) throw unreachable();
    return sent;
  };
  const record = (id: `0x${string}`) => state.requests.get(id);
  const proofOf = (slotId: `0x${string}`, proof: SolidityProof) => {
    const block = chain.pending();
    const challenge = challengeOf(chain.config, slotId, periodOf(chain.config, block.timestamp), block);
    return { valid: proof.a.x === BigInt(challenge) };
  };
  const clock: ChainClock = {
    now: () => chain.now(),
    waitUntil: async (seconds, options) => {
      for (;;) {
        options?.signal?.throwIfAborted();
        const waitMs = seconds * 1000 - chain.clock.now();
        if (waitMs <= 0) return;
        await chain.clock.sleep(waitMs, options);
      }
    },
  };
  const { rules, ...configuration } = chain.config;
  const slotIdOf = (id: `0x${string}`, index: bigint) => keccak256(`${id}${index.toString(16).padStart(64, '0')}`);
  return {
    account,
    clock,
    configuration: { ...configuration, rules },
    request: (id) => read(() => record(id)?.request),
    requestState: (id) =>
      read((block) => {
        const known = record(id);
        return known && REQUEST_STATES[requestStateOf(known, block)];
      }),
    requestEnd: (id) => read((block) => requestEndOf(record(id)!, block)),
    requestExpiry: (id) => read(() => record(id)!.expiresAt),
    slotState: (id) => read((block) => SLOT_STATES[slotStateOf(state, id, block)]!),
    slotStates: (ids) => read((block) => ids.map((id) => SLOT_STATES[slotStateOf(state, id, block)]!)),
    activeSlot: (id) =>
      read(() => {
        const slot = state.slots.get(id);
        return slot && { request: record(slot.requestId)!.request, slotIndex: slot.slotIndex };
      }),
    host: (id) =>
      read(() => {
        const host = state.hostOf(id);
        return BigInt(host) === 0n ? undefined : host;
      }),
    currentCollateral: (id) => read(() => state.slots.get(id)?.currentCollateral ?? 0n),
    myRequests: () => read(() => [...(state.requestsOf.get(account) ?? [])]),
    mySlots: () => read(() => [...(state.slotsOf.get(account) ?? [])]),
    canReserveSlot: (id, index) => read((block) => canReserveSlot(state, id, index, account, block)),
    proofStatus: (id) =>
      read((block) => {
        const period = periodOf(chain.config, block.timestamp);
        return {
          period,
          required: isProofRequiredIn(state, id, period, block),
          upcoming: willProofBeRequiredIn(state, id, period, block),
          pointer: Number(pointerOf(chain.config, id, period, block)),
          challenge: challengeOf(chain.config, id, period, block),
        };
      }),
    canMarkAsMissing: (ids, period) =>
      read((block) =>
        ids.filter((slotId) => chain.model.apply({ name: 'canMarkProofAsMissing', slotId, period }, account, block).ok),
      ),
    balance: () => read(() => state.token.balanceOf(account)),
    requestStorage: (request) => send({ name: 'requestStorage', request }),
    reserveSlot: (requestId, index) => send({ name: 'reserveSlot', requestId, index }),
    fillSlot: (requestId, index, proof) =>
      send({
        name: 'fillSlot',
        requestId,
        index,
        // Judged when it is in a block, as the contract does.
        proof: {
          get valid() {
            return proofOf(slotIdOf(requestId, index), proof).valid;
          },
        },
      }),
    freeSlot: (slotId, options) =>
      send({
        name: 'freeSlot',
        slotId,
        ...(options?.rewardRecipient ? { recipients: [options.rewardRecipient, account] as const } : {}),
      }),
    submitProof: (slotId, proof) =>
      send({
        name: 'submitProof',
        slotId,
        proof: {
          get valid() {
            return proofOf(slotId, proof).valid;
          },
        },
      }),
    markAsMissing: (slotId, period) => send({ name: 'markProofAsMissing', slotId, period }),
    withdrawFunds: (requestId) => send({ name: 'withdrawFunds', requestId }),
    follow: (listener, options) => chain.follow(`${account}/${options.name}`, listener, options.signal),
  };
}
