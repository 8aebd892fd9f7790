import type { CallName } from './calls.ts';
import type { MarketState } from './market-state.ts';
import { requestStateOf, slotStateOf } from './request-state.ts';
import { RequestState, SlotState } from './states.ts';
import type { Block, Bytes32 } from './types.ts';

/** The states that can be seen at a moment. */
export interface StatesSeen {
  readonly requests: ReadonlyMap<Bytes32, RequestState>;
  readonly slots: ReadonlyMap<Bytes32, SlotState>;
  readonly received: bigint;
  readonly sent: bigint;
}

export function statesSeen(state: MarketState, moment: Pick<Block, 'timestamp'>): StatesSeen {
  return {
    requests: new Map([...state.requests].map(([id, record]) => [id, requestStateOf(record, moment)])),
    slots: new Map([...state.slots.keys()].map((id) => [id, slotStateOf(state, id, moment)])),
    received: state.received,
    sent: state.sent,
  };
}

/** What moves a state: a call, or the clock. */
export type Mover = CallName | 'time';

const { New, Started, Cancelled, Finished, Failed } = RequestState;

/** Which mover may take a request from one state to another (12 §9.8). Calls find what time has done already. */
const REQUEST_MOVES: readonly (readonly [RequestState, RequestState, readonly Mover[]])[] = [
  [New, Started, ['fillSlot']],
  [New, Cancelled, ['time']],
  [Started, Finished, ['time']],
  [Started, Failed, ['freeSlot', 'markProofAsMissing']],
];

/** Which mover may take a slot from one state to another (12 §9.9, R9). */
const SLOT_MOVES: readonly (readonly [SlotState, SlotState, readonly Mover[]])[] = [
  [SlotState.Free, SlotState.Filled, ['fillSlot']],
  [SlotState.Repair, SlotState.Filled, ['fillSlot']],
  [SlotState.Filled, SlotState.Repair, ['freeSlot', 'markProofAsMissing']],
  [SlotState.Filled, SlotState.Cancelled, ['time']],
  [SlotState.Repair, SlotState.Cancelled, ['time']],
  [SlotState.Filled, SlotState.Finished, ['time']],
  [SlotState.Repair, SlotState.Finished, ['time']],
  [SlotState.Filled, SlotState.Failed, ['freeSlot', 'markProofAsMissing']],
  [SlotState.Repair, SlotState.Failed, ['freeSlot', 'markProofAsMissing']],
  [SlotState.Finished, SlotState.Paid, ['freeSlot']],
  [SlotState.Cancelled, SlotState.Paid, ['freeSlot']],
  [SlotState.Failed, SlotState.Paid, ['freeSlot']],
];

/** Every change of state that nothing allows, named. */
export function brokenTransitions(before: StatesSeen, after: StatesSeen, mover: Mover): string[] {
  const broken: string[] = [];
  if (after.received < before.received || after.sent < before.sent) broken.push('the totals never decrease');
  const moved = new Set<Bytes32>();
  for (const [id, to] of after.requests) {
    const from = before.requests.get(id);
    if (from === to) continue;
    if (from === undefined) {
      if (mover !== 'requestStorage' || to !== New) broken.push(`${id}: a request begins as new`);
      continue;
    }
    moved.add(id);
    const allowed = REQUEST_MOVES.some(([a, b, movers]) => a === from && b === to && movers.includes(mover));
    if (!allowed) broken.push(`${id}: request ${from} → ${to} by ${mover}`);
  }
  let slotsMoved = 0;
  for (const [id, to] of after.slots) {
    const from = before.slots.get(id) ?? SlotState.Free;
    if (from === to) continue;
    // The failure of a request shows in all its slots at once.
    if (to !== SlotState.Failed) slotsMoved++;
    const allowed = SLOT_MOVES.some(([a, b, movers]) => a === from && b === to && movers.includes(mover));
    if (!allowed) broken.push(`${id}: slot ${from} → ${to} by ${mover}`);
  }
  if (mover !== 'time' && (moved.size > 1 || slotsMoved > 1)) broken.push('one call changes one request and one slot');
  return broken;
}
