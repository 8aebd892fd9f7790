import { payout } from './amounts.ts';
import type { Context, RequestRecord } from './market-state.ts';
import { knownRequest, requestStateOf } from './request-state.ts';
import { require } from './revert.ts';
import { RequestState } from './states.ts';
import { checkReceiver, send } from './transfers.ts';
import type { Address, Block, Bytes32 } from './types.ts';

/** What the client gets of a request that is over (R1, R9, R16). */
export function refundOf(record: RequestRecord, block: Pick<Block, 'timestamp'>): bigint {
  if (record.withdrawn) return 0n;
  const kept = record.fundsToReturn + record.forfeited;
  if (requestStateOf(record, block) !== RequestState.Cancelled) return kept;
  // Hosts of a cancelled request are paid until its expiry: what was set aside for the time after it comes back.
  return kept + record.slotsFilled * payout(record.request.ask, record.expiresAt, record.endsAt);
}

/** The client takes back what is left; only then its list forgets the request (12 §5, R7). */
export function withdrawFunds(context: Context, requestId: Bytes32, recipient: Address): void {
  const { state, block, sender, emit } = context;
  const record = knownRequest(state, requestId);
  require(record.request.client === sender, 'Marketplace_InvalidClientAddress');
  const requestState = requestStateOf(record, block);
  require(requestState !== RequestState.New && requestState !== RequestState.Started, 'Marketplace_InvalidState');
  require(!record.withdrawn, 'Marketplace_NothingToWithdraw');
  const amount = refundOf(record, block);
  if (amount > 0n) checkReceiver(recipient);
  record.state = requestState;
  record.withdrawn = true;
  record.fundsToReturn = 0n;
  record.forfeited = 0n;
  state.requestsOf.get(sender)?.delete(requestId);
  if (requestState === RequestState.Cancelled) emit({ name: 'RequestCancelled', requestId });
  if (amount > 0n) send(context, recipient, amount);
}
