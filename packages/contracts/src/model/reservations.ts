import type { Context, MarketState, RequestRecord, Reservation } from './market-state.ts';
import { slotIdIn } from './market-state.ts';
import { requestStateOf, slotStateOf } from './request-state.ts';
import { require } from './revert.ts';
import { RequestState, SlotState } from './states.ts';
import type { Address, Block, Bytes32 } from './types.ts';
import { windowIsOpen } from './window.ts';

export const reservationsOf = (record: RequestRecord, slotId: Bytes32): readonly Reservation[] =>
  record.reservations.get(slotId) ?? [];

export const hasReservation = (record: RequestRecord, slotId: Bytes32, host: Address): boolean =>
  reservationsOf(record, slotId).some((reservation) => reservation.host === host);

/** Where in a full set a new sender may take the place of another, −1 if nowhere (R6). */
function evictable(state: MarketState, list: readonly Reservation[], now: bigint): number {
  const { reservationTimeout } = state.config.rules;
  if (reservationTimeout === 0n || list.length === 0) return -1;
  let oldest = 0;
  for (let at = 1; at < list.length; at++) if (list[at]!.since < list[oldest]!.since) oldest = at;
  return now - list[oldest]!.since >= reservationTimeout ? oldest : -1;
}

/** What a host holds of a request: slots it fills, and others it has reserved (R6). */
export function slotsClaimed(state: MarketState, record: RequestRecord, host: Address, except?: Bytes32): number {
  let claimed = 0;
  for (const slotId of state.slotsOf.get(host) ?? []) if (state.slots.get(slotId)?.requestId === record.id) claimed++;
  for (const [slotId, list] of record.reservations) {
    if (slotId !== except && list.some((reservation) => reservation.host === host)) claimed++;
  }
  return claimed;
}

/** R6, but for the place in the set. */
function mayReserve(state: MarketState, requestId: Bytes32, index: bigint, host: Address, block: Block): boolean {
  const record = state.requests.get(requestId);
  if (!record || index >= record.request.ask.slots) return false;
  const now = block.timestamp;
  const requestState = requestStateOf(record, block);
  if (requestState !== RequestState.New && requestState !== RequestState.Started) return false;
  if (requestState === RequestState.New && now >= record.expiresAt) return false;
  if (now >= record.endsAt) return false;
  const slotId = slotIdIn(record, index);
  const slotState = slotStateOf(state, slotId, block);
  if (slotState !== SlotState.Free && slotState !== SlotState.Repair) return false;
  if (hasReservation(record, slotId, host)) return false;
  const { maxSlotsPerHost, expandingWindow } = state.config.rules;
  if (maxSlotsPerHost !== 0 && slotsClaimed(state, record, host, slotId) >= maxSlotsPerHost) return false;
  return !expandingWindow || windowIsOpen(record, slotId, host, block);
}

export function canReserveSlot(
  state: MarketState,
  requestId: Bytes32,
  index: bigint,
  host: Address,
  block: Block,
): boolean {
  if (!mayReserve(state, requestId, index, host, block)) return false;
  const record = state.requests.get(requestId)!;
  const list = reservationsOf(record, slotIdIn(record, index));
  return list.length < state.config.reservations.maxReservations || evictable(state, list, block.timestamp) >= 0;
}

export function reserveSlot({ state, block, sender, emit }: Context, requestId: Bytes32, index: bigint): void {
  require(canReserveSlot(state, requestId, index, sender, block), 'SlotReservations_ReservationNotAllowed');
  const record = state.requests.get(requestId)!;
  const slotId = slotIdIn(record, index);
  const list = record.reservations.get(slotId) ?? [];
  record.reservations.set(slotId, list);
  const reservation = { host: sender, since: block.timestamp };
  if (list.length >= state.config.reservations.maxReservations) {
    list[evictable(state, list, block.timestamp)] = reservation;
    return;
  }
  list.push(reservation);
  if (list.length === state.config.reservations.maxReservations) {
    emit({ name: 'SlotReservationsFull', requestId, slotIndex: index });
  }
}

/** A filling and a freeing end every claim to a slot (R6). */
export function clearReservations(record: RequestRecord, slotId: Bytes32): void {
  record.reservations.delete(slotId);
}
