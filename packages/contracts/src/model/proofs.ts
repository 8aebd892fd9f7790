import { keccak256 } from 'viem';
import type { Context, MarketState, SlotRecord } from './market-state.ts';
import { knownRequest, slotStateOf } from './request-state.ts';
import { ModelRevert, require } from './revert.ts';
import { SlotState } from './states.ts';
import { type Block, type Bytes32, type ModelConfig, type ProofClaim, ZERO_BYTES32 } from './types.ts';

export const periodOf = (config: ModelConfig, timestamp: bigint): bigint => timestamp / config.proofs.period;

/** The first second after a period. */
export const periodEnd = (config: ModelConfig, period: bigint): bigint => (period + 1n) * config.proofs.period;

/** How many blocks back the challenge is, 0 … 255 (12 §6). */
export function pointerOf(config: ModelConfig, slotId: Bytes32, period: bigint, block: Pick<Block, 'number'>): bigint {
  const moved = (period * BigInt(config.proofs.downtimeProduct)) % 256n;
  return ((block.number % 256n) + moved + BigInt(`0x${slotId.slice(-2)}`)) % 256n;
}

/** The challenge is the hash of a block's hash; thousands of calls ask for the same 256. */
const CHALLENGES_KEPT_MAX = 4096;
const challenges = new Map<Bytes32, Bytes32>();

function challengeFrom(blockHash: Bytes32): Bytes32 {
  let challenge = challenges.get(blockHash);
  if (!challenge) {
    if (challenges.size >= CHALLENGES_KEPT_MAX) challenges.clear();
    challenge = keccak256(blockHash);
    challenges.set(blockHash, challenge);
  }
  return challenge;
}

/** The challenge of `period` as this block sees it (12 §6, R12). */
export function challengeOf(config: ModelConfig, slotId: Bytes32, period: bigint, block: Block): Bytes32 {
  const hash = block.hashOf(block.number - 1n - pointerOf(config, slotId, period, block));
  require(hash !== ZERO_BYTES32, 'Proofs_BlockHashMissing');
  return challengeFrom(hash);
}

/** One proof in so many periods outside the downtime, so that it is one in `proofProbability` over all (R5). */
export function effectiveProbability(config: ModelConfig, proofProbability: bigint): bigint {
  const outside = (proofProbability * (256n - BigInt(config.proofs.downtime))) / 256n;
  return outside > 1n ? outside : 1n;
}

interface Requirement {
  /** The dice fell so, be it in the downtime or not. */
  readonly required: boolean;
  readonly pointer: bigint;
}

function requirementOf(state: MarketState, slotId: Bytes32, period: bigint, block: Block): Requirement {
  const pointer = pointerOf(state.config, slotId, period, block);
  const slot = state.slots.get(slotId);
  if (!slot || slotStateOf(state, slotId, block) !== SlotState.Filled || period <= slot.startPeriod) {
    return { required: false, pointer };
  }
  const { ask } = knownRequest(state, slot.requestId).request;
  const challenge = BigInt(challengeOf(state.config, slotId, period, block));
  return { required: challenge % effectiveProbability(state.config, ask.proofProbability) === 0n, pointer };
}

/** True when `period` needs a proof of this slot. */
export function isProofRequiredIn(state: MarketState, slotId: Bytes32, period: bigint, block: Block): boolean {
  const { required, pointer } = requirementOf(state, slotId, period, block);
  return required && pointer >= BigInt(state.config.proofs.downtime);
}

/** True when the downtime alone keeps `period` from needing a proof. */
export function willProofBeRequiredIn(state: MarketState, slotId: Bytes32, period: bigint, block: Block): boolean {
  const { required, pointer } = requirementOf(state, slotId, period, block);
  return required && pointer < BigInt(state.config.proofs.downtime);
}

/** Stores that a proof came in this period, the one that fills the slot included (12 §5). */
export function receiveProof(context: Context, slot: SlotRecord, proof: ProofClaim): void {
  const { state, block, emit } = context;
  const period = periodOf(state.config, block.timestamp);
  challengeOf(state.config, slot.id, period, block);
  require(!slot.received.has(period), 'Proofs_ProofAlreadySubmitted');
  require(proof.valid, 'Proofs_InvalidProof');
  slot.received.add(period);
  emit({ name: 'ProofSubmitted', id: slot.id });
  emit({ name: 'ProofSubmittedFor', id: slot.id, period });
}

/** Throws unless `period` of this slot can be marked now (12 §5). */
export function checkMissing(state: MarketState, slotId: Bytes32, period: bigint, block: Block): void {
  const { config } = state;
  const slot = state.slots.get(slotId);
  const end = periodEnd(config, period);
  require(end < block.timestamp, 'Proofs_PeriodNotEnded');
  require(block.timestamp < end + config.proofs.timeout, 'Proofs_ValidationTimedOut');
  if (!slot) throw new ModelRevert('Proofs_ProofNotRequired');
  require(!slot.received.has(period), 'Proofs_ProofNotMissing');
  require(isProofRequiredIn(state, slotId, period, block), 'Proofs_ProofNotRequired');
  require(!slot.missed.has(period), 'Proofs_ProofAlreadyMarkedMissing');
}
