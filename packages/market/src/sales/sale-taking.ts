/** The states of a sale until the slot is filled: nothing is at stake yet but work. */
import { isCodexError } from '@codex/runtime';
import type { Ask } from '../chain/marketplace.ts';
import { MarketError } from '../errors.ts';
import { isRevert, revertOf } from '../machine/chain-errors.ts';
import { describesRequest, type HostedSlot } from './host-storage.ts';
import { bringLost } from './lost-slot.ts';
import { advance, hostedSlot, type LetGo, type SaleContext, timedProof } from './sale-parts.ts';
import { isHostable, slotCollateral } from './slot-item.ts';
import type { SaleState } from './transitions.ts';

/** Hosts that hear of a slot together, or begin to prove at the start of a period, come one after the other within these. */
const RESERVE_SPREAD_MS = 4000;
const FILL_SPREAD_MS = 10_000;
/** … and no more of a period than this part. */
const FILL_SPREAD_PART = 1 / 6;
/** Of a period so much must be left when the slot is to be filled, for the allowance's block and its own: in the next period the proof is wrong. */
const FILL_MARGIN_PART = 1 / 4;
/** In short periods it is the machine that takes time. */
const FILL_MARGIN_MIN_S = 3;
/** Of a period, what is waited for at most before a proof is made. */
const PROVE_LEFT_PART_MAX = 3 / 4;
/** The chain's last block may be of a period that is over. */
const LAG_S = 3;
/** The state of the chain is looked at this often while a slot is fetched, beside every event. */
const LOOK_S = 60;

/** Lets the slot go, unless it has become ours by a transaction whose answer never came. */
async function ignore(sale: SaleContext, letGo: LetGo): Promise<'ignored' | 'filled'> {
  const { marketplace } = sale.parts;
  if (sale.reservation?.stage === 'filling' && (await marketplace.host(sale.slotId)) === marketplace.account)
    return 'filled';
  sale.letGo = letGo;
  return 'ignored';
}

interface Openness {
  readonly repair: boolean;
  readonly started: boolean;
  /** Until when it can be filled, Unix seconds. */
  readonly until: number;
  /** Of the request, Unix seconds. */
  readonly end: number;
}

/** Whether the slot can still be filled; undefined when it cannot. */
async function openness({ parts, requestId, slotId }: SaleContext): Promise<Openness | undefined> {
  const { marketplace } = parts;
  const requestState = await marketplace.requestState(requestId);
  if (requestState === undefined) {
    throw new MarketError('REQUEST_UNKNOWN', 'The chain does not know the request', { id: requestId });
  }
  if (requestState !== 'new' && requestState !== 'started') return undefined;
  const slotState = await marketplace.slotState(slotId);
  if (slotState !== 'free' && slotState !== 'repair') return undefined;
  const end = Number(await marketplace.requestEnd(requestId));
  const until = requestState === 'new' ? Number(await marketplace.requestExpiry(requestId)) : end;
  return marketplace.clock.now() < until
    ? { repair: slotState === 'repair', started: requestState === 'started', until, end }
    : undefined;
}

function dueCollateral({ parts }: SaleContext, { request }: HostedSlot, repair: boolean): bigint {
  const { repairRewardPercentage } = parts.marketplace.configuration.collateral;
  return slotCollateral(request.ask, repairRewardPercentage, repair);
}

/** Looks again when something happened meanwhile: it may have been another loss. */
async function isRepairDue({ parts, wake, requestId, slotIndex }: SaleContext, ask: Ask, signal: AbortSignal) {
  const { clock } = parts.marketplace;
  for (;;) {
    wake.clear();
    if (await parts.repairs.isDue(requestId, slotIndex, ask)) return true;
    if (!(await wake.wait(clock, clock.now(), signal))) return false;
  }
}

/** Looks at the offer, the manifest and the books, in the order of what it costs. */
export async function preparing(sale: SaleContext, signal: AbortSignal): Promise<SaleState> {
  const { parts, requestId, slotIndex } = sale;
  const { marketplace, reservations, storage } = parts;
  const slot = await hostedSlot(sale);
  const { ask } = slot.request;
  if (!isHostable(ask) || BigInt(slotIndex) >= ask.slots) return ignore(sale, 'never');
  const open = await openness(sale);
  if (!open) return ignore(sale, 'never');
  // Room that is held already, from before a restart.
  if (sale.reservation) return 'slotReserving';
  const terms = {
    slotSize: Number(ask.slotSize),
    // A repair is kept only for what is left.
    duration: open.repair ? open.end - marketplace.clock.now() : Number(ask.duration),
    pricePerBytePerSecond: ask.pricePerBytePerSecond,
    collateral: dueCollateral(sale, slot, open.repair),
    requestEnd: open.end,
  };
  if (!reservations.find(terms)) return ignore(sale, 'when offers change');
  if (open.repair && open.started && !(await isRepairDue(sale, ask, signal))) return ignore(sale, 'later');
  if (!(await marketplace.canReserveSlot(requestId, BigInt(slotIndex)))) return ignore(sale, 'later');
  if ((await marketplace.balance()) < terms.collateral) {
    parts.logger.warn('Too few tokens for the collateral of a slot', { requestId, slotIndex });
    return ignore(sale, 'later');
  }
  const facts = await storage.describe(slot.request.content.cid, { signal });
  if (!describesRequest(facts, slot.request)) {
    parts.logger.info('The manifest is not what the request says', { requestId });
    return ignore(sale, 'never');
  }
  try {
    sale.reservation = await reservations.reserve(requestId, slotIndex, terms);
  } catch (error) {
    if (!isCodexError(error, 'AVAILABILITY_MISSING')) throw error;
    parts.counters.mismatch.inc();
    return ignore(sale, 'when offers change');
  }
  return 'slotReserving';
}

export async function slotReserving(sale: SaleContext, signal: AbortSignal): Promise<SaleState> {
  const { parts, requestId, slotIndex } = sale;
  const { marketplace } = parts;
  sale.permit ??= await parts.transfers.acquire({ signal });
  const stage = sale.reservation?.stage;
  if (stage === 'reserved' || stage === 'filling') return 'downloading';
  // Of hosts that begin at the same event not all should send in the same block.
  if (stage === 'held') await parts.clock.sleep(parts.random.float() * RESERVE_SPREAD_MS, { signal });
  // It may have waited for its turn.
  if (!(await openness(sale))) return ignore(sale, 'never');
  if (!(await marketplace.canReserveSlot(requestId, BigInt(slotIndex)))) {
    // Sent before a crash, or the answer was lost: then the place that is taken is most likely ours.
    if (stage !== 'reserving') return ignore(sale, 'later');
    await advance(sale, 'reserved');
    return 'downloading';
  }
  await advance(sale, 'reserving');
  try {
    await marketplace.reserveSlot(requestId, BigInt(slotIndex), { signal });
  } catch (error) {
    if (revertOf(error) === undefined) throw error;
    return ignore(sale, 'later');
  }
  await advance(sale, 'reserved');
  return 'downloading';
}

export async function downloading(sale: SaleContext, signal: AbortSignal): Promise<SaleState> {
  const { parts } = sale;
  sale.permit ??= await parts.transfers.acquire({ signal });
  const slot = await hostedSlot(sale);
  const open = await openness(sale);
  if (!open) return ignore(sale, 'never');
  const done = await whileOpen(sale, signal, async (inner) => {
    const transfer = {
      signal: inner,
      expiry: open.end,
      onStored: (bytes: number) => parts.reservations.stored(sale.reservation!.id, bytes),
    };
    if (open.repair) await bringLost(parts, slot, transfer);
    else await parts.storage.fetchSlot(slot, transfer);
    return true;
  });
  return done ? 'initialProving' : ignore(sale, 'never');
}

/** Runs `work` until the slot cannot be filled any more; undefined then. */
async function whileOpen<T>(
  sale: SaleContext,
  signal: AbortSignal,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T | undefined> {
  const { clock } = sale.parts.marketplace;
  const ended = new AbortController();
  const inner = AbortSignal.any([signal, ended.signal]);
  const watch = async (): Promise<undefined> => {
    for (;;) {
      sale.wake.clear();
      const open = await openness(sale).catch(() => null);
      if (open === undefined) return undefined;
      const next = clock.now() + LOOK_S;
      await sale.wake.wait(clock, open ? Math.min(open.until, next) : next, inner);
    }
  };
  const working = work(inner);
  try {
    return await Promise.race([working, watch()]);
  } finally {
    ended.abort();
    // Not before it has let go of everything: a release follows.
    await working.catch(() => {});
  }
}

/** Makes a proof whose challenge will still be asked for when the slot is filled. */
export async function initialProving(sale: SaleContext, signal: AbortSignal): Promise<SaleState> {
  const { parts, slotId } = sale;
  const { marketplace, proofTimes } = parts;
  const { clock } = marketplace;
  const { period: periodS, downtime } = marketplace.configuration.proofs;
  const length = Number(periodS);
  const slot = await hostedSlot(sale);
  for (;;) {
    sale.wake.clear();
    if (!(await openness(sale))) return ignore(sale, 'never');
    const status = await marketplace.proofStatus(slotId);
    const deadline = (Number(status.period) + 1) * length;
    const left = deadline - clock.now();
    // A proof and its transaction must fit into what is left of the period, and the pointer must not come around in it (14 §6).
    const rest = fillMarginS(length) + fillSpreadMs(length) / 1000;
    const { expected } = proofTimes;
    const needed = Math.min(length * PROVE_LEFT_PART_MAX, expected === undefined ? length / 2 : 2 * expected + rest);
    if (left >= needed && status.pointer <= 256 - downtime) {
      const inTurn = async () => {
        // It may have waited long for its turn: another host may have filled the slot, or the period be as good as over.
        if (sale.wake.isRung && !(await openness(sale))) return 'taken';
        if (deadline - clock.now() < needed - (expected ?? 0)) return 'late';
        return timedProof(sale, slot, status.challenge, { deadline, signal });
      };
      // Nothing is at stake yet: proofs of slots that are filled go before.
      const solidity = await parts.proofs.run(deadline + length, inTurn, { signal });
      if (solidity === 'taken') return ignore(sale, 'never');
      if (solidity === 'late') continue;
      sale.proof = { challenge: status.challenge, solidity };
      return 'filling';
    }
    await sale.wake.wait(clock, Math.max(deadline + 1, clock.now() + LAG_S), signal);
  }
}

// `length`: of a period, seconds.
const fillSpreadMs = (length: number) => Math.min(FILL_SPREAD_MS, length * 1000 * FILL_SPREAD_PART);
const fillMarginS = (length: number) => Math.max(FILL_MARGIN_MIN_S, length * FILL_MARGIN_PART);

export async function filling(sale: SaleContext, signal: AbortSignal): Promise<SaleState> {
  const { parts, requestId, slotId, slotIndex, proof } = sale;
  const { marketplace } = parts;
  // Sent before a crash, or the answer was lost.
  if ((await marketplace.host(slotId)) === marketplace.account) return 'filled';
  if (!proof) return 'initialProving';
  const length = Number(marketplace.configuration.proofs.period);
  await parts.clock.sleep(parts.random.float() * fillSpreadMs(length), { signal });
  const open = await openness(sale);
  if (!open) return ignore(sale, 'never');
  const status = await marketplace.proofStatus(slotId);
  const left = (Number(status.period) + 1) * length - marketplace.clock.now();
  if (status.challenge !== proof.challenge || left < fillMarginS(length)) return 'initialProving';
  const collateral = dueCollateral(sale, await hostedSlot(sale), open.repair);
  if ((await marketplace.balance()) < collateral) return ignore(sale, 'later');
  await advance(sale, 'filling');
  try {
    await marketplace.fillSlot(requestId, BigInt(slotIndex), proof.solidity, collateral, { signal });
  } catch (error) {
    if (revertOf(error) === undefined) throw error;
    sale.proof = undefined;
    if ((await marketplace.host(slotId)) === marketplace.account) return 'filled';
    if (isRevert(error, 'Marketplace_ReservationRequired')) return ignore(sale, 'later');
    if (isRevert(error, 'Marketplace_SlotNotFree', 'Marketplace_StartNotBeforeExpiry')) return ignore(sale, 'never');
    // The block came late: another challenge was asked for.
    if (isRevert(error, 'Proofs_InvalidProof', 'Proofs_BlockHashMissing')) return 'initialProving';
    throw error;
  }
  return 'filled';
}
