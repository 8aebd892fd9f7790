import type { MarketplaceConfig, MarketplaceRules } from '@codex/contracts';
import type { AbortOptions } from '@codex/runtime';

/** `0x` and hexadecimal digits, lower-case. */
export type Hex = `0x${string}`;
export type Address = Hex;
export type RequestId = Hex & { readonly kind?: 'request' };
export type SlotId = Hex & { readonly kind?: 'slot' };

/** What a request pays for (12 §1). Amounts are in the token's smallest unit. */
export interface Ask {
  /** Mean periods between two required proofs. */
  readonly proofProbability: bigint;
  readonly pricePerBytePerSecond: bigint;
  readonly collateralPerByte: bigint;
  readonly slots: bigint;
  /** Bytes, padded. */
  readonly slotSize: bigint;
  /** Seconds. */
  readonly duration: bigint;
  readonly maxSlotLoss: bigint;
}

export interface StorageRequest {
  readonly client: Address;
  readonly ask: Ask;
  readonly content: { readonly cid: Hex; readonly merkleRoot: Hex };
  /** Seconds after it was stored. */
  readonly expiry: bigint;
  readonly nonce: Hex;
}

export type RequestState = 'new' | 'started' | 'cancelled' | 'finished' | 'failed';
export type SlotState = 'free' | 'filled' | 'finished' | 'failed' | 'paid' | 'cancelled' | 'repair';

/** 256 bytes on the chain (11 §5.4). */
export interface SolidityProof {
  readonly a: { readonly x: bigint; readonly y: bigint };
  readonly b: {
    readonly x: { readonly real: bigint; readonly imag: bigint };
    readonly y: { readonly real: bigint; readonly imag: bigint };
  };
  readonly c: { readonly x: bigint; readonly y: bigint };
}

/** Whether a proof of a slot is wanted in a period; all of one block. */
export interface ProofStatus {
  /** Of the chain at that block. */
  readonly period: bigint;
  readonly required: boolean;
  /** Required as soon as the pointer leaves the downtime (12 §6). */
  readonly upcoming: boolean;
  readonly pointer: number;
  /** 32 bytes. */
  readonly challenge: Hex;
}

export type MarketEvent =
  | { readonly type: 'storageRequested'; readonly requestId: RequestId; readonly ask: Ask; readonly expiry: bigint }
  | { readonly type: 'requestFulfilled' | 'requestFailed' | 'requestCancelled'; readonly requestId: RequestId }
  | {
      readonly type: 'slotFilled' | 'slotFreed' | 'slotReservationsFull';
      readonly requestId: RequestId;
      readonly slotIndex: bigint;
    };

/** An event and where it stands. `undone`: its block is no longer part of the chain; it had been told before. */
export interface TracedEvent {
  readonly event: MarketEvent;
  readonly blockNumber: bigint;
  readonly blockHash: Hex;
  readonly transactionHash: Hex;
  readonly logIndex: number;
  readonly undone: boolean;
}

/** The time of the chain: seconds of blocks, and local time between them (16 §2). */
export interface ChainClock {
  /** Whole seconds. */
  now(): number;
  /** Resolves as soon as `now()` is `seconds` or more. */
  waitUntil(seconds: number, options?: AbortOptions): Promise<void>;
}

export interface Sent {
  readonly transactionHash: Hex;
  /** Of the block that it is in. */
  readonly blockNumber: bigint;
  readonly timestamp: bigint;
  /** What it cost: gas times price, in the chain's own coin. */
  readonly fee: bigint;
}

/**
 * The marketplace's contract as this account sees it. What it refuses is a coded error (`MARKET_REVERTED`, data: name, such as
 * `Marketplace_SlotNotFree`); what the connection fails at is another (`CHAIN_UNREACHABLE`): then nothing is known of the call.
 */
export interface Marketplace {
  /** Of the signer. */
  readonly account: Address;
  readonly clock: ChainClock;
  /** Read once at the start. */
  readonly configuration: MarketplaceConfig & { readonly rules?: MarketplaceRules };

  // What is read. `undefined`: the contract knows no such request, or nobody ever had the slot.
  request(id: RequestId): Promise<StorageRequest | undefined>;
  requestState(id: RequestId): Promise<RequestState | undefined>;
  /** Seconds. */
  requestEnd(id: RequestId): Promise<bigint>;
  /** Seconds, absolute. */
  requestExpiry(id: RequestId): Promise<bigint>;
  slotState(id: SlotId): Promise<SlotState>;
  /** Of many slots with few calls. */
  slotStates(ids: readonly SlotId[]): Promise<readonly SlotState[]>;
  activeSlot(id: SlotId): Promise<{ readonly request: StorageRequest; readonly slotIndex: bigint } | undefined>;
  host(id: SlotId): Promise<Address | undefined>;
  currentCollateral(id: SlotId): Promise<bigint>;
  myRequests(): Promise<readonly RequestId[]>;
  mySlots(): Promise<readonly SlotId[]>;
  canReserveSlot(id: RequestId, slotIndex: bigint): Promise<boolean>;
  proofStatus(id: SlotId): Promise<ProofStatus>;
  /** Of many slots with few calls: which may be marked now, for a period. */
  canMarkAsMissing(ids: readonly SlotId[], period: bigint): Promise<readonly SlotId[]>;
  /** Tokens of this account. */
  balance(): Promise<bigint>;

  // What is sent: each resolves when it is in a block. Tokens that it takes are allowed for before.
  requestStorage(request: StorageRequest, options?: AbortOptions): Promise<Sent>;
  reserveSlot(id: RequestId, slotIndex: bigint, options?: AbortOptions): Promise<Sent>;
  fillSlot(
    id: RequestId,
    slotIndex: bigint,
    proof: SolidityProof,
    collateral: bigint,
    options?: AbortOptions,
  ): Promise<Sent>;
  freeSlot(id: SlotId, options?: AbortOptions & { readonly rewardRecipient?: Address }): Promise<Sent>;
  submitProof(id: SlotId, proof: SolidityProof, options?: AbortOptions): Promise<Sent>;
  markAsMissing(id: SlotId, period: bigint, options?: AbortOptions): Promise<Sent>;
  withdrawFunds(id: RequestId, options?: AbortOptions): Promise<Sent>;

  /**
   * Tells every event once, in order, without gaps, across lost connections, and restarts where a cursor is kept; those of blocks that fell out
   * of the chain are told again as undone. `from`: seconds; how far back to begin when no cursor is kept. The next batch waits until the listener has
   * resolved; if it throws, the batch comes again later.
   */
  follow(
    listener: (events: readonly TracedEvent[]) => void | Promise<void>,
    options: AbortOptions & { readonly name: string; readonly from?: number },
  ): Promise<void>;
}
