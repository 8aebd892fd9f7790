import type { Context } from './market-state.ts';
import { require } from './revert.ts';
import { type Address, ZERO_ADDRESS } from './types.ts';

/** Takes what the sender has approved; nothing, too, is a transfer. */
export function take({ state, sender, emit }: Context, amount: bigint): void {
  state.token.pull(sender, state.address, amount);
  state.received += amount;
  emit({ name: 'Transfer', from: sender, to: state.address, value: amount });
}

/** An operation asks before it writes anything: the token takes nothing for the zero address. */
export function checkReceiver(to: Address): void {
  require(to !== ZERO_ADDRESS, 'ERC20InvalidReceiver');
}

/** Pays out; nothing, too, is a transfer. */
export function send({ state, emit }: Context, to: Address, amount: bigint): void {
  state.token.transfer(state.address, to, amount);
  state.sent += amount;
  emit({ name: 'Transfer', from: state.address, to, value: amount });
}
