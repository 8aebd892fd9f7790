import { amountsFit, maxPrice, UINT64_MAX } from './amounts.ts';
import { requestIdOf } from './ids.ts';
import type { Context } from './market-state.ts';
import { require } from './revert.ts';
import { RequestState } from './states.ts';
import { take } from './transfers.ts';
import type { Request } from './types.ts';

/** Stores a request and takes its whole price (12 §5, R11). */
export function requestStorage(context: Context, request: Request): void {
  const { state, block, sender, emit } = context;
  const { ask, expiry, content } = request;
  require(sender === request.client, 'Marketplace_InvalidClientAddress');
  const id = requestIdOf(request);
  require(!state.requests.has(id), 'Marketplace_RequestAlreadyExists');
  require(expiry > 0n && expiry < ask.duration, 'Marketplace_InvalidExpiry');
  require(ask.slots > 0n, 'Marketplace_InsufficientSlots');
  require(ask.maxSlotLoss <= ask.slots, 'Marketplace_InvalidMaxSlotLoss');
  // A duration of 0 never comes here: no expiry is below it.
  require(ask.proofProbability > 0n, 'Marketplace_InsufficientProofProbability');
  require(ask.collateralPerByte > 0n, 'Marketplace_InsufficientCollateral');
  require(ask.pricePerBytePerSecond > 0n, 'Marketplace_InsufficientReward');
  require(content.cid !== '0x', 'Marketplace_InvalidCid');
  require(ask.duration <= state.config.requestDurationLimit, 'Marketplace_DurationExceedsLimit');
  const endsAt = block.timestamp + ask.duration;
  require(amountsFit(ask) && endsAt <= UINT64_MAX, 'Marketplace_PriceOverflow');
  const price = maxPrice(ask);
  const expiresAt = block.timestamp + expiry;
  take(context, price);
  state.requests.set(id, {
    id,
    request,
    slotIds: new Map(),
    reservations: new Map(),
    state: RequestState.New,
    fundsToReturn: price,
    forfeited: 0n,
    slotsFilled: 0n,
    endsAt,
    expiresAt,
    failedAt: 0n,
    withdrawn: false,
  });
  state.listOf(state.requestsOf, sender).add(id);
  emit({ name: 'StorageRequested', requestId: id, ask, expiry: expiresAt });
  emit({ name: 'StorageRequestedBy', requestId: id, client: sender, expiry: expiresAt });
}
