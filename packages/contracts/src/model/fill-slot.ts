import { collateralPerSlot, payout, repairRewardOf } from './amounts.ts';
import { type Context, type SlotRecord, slotIdIn } from './market-state.ts';
import { periodOf, receiveProof } from './proofs.ts';
import { knownRequest, slotStateOf } from './request-state.ts';
import { clearReservations, hasReservation } from './reservations.ts';
import { require } from './revert.ts';
import { RequestState, SlotState } from './states.ts';
import { take } from './transfers.ts';
import type { Bytes32, ProofClaim } from './types.ts';

/** A host takes a slot, proves it and pays its collateral (12 §5, R1, R3, R4). */
export function fillSlot(context: Context, requestId: Bytes32, index: bigint, proof: ProofClaim): void {
  const { state, block, sender, emit } = context;
  const now = block.timestamp;
  const record = knownRequest(state, requestId);
  const { ask } = record.request;
  require(index < ask.slots, 'Marketplace_InvalidSlot');
  const slotId = slotIdIn(record, index);
  require(hasReservation(record, slotId, sender), 'Marketplace_ReservationRequired');
  const before = slotStateOf(state, slotId, block);
  require(before === SlotState.Free || before === SlotState.Repair, 'Marketplace_SlotNotFree');
  const until = record.state === RequestState.Started ? record.endsAt : record.expiresAt;
  require(now < until, 'Marketplace_StartNotBeforeExpiry');

  const full = collateralPerSlot(ask);
  const discount = before === SlotState.Repair ? repairRewardOf(ask, state.config) : 0n;
  const slot: SlotRecord = {
    id: slotId,
    requestId,
    slotIndex: index,
    state: SlotState.Filled,
    host: sender,
    filledAt: now,
    currentCollateral: full,
    startPeriod: periodOf(state.config, now),
    received: new Set(),
    missed: new Set(),
    missedCount: 0n,
  };
  receiveProof(context, slot, proof);
  take(context, full - discount);
  state.slots.set(slotId, slot);
  state.listOf(state.slotsOf, sender).add(slotId);
  clearReservations(record, slotId);
  record.forfeited -= discount;
  record.fundsToReturn -= payout(ask, now, record.endsAt);
  record.slotsFilled++;
  emit({ name: 'SlotFilled', requestId, slotIndex: index });
  if (record.slotsFilled === ask.slots && record.state === RequestState.New) {
    record.state = RequestState.Started;
    emit({ name: 'RequestFulfilled', requestId });
  }
}
