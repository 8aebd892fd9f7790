import { slashOf, validatorRewardOf } from './amounts.ts';
import { forciblyFree } from './forced-free.ts';
import type { Context, MarketState } from './market-state.ts';
import { checkMissing } from './proofs.ts';
import { knownRequest, slotStateOf } from './request-state.ts';
import { require } from './revert.ts';
import { SlotState } from './states.ts';
import { send } from './transfers.ts';
import type { Address, Block, Bytes32 } from './types.ts';

/** Throws unless `validator` may mark this period now (12 §5, R8). */
export function checkMarkable(
  state: MarketState,
  slotId: Bytes32,
  period: bigint,
  validator: Address,
  block: Block,
): void {
  require(slotStateOf(state, slotId, block) === SlotState.Filled, 'Marketplace_SlotNotAcceptingProofs');
  require(state.hostOf(slotId) !== validator, 'Marketplace_ValidatorIsHost');
  checkMissing(state, slotId, period, block);
}

/** A validator reports a missed proof: the host is slashed, and loses the slot at the last of its chances (12 §5). */
export function markProofAsMissing(context: Context, slotId: Bytes32, period: bigint): void {
  const { state, block, sender } = context;
  checkMarkable(state, slotId, period, sender, block);
  const slot = state.slots.get(slotId)!;
  const record = knownRequest(state, slot.requestId);
  const { ask } = record.request;
  slot.missed.add(period);
  slot.missedCount++;
  const slashed = slashOf(ask, state.config);
  const reward = validatorRewardOf(ask, state.config);
  slot.currentCollateral -= slashed;
  record.forfeited += slashed - reward;
  if (slot.missedCount >= BigInt(state.config.collateral.maxNumberOfSlashes)) forciblyFree(context, record, slot);
  send(context, sender, reward);
}
