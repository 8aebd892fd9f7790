import { payout } from './amounts.ts';
import type { MarketState, RequestRecord, SlotRecord } from './market-state.ts';
import { periodEnd } from './proofs.ts';
import { requestStateOf, slotStateOf } from './request-state.ts';
import { RequestState, SlotState } from './states.ts';
import { type Block, ZERO_ADDRESS } from './types.ts';
import { refundOf } from './withdraw-funds.ts';

type Moment = Pick<Block, 'timestamp'>;

/** Until when a host of this request is paid, as it stands now. */
function paidUntil(record: RequestRecord, moment: Moment): bigint {
  const state = requestStateOf(record, moment);
  if (state === RequestState.Cancelled) return record.expiresAt;
  return state === RequestState.Failed ? record.failedAt : record.endsAt;
}

/** What the contract holds for the client and the hosts of one request: to the last unit. */
export function owedOf(state: MarketState, record: RequestRecord, moment: Moment): bigint {
  let owed = refundOf(record, moment);
  for (const slotId of record.slotIds.values()) {
    const slot = state.slots.get(slotId);
    if (slot?.state !== SlotState.Filled) continue;
    owed += slot.currentCollateral + payout(record.request.ask, slot.filledAt, paidUntil(record, moment));
  }
  return owed;
}

/** True when nobody can take anything of this request any more. */
function isSettled(state: MarketState, record: RequestRecord): boolean {
  if (!record.withdrawn) return false;
  return [...record.slotIds.values()].every((slotId) => state.slots.get(slotId)?.state !== SlotState.Filled);
}

/**
 * What 12 §9 (with R1, R9) says of every state; each broken one is named.
 * `donated` is what was sent to the contract beside its operations.
 */
export function brokenInvariants(state: MarketState, moment: Moment, donated = 0n): string[] {
  const broken: string[] = [];
  const say = (holds: boolean, invariant: string) => {
    if (!holds) broken.push(invariant);
  };
  const balance = state.token.balanceOf(state.address);
  let supply = 0n;
  for (const [, amount] of state.token.holders) supply += amount;
  say(supply === state.token.totalSupply, 'the supply is the sum of the balances');
  say(state.received - state.sent + donated === balance, 'what came in and did not go out is there');

  let owed = 0n;
  for (const record of state.requests.values()) {
    const due = owedOf(state, record, moment);
    owed += due;
    if (isSettled(state, record)) say(due === 0n, `${record.id}: nothing stays of a settled request`);
    for (const fault of requestFaults(state, record, moment)) broken.push(`${record.id}: ${fault}`);
  }
  say(owed + donated === balance, 'the contract holds what it owes, to the last unit');
  for (const slot of state.slots.values()) {
    for (const fault of slotFaults(state, slot, moment)) broken.push(`${slot.id}: ${fault}`);
  }
  return broken;
}

function requestFaults(state: MarketState, record: RequestRecord, moment: Moment): string[] {
  const { ask, client } = record.request;
  const now = moment.timestamp;
  const requestState = requestStateOf(record, moment);
  const slots = [...record.slotIds.values()].map((id) => state.slots.get(id)).filter((slot) => slot !== undefined);
  const held = slots.filter(({ state }) => state === SlotState.Filled || state === SlotState.Paid);
  const rules: [boolean, string][] = [
    [record.fundsToReturn >= 0n && record.forfeited >= 0n, 'no amount is below nothing'],
    [record.slotsFilled === BigInt(held.length), 'as many slots are filled as it counts'],
    [
      requestState !== RequestState.Started || ask.slots - record.slotsFilled <= ask.maxSlotLoss,
      'a started request has lost no more slots than it bears',
    ],
    [requestState !== RequestState.Cancelled || record.expiresAt < now, 'none is cancelled before its expiry'],
    [requestState !== RequestState.Failed || record.endsAt < now, 'a failed one has ended'],
    [
      requestState !== RequestState.Failed ||
        slots.every(({ id }) => [SlotState.Failed, SlotState.Paid].some((s) => s === slotStateOf(state, id, moment))),
      'the slots of a failed one are failed, or paid',
    ],
    [
      record.withdrawn !== (state.requestsOf.get(client)?.has(record.id) ?? false),
      'the client knows it until it has withdrawn',
    ],
  ];
  return rules.filter(([holds]) => !holds).map(([, rule]) => rule);
}

function slotFaults(state: MarketState, slot: SlotRecord, moment: Moment): string[] {
  const { config } = state;
  const record = state.requests.get(slot.requestId);
  if (!record) return ['a slot has a request'];
  const requestState = requestStateOf(record, moment);
  const slotState = slotStateOf(state, slot.id, moment);
  const over = [RequestState.Finished, RequestState.Cancelled, RequestState.Failed].some((s) => s === requestState);
  const listed = state.slotsOf.get(slot.host)?.has(slot.id) ?? false;
  const rules: [boolean, string][] = [
    [slot.currentCollateral >= 0n, 'no collateral is below nothing'],
    [slot.missedCount === BigInt(slot.missed.size), 'it counts the misses of this filling'],
    [
      [...slot.missed].every((period) => periodEnd(config, period) < moment.timestamp),
      'no miss before its period ends',
    ],
    [[...slot.missed].every((period) => period > slot.startPeriod), 'no miss in the period of its filling, or before'],
    [slotState !== SlotState.Paid || over, 'none is paid before its request is over'],
    [slotState !== SlotState.Cancelled || requestState === RequestState.Cancelled, 'cancelled with its request only'],
    [slotState !== SlotState.Finished || requestState === RequestState.Finished, 'finished with its request only'],
    [(slot.host === ZERO_ADDRESS) === (slot.state === SlotState.Repair), 'it has a host, or waits for one'],
    [listed === (slot.state === SlotState.Filled), 'its host has it in its list until it is paid or loses it'],
  ];
  return rules.filter(([holds]) => !holds).map(([, rule]) => rule);
}
