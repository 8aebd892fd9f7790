import { payout } from './amounts.ts';
import { forciblyFree } from './forced-free.ts';
import type { Context, SlotRecord } from './market-state.ts';
import { knownRequest, slotStateOf } from './request-state.ts';
import { ModelRevert, require } from './revert.ts';
import { RequestState, SlotState } from './states.ts';
import { checkReceiver, send } from './transfers.ts';
import type { Address, Bytes32 } from './types.ts';

/** A host gives its slot up, or is paid for it when the request is over (12 §5, R9, R16). */
export function freeSlot(
  context: Context,
  slotId: Bytes32,
  rewardRecipient: Address,
  collateralRecipient: Address,
): void {
  const { state, block, sender } = context;
  const slot = state.slots.get(slotId);
  if (!slot) throw new ModelRevert('Marketplace_SlotIsFree');
  require(slot.host === sender, 'Marketplace_InvalidSlotHost');
  const record = knownRequest(state, slot.requestId);
  switch (slotStateOf(state, slotId, block)) {
    case SlotState.Paid:
      throw new ModelRevert('Marketplace_AlreadyPaid');
    case SlotState.Finished:
      pay(context, slot, record.endsAt, rewardRecipient, collateralRecipient);
      record.state = RequestState.Finished;
      return;
    case SlotState.Cancelled:
      pay(context, slot, record.expiresAt, rewardRecipient, collateralRecipient);
      return;
    case SlotState.Failed:
      pay(context, slot, record.failedAt, rewardRecipient, collateralRecipient);
      return;
    default:
      forciblyFree(context, record, slot);
  }
}

/** The pay until `end`, and the collateral. */
function pay(
  context: Context,
  slot: SlotRecord,
  end: bigint,
  rewardRecipient: Address,
  collateralRecipient: Address,
): void {
  const { state } = context;
  const { ask } = knownRequest(state, slot.requestId).request;
  const reward = payout(ask, slot.filledAt, end);
  const collateral = slot.currentCollateral;
  checkReceiver(rewardRecipient);
  checkReceiver(collateralRecipient);
  state.slotsOf.get(slot.host)?.delete(slot.id);
  slot.state = SlotState.Paid;
  send(context, rewardRecipient, reward);
  send(context, collateralRecipient, collateral);
}
