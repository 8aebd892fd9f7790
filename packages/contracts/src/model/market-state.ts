import type { ModelEvent } from './events.ts';
import { slotIdOf } from './ids.ts';
import type { RequestState, SlotState } from './states.ts';
import { TokenModel } from './token.ts';
import { type Address, type Block, type Bytes32, type ModelConfig, type Request, ZERO_ADDRESS } from './types.ts';

/** A host's claim to fill a slot (R6). */
export interface Reservation {
  readonly host: Address;
  /** Seconds. */
  readonly since: bigint;
}

/** What is stored of a request. */
export interface RequestRecord {
  readonly id: Bytes32;
  readonly request: Request;
  /** Ids of the slots that were asked for, by index: see `slotIdIn`. */
  readonly slotIds: Map<bigint, Bytes32>;
  /** By slot, in the order in which they stand in the contract's array. */
  readonly reservations: Map<Bytes32, Reservation[]>;
  /** As stored: time may have moved on to another (see `requestStateOf`). */
  state: RequestState;
  fundsToReturn: bigint;
  /** Taken from hosts of this request and given to nobody yet (R1). */
  forfeited: bigint;
  slotsFilled: bigint;
  endsAt: bigint;
  readonly expiresAt: bigint;
  failedAt: bigint;
  withdrawn: boolean;
}

/** What is stored of a slot that was filled once. */
export interface SlotRecord {
  readonly id: Bytes32;
  readonly requestId: Bytes32;
  readonly slotIndex: bigint;
  /** As stored: the request's end shows through it (see `slotStateOf`). */
  state: SlotState;
  host: Address;
  filledAt: bigint;
  currentCollateral: bigint;
  /** The period it was filled in: that one needs no proof. */
  startPeriod: bigint;
  /** Periods of this filling with a proof (R3). */
  received: Set<bigint>;
  /** Periods of this filling that were marked (R3). */
  missed: Set<bigint>;
  /** Since the slot was filled. */
  missedCount: bigint;
}

/** Everything that the contracts store. */
export class MarketState {
  readonly config: ModelConfig;
  /** The contract's own address: it holds tokens. */
  readonly address: Address;
  readonly token = new TokenModel();
  readonly requests = new Map<Bytes32, RequestRecord>();
  /** Only slots that were filled once: of others the contracts know nothing. */
  readonly slots = new Map<Bytes32, SlotRecord>();
  readonly requestsOf = new Map<Address, Set<Bytes32>>();
  readonly slotsOf = new Map<Address, Set<Bytes32>>();
  /** Tokens taken in, ever. */
  received = 0n;
  /** Tokens paid out, ever. */
  sent = 0n;

  constructor(config: ModelConfig, address: Address) {
    this.config = config;
    this.address = address;
  }

  hostOf(slotId: Bytes32): Address {
    return this.slots.get(slotId)?.host ?? ZERO_ADDRESS;
  }

  listOf(lists: Map<Address, Set<Bytes32>>, owner: Address): Set<Bytes32> {
    let list = lists.get(owner);
    if (!list) {
      list = new Set();
      lists.set(owner, list);
    }
    return list;
  }
}

/** The id of the slot at `index`, which need not be one of the request's. */
export function slotIdIn(record: RequestRecord, index: bigint): Bytes32 {
  let id = record.slotIds.get(index);
  if (!id) {
    id = slotIdOf(record.id, index);
    record.slotIds.set(index, id);
  }
  return id;
}

/** What every operation is given: the state, when it runs, who calls, and where its events go. */
export interface Context {
  readonly state: MarketState;
  readonly block: Block;
  readonly sender: Address;
  emit(event: ModelEvent): void;
}
