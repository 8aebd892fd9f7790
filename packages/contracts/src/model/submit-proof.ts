import type { Context } from './market-state.ts';
import { receiveProof } from './proofs.ts';
import { slotStateOf } from './request-state.ts';
import { require } from './revert.ts';
import { SlotState } from './states.ts';
import type { Bytes32, ProofClaim } from './types.ts';

/** The host proves its slot in this period (12 §5, R10). */
export function submitProof(context: Context, slotId: Bytes32, proof: ProofClaim): void {
  const { state, block, sender } = context;
  const slot = state.slots.get(slotId);
  require(slot !== undefined && slot.host === sender, 'Marketplace_ProofNotSubmittedByHost');
  require(slotStateOf(state, slotId, block) === SlotState.Filled, 'Marketplace_SlotNotAcceptingProofs');
  receiveProof(context, slot, proof);
}
