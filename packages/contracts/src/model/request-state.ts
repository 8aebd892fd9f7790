import type { MarketState, RequestRecord } from './market-state.ts';
import { ModelRevert } from './revert.ts';
import { RequestState, SlotState } from './states.ts';
import type { Block, Bytes32 } from './types.ts';

type Moment = Pick<Block, 'timestamp'>;

export function knownRequest(state: MarketState, requestId: Bytes32): RequestRecord {
  const record = state.requests.get(requestId);
  if (!record) throw new ModelRevert('Marketplace_UnknownRequest');
  return record;
}

/** What the stored state has become by now (12 §4); at exactly the expiry and the end it has not yet moved. */
export function requestStateOf(record: RequestRecord, { timestamp }: Moment): RequestState {
  if (record.state === RequestState.New && timestamp > record.expiresAt) return RequestState.Cancelled;
  const running = record.state === RequestState.New || record.state === RequestState.Started;
  if (running && timestamp > record.endsAt) return RequestState.Finished;
  return record.state;
}

/** The state of a slot; the end of its request shows through it (12 §4). */
export function slotStateOf(state: MarketState, slotId: Bytes32, moment: Moment): SlotState {
  const slot = state.slots.get(slotId);
  if (!slot) return SlotState.Free;
  if (slot.state === SlotState.Paid) return SlotState.Paid;
  switch (requestStateOf(knownRequest(state, slot.requestId), moment)) {
    case RequestState.Cancelled:
      return SlotState.Cancelled;
    case RequestState.Finished:
      return SlotState.Finished;
    case RequestState.Failed:
      return SlotState.Failed;
    default:
      return slot.state;
  }
}

/** When the request ends or has ended, in seconds (12 §4). */
export function requestEndOf(record: RequestRecord, { timestamp }: Moment): bigint {
  switch (requestStateOf(record, { timestamp })) {
    case RequestState.Cancelled:
      return record.expiresAt;
    case RequestState.New:
    case RequestState.Started:
      return record.endsAt;
    default:
      return record.endsAt < timestamp ? record.endsAt : timestamp;
  }
}
