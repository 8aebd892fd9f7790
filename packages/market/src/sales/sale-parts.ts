import type { Counter, Semaphore } from '@codex/runtime';
import type { Address, Marketplace, RequestId, SlotId, StorageRequest } from '../chain/marketplace.ts';
import { MarketError } from '../errors.ts';
import type { MachineComponents } from '../machine/machine.ts';
import type { Wake } from '../machine/wake.ts';
import type { DeadlineGate } from './deadline-gate.ts';
import type { HostedSlot, HostStorage } from './host-storage.ts';
import type { LazyRepair } from './lazy-repair.ts';
import type { Reservation, SaleStage } from './reservation.ts';
import type { Reservations } from './reservations.ts';

/** What all sales of a host share. */
export interface SaleParts extends MachineComponents {
  readonly marketplace: Marketplace;
  readonly storage: HostStorage;
  readonly reservations: Reservations;
  /** Slots that are reserved on the chain, or fetched, at once. */
  readonly transfers: Semaphore;
  readonly proofs: DeadlineGate;
  readonly proofTimes: ProofTimes;
  readonly rewardRecipient: Address | undefined;
  readonly repairs: LazyRepair;
  /** Of a slot's proofs each one of so many is a wrong one, for tests; 0: none. */
  readonly wrongProofEvery: number;
  readonly counters: SaleCounters;
}

export interface SaleCounters {
  /** By `state`. */
  readonly entered: Counter;
  readonly mismatch: Counter;
  readonly proved: Counter;
  readonly missed: Counter;
}

/** Why a sale lets a slot go, as far as it matters for trying again. */
export type LetGo = 'never' | 'when offers change' | 'later';

/** What the states of one sale share. */
export interface SaleContext {
  readonly parts: SaleParts;
  readonly requestId: RequestId;
  readonly slotId: SlotId;
  readonly slotIndex: number;
  readonly wake: Wake;
  request: StorageRequest | undefined;
  reservation: Reservation | undefined;
  proof: FirstProof | undefined;
  /** Given back when the transfer is over. */
  permit: (() => void) | undefined;
  letGo: LetGo;
  error: string | undefined;
}

/** Made for the transaction that fills the slot. */
export interface FirstProof {
  readonly challenge: string;
  readonly solidity: Awaited<ReturnType<HostStorage['prove']>>;
}

/** Notes how far it is; a sale that was found on the chain without its books has none. */
export async function advance(sale: SaleContext, stage: SaleStage, closingCollateral?: bigint): Promise<void> {
  const { reservation, parts } = sale;
  if (!reservation || reservation.stage === stage) return;
  sale.reservation = await parts.reservations.advance(reservation.id, stage, closingCollateral);
}

/** The slot with its request, which is read when it is not known. */
export async function hostedSlot(sale: SaleContext): Promise<HostedSlot> {
  const { requestId, slotId, slotIndex, parts } = sale;
  sale.request ??= await parts.marketplace.request(requestId);
  if (!sale.request) throw new MarketError('REQUEST_UNKNOWN', 'The chain does not know the request', { id: requestId });
  return { requestId, slotId, slotIndex, request: sale.request };
}

/** Proves a slot, and notes how long that took: the machine may have been busier at other times. */
export async function timedProof(
  { parts }: SaleContext,
  ...[slot, challenge, options]: Parameters<HostStorage['prove']>
): ReturnType<HostStorage['prove']> {
  const begun = parts.clock.monotonic();
  const proof = await parts.storage.prove(slot, challenge, options);
  parts.proofTimes.add((parts.clock.monotonic() - begun) / 1000);
  return proof;
}

/** How long proofs take on this machine, in seconds; kept over all sales. */
export class ProofTimes {
  #mean: number | undefined;

  add(seconds: number): void {
    // The last five or so count.
    this.#mean = this.#mean === undefined ? seconds : this.#mean + (seconds - this.#mean) / 5;
  }

  /** Undefined until one was made. */
  get expected(): number | undefined {
    return this.#mean;
  }
}
