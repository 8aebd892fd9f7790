/** The states of a sale from when the slot is filled: collateral is at stake, and nothing ends it but the chain. */
import type { RequestState, SlotState } from '../chain/marketplace.ts';
import { Backoff } from '../machine/backoff.ts';
import { isRevert, revertOf } from '../machine/chain-errors.ts';
import { advance, type FirstProof, hostedSlot, type SaleContext, timedProof } from './sale-parts.ts';
import type { SaleState } from './transitions.ts';
import { WRONG_PROOF, WrongProofs } from './wrong-proofs.ts';

/** The slot's state is read at events and at the end; without them after so many periods. */
const LOOK_EVERY_PERIODS = 40;
/** So many blocks before the pointer comes around a proof may land behind that. */
const WRAP_BLOCKS = 2;
/** After a look that failed. */
const LOOK_AGAIN_S = 5;
/** Before a period's end a proof must be on its way: a block or two. */
const SUBMIT_MARGIN_S = 4;
/** … and one that was made later than this is not sent: the next block is of the next period, which asks for another one. */
const LAST_BLOCK_S = 2;
/** Between two attempts at most: a period is short. */
const PROOF_BACKOFF_MS = 5000;
/** After a status this old it is read again before anything is sent. */
const STATUS_FRESH_S = 1;
/** Freed a second too early, a slot's pay and collateral are lost: the block must be later than the end by any clock. */
const CLOSE_MARGIN_S = 12;
/** A back end that lags does not know yet that the slot is filled. */
const FILLED_LOOKS = 5;
const FILLED_LOOK_S = 3;

const isMine = async ({ parts, slotId }: SaleContext): Promise<boolean> =>
  (await parts.marketplace.host(slotId)) === parts.marketplace.account;

/** Where the chain says that a sale is: after a restart, or when it is not clear. */
export async function unknown(sale: SaleContext, signal: AbortSignal): Promise<SaleState> {
  const { parts, slotId, reservation } = sale;
  const slotState = await parts.marketplace.slotState(slotId);
  if (slotState === 'paid' && reservation?.stage === 'closing') return 'finished';
  if (await isMine(sale)) return slotState === 'paid' ? 'payout' : (ENDED[slotState] ?? 'filled');
  const wasOurs = reservation?.stage === 'filled' || reservation?.stage === 'closing';
  if (wasOurs) return (await isLost(sale, signal)) ? 'errored' : 'filled';
  if (!reservation || (slotState !== 'free' && slotState !== 'repair')) return 'ignored';
  return reservation.stage === 'held' ? 'preparing' : 'slotReserving';
}

const ENDED: Readonly<Partial<Record<SlotState, SaleState>>> = {
  finished: 'payout',
  cancelled: 'cancelled',
  failed: 'failed',
};

export async function filled(sale: SaleContext, signal: AbortSignal): Promise<SaleState> {
  const { clock } = sale.parts.marketplace;
  for (let looks = 0; !(await isMine(sale)); looks++) {
    if (looks >= FILLED_LOOKS) return 'unknown';
    sale.wake.clear();
    await sale.wake.wait(clock, clock.now() + FILLED_LOOK_S, signal);
  }
  await advance(sale, 'filled');
  return 'proving';
}

/** Proves in every period that asks for it, until the chain says that the slot is over or not ours. */
export async function proving(sale: SaleContext, signal: AbortSignal): Promise<SaleState> {
  const { marketplace, logger, storage } = sale.parts;
  const { clock } = marketplace;
  const length = Number(marketplace.configuration.proofs.period);
  const slot = await hostedSlot(sale);
  const wrongProofs = new WrongProofs(sale.parts.wrongProofEvery);
  let extended = false;
  let proved = -1;
  let lookAt = 0;
  let end: EndOfSlot | undefined;
  for (;;) {
    sale.wake.clear();
    const period = Math.floor(clock.now() / length);
    if (period >= lookAt) {
      try {
        const next = await look(sale, signal);
        if (next) return next;
        // When the request has started its end is as good as known.
        if (!end?.started) end = await endOf(sale);
        lookAt = period + LOOK_EVERY_PERIODS;
      } catch (error) {
        // Proofs are due all the same.
        signal.throwIfAborted();
        logger.warn('Cannot look at a slot', { requestId: sale.requestId, slotIndex: sale.slotIndex, error });
        lookAt = 0;
      }
    }
    if (!extended && end) {
      try {
        await storage.extend(slot, end.requestEnd);
        extended = true;
      } catch (error) {
        signal.throwIfAborted();
        logger.warn('Cannot keep a slot until its end; trying again', { requestId: sale.requestId, error });
      }
    }
    if (proved !== period) {
      proved = period;
      if (!(await proveOnce(sale, period, wrongProofs, signal))) {
        lookAt = 0;
        continue;
      }
    }
    const nextPeriod = (period + 1) * length + 1;
    const nextLook = lookAt > period ? nextPeriod : Math.min(nextPeriod, clock.now() + LOOK_AGAIN_S);
    const over = end ? end.slotEnd + 1 + CLOSE_MARGIN_S : Number.POSITIVE_INFINITY;
    const rung = await sale.wake.wait(clock, over > clock.now() ? Math.min(nextLook, over) : nextLook, signal);
    if (rung || clock.now() >= over) lookAt = 0;
  }
}

interface EndOfSlot {
  /** When the slot ends as the request stands: at the expiry while it is new. */
  readonly slotEnd: number;
  readonly requestEnd: number;
  readonly started: boolean;
}

async function endOf({ parts, requestId }: SaleContext): Promise<EndOfSlot> {
  const { marketplace } = parts;
  const state: RequestState | undefined = await marketplace.requestState(requestId);
  const requestEnd = Number(await marketplace.requestEnd(requestId));
  const started = state === 'started';
  return {
    started,
    requestEnd,
    slotEnd: state === 'new' ? Number(await marketplace.requestExpiry(requestId)) : requestEnd,
  };
}

/** Where the chain has taken the slot; undefined while it is filled and ours. */
async function look(sale: SaleContext, signal: AbortSignal): Promise<SaleState | undefined> {
  const { marketplace } = sale.parts;
  const slotState = await marketplace.slotState(sale.slotId);
  const ended = ENDED[slotState];
  if (ended === 'failed') return ended;
  if (ended) {
    // Not before any block agrees.
    const { slotEnd } = await endOf(sale);
    return marketplace.clock.now() > slotEnd + CLOSE_MARGIN_S ? ended : undefined;
  }
  if (slotState === 'paid') return 'payout';
  if (slotState === 'filled' && (await isMine(sale))) return undefined;
  if (slotState === 'free' && sale.reservation) return 'initialProving';
  return (await isLost(sale, signal)) ? 'errored' : undefined;
}

/** Whether the slot is not ours any more; all data go then, so that one back end that lags is not believed. */
async function isLost(sale: SaleContext, signal: AbortSignal): Promise<boolean> {
  const { clock } = sale.parts.marketplace;
  for (let looks = 0; looks < FILLED_LOOKS; looks++) {
    if (looks > 0) await clock.waitUntil(clock.now() + FILLED_LOOK_S, { signal });
    if (await isMine(sale)) return false;
  }
  sale.error = 'The slot was taken away';
  return true;
}

/** Proves the slot for a period, trying again until its end. False when the chain did not take it: the slot must be looked at. */
async function proveOnce(
  sale: SaleContext,
  period: number,
  wrongProofs: WrongProofs,
  signal: AbortSignal,
): Promise<boolean> {
  const { parts, slotId } = sale;
  const { marketplace, counters, logger } = parts;
  const { clock } = marketplace;
  const { downtime } = marketplace.configuration.proofs;
  const length = Number(marketplace.configuration.proofs.period);
  const deadline = (period + 1) * length;
  const slot = await hostedSlot(sale);
  const backoff = new Backoff(parts.clock, parts.random);
  let required = false;
  // Kept over attempts: it is what takes time.
  let made: FirstProof | undefined;
  while (clock.now() < deadline - SUBMIT_MARGIN_S) {
    try {
      const status = await marketplace.proofStatus(slotId);
      if (Number(status.period) > period) break;
      if (Number(status.period) < period) {
        // No block of this period is there yet, and the chain tells only of the last one.
        await clock.waitUntil(clock.now() + SUBMIT_MARGIN_S, { signal });
        continue;
      }
      if (!status.required && !status.upcoming) return true;
      if (!required && wrongProofs.isNext()) return await proveWrongly(sale, signal);
      required = true;
      const { challenge } = status;
      if (status.pointer > 255 - WRAP_BLOCKS && clock.now() < deadline - length / 2) {
        // Another challenge is about to be asked for, or none.
        await clock.waitUntil(clock.now() + SUBMIT_MARGIN_S, { signal });
        continue;
      }
      if (made?.challenge !== challenge) {
        const readAt = clock.now();
        const prove = () => timedProof(sale, slot, challenge, { deadline, signal });
        made = { challenge, solidity: await parts.proofs.run(deadline, prove, { signal }) };
        // Unless the pointer can come around within a period, the challenge is the same until its end (12 §6).
        if (clock.now() >= deadline - LAST_BLOCK_S) break;
        if (status.pointer > 256 - downtime && clock.now() - readAt > STATUS_FRESH_S) continue;
      }
      const sent = await marketplace.submitProof(slotId, made.solidity, { signal });
      if (Number(sent.timestamp) >= deadline) break;
      counters.proved.inc();
      return true;
    } catch (error) {
      signal.throwIfAborted();
      if (isRevert(error, 'Proofs_ProofAlreadySubmitted')) return true;
      const wrong = isRevert(error, 'Proofs_InvalidProof');
      if (revertOf(error) !== undefined && !wrong) return false;
      if (wrong) made = undefined;
      logger.warn('A proof did not get through', { requestId: sale.requestId, slotIndex: sale.slotIndex, error });
      const leftMs = (deadline - clock.now()) * 1000;
      await backoff.wait({ signal, longestMs: Math.min(PROOF_BACKOFF_MS, Math.max(1, leftMs / 4)) });
    }
  }
  if (required) {
    counters.missed.inc();
    logger.error('A proof was missed', { requestId: sale.requestId, slotIndex: sale.slotIndex, period });
  }
  return true;
}

/** Sends a proof that the chain refuses, most of the time before it is in a block: then the period goes by without one. */
async function proveWrongly(
  { parts, requestId, slotId, slotIndex }: SaleContext,
  signal: AbortSignal,
): Promise<boolean> {
  parts.logger.warn('Sending a wrong proof, as simulate-proof-failures says', { requestId, slotIndex });
  try {
    await parts.marketplace.submitProof(slotId, WRONG_PROOF, { signal });
  } catch (error) {
    signal.throwIfAborted();
    // Any other refusal says that the slot is not what it was.
    if (revertOf(error) !== undefined && !isRevert(error, 'Proofs_InvalidProof')) return false;
  }
  return true;
}

/** Takes pay and collateral, when the request is over. */
export async function collect(sale: SaleContext, signal: AbortSignal): Promise<void> {
  const { parts, slotId } = sale;
  const { marketplace, rewardRecipient } = parts;
  for (;;) {
    const slotState = await marketplace.slotState(slotId);
    if (!(await isMine(sale))) return;
    if (slotState === 'paid') {
      // Not by this sale, or it had no time to note it.
      await advance(sale, 'closing', await marketplace.currentCollateral(slotId));
      return;
    }
    const failed = slotState === 'failed';
    const slotEnd = failed ? 0 : (await endOf(sale)).slotEnd;
    const closeAt = slotEnd + 1 + CLOSE_MARGIN_S;
    if (ENDED[slotState] && marketplace.clock.now() >= closeAt) {
      // Contracts without our rules keep the collateral of a failed request.
      const kept = failed && !marketplace.configuration.rules;
      const collateral = kept ? 0n : await marketplace.currentCollateral(slotId);
      await advance(sale, 'closing', collateral);
      try {
        await marketplace.freeSlot(slotId, { signal, ...(rewardRecipient ? { rewardRecipient } : {}) });
        return;
      } catch (error) {
        if (isRevert(error, 'Marketplace_AlreadyPaid', 'Marketplace_InvalidSlotHost')) return;
        throw error;
      }
    }
    sale.wake.clear();
    const { clock } = marketplace;
    await sale.wake.wait(clock, Math.max(clock.now() + FILLED_LOOK_S, closeAt), signal);
  }
}
