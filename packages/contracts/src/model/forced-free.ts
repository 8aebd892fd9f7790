import { payout } from './amounts.ts';
import type { Context, RequestRecord, SlotRecord } from './market-state.ts';
import { clearReservations } from './reservations.ts';
import { RequestState, SlotState } from './states.ts';
import { ZERO_ADDRESS } from './types.ts';

/** A host loses its slot and what it put down; one loss too many fails the request (12 §5, R1, R9). */
export function forciblyFree({ state, block, emit }: Context, record: RequestRecord, slot: SlotRecord): void {
  const { ask } = record.request;
  const now = block.timestamp;
  record.fundsToReturn += payout(ask, slot.filledAt, record.endsAt);
  record.forfeited += slot.currentCollateral;
  record.slotsFilled--;
  state.slotsOf.get(slot.host)?.delete(slot.id);
  clearReservations(record, slot.id);
  slot.state = SlotState.Repair;
  slot.host = ZERO_ADDRESS;
  slot.filledAt = 0n;
  slot.currentCollateral = 0n;
  slot.received = new Set();
  slot.missed = new Set();
  slot.missedCount = 0n;
  emit({ name: 'SlotFreed', requestId: record.id, slotIndex: slot.slotIndex });
  if (record.state !== RequestState.Started || ask.slots - record.slotsFilled <= ask.maxSlotLoss) return;
  record.state = RequestState.Failed;
  record.failedAt = now;
  // The others are paid for the time that they have served: the rest of their pay goes back to the client.
  record.fundsToReturn += record.slotsFilled * payout(ask, now, record.endsAt);
  record.endsAt = now - 1n;
  emit({ name: 'RequestFailed', requestId: record.id });
}
