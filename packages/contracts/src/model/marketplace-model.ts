import type { Call } from './calls.ts';
import type { ModelEvent } from './events.ts';
import { fillSlot } from './fill-slot.ts';
import { freeSlot } from './free-slot.ts';
import { checkMarkable, markProofAsMissing } from './mark-missing.ts';
import { type Context, MarketState } from './market-state.ts';
import { requestStorage } from './request-storage.ts';
import { reserveSlot } from './reservations.ts';
import { ModelRevert } from './revert.ts';
import { submitProof } from './submit-proof.ts';
import { type Address, type Block, type ModelConfig, ZERO_ADDRESS } from './types.ts';
import { withdrawFunds } from './withdraw-funds.ts';

export type CallResult =
  | { readonly ok: true; readonly events: readonly ModelEvent[] }
  /** The name of a custom error, or `Panic`. */
  | { readonly ok: false; readonly error: string };

/** Does what the contracts do, in memory. A call that fails changes nothing: operations check all before they write. */
export class MarketplaceModel {
  readonly state: MarketState;

  constructor(config: ModelConfig, address: Address) {
    this.state = new MarketState(config, address);
  }

  apply(call: Call, sender: Address, block: Block): CallResult {
    const events: ModelEvent[] = [];
    try {
      run(call, { state: this.state, block, sender, emit: (event) => events.push(event) });
    } catch (error) {
      if (error instanceof ModelRevert) return { ok: false, error: error.errorName };
      throw error;
    }
    return { ok: true, events };
  }
}

function run(call: Call, context: Context): void {
  const { state, sender, block } = context;
  switch (call.name) {
    case 'requestStorage':
      requestStorage(context, call.request);
      break;
    case 'reserveSlot':
      reserveSlot(context, call.requestId, call.index);
      break;
    case 'fillSlot':
      fillSlot(context, call.requestId, call.index, call.proof);
      break;
    case 'submitProof':
      submitProof(context, call.slotId, call.proof);
      break;
    case 'markProofAsMissing':
      markProofAsMissing(context, call.slotId, call.period);
      break;
    case 'canMarkProofAsMissing':
      checkMarkable(state, call.slotId, call.period, sender, block);
      break;
    case 'freeSlot':
      freeSlot(context, call.slotId, ...(call.recipients ?? ([sender, sender] as const)));
      break;
    case 'withdrawFunds':
      withdrawFunds(context, call.requestId, call.recipient ?? sender);
      break;
    case 'mint':
      state.token.mint(call.to, call.amount);
      context.emit({ name: 'Transfer', from: ZERO_ADDRESS, to: call.to, value: call.amount });
      break;
    case 'transfer':
      state.token.transfer(sender, call.to, call.amount);
      context.emit({ name: 'Transfer', from: sender, to: call.to, value: call.amount });
      break;
    case 'approve':
      state.token.approve(sender, call.amount);
      break;
  }
}
