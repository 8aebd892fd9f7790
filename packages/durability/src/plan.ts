import { checkRange, checkWhole, DurabilityError } from './errors.ts';
import { lossProbability, SLOTS_MAX } from './loss.ts';

const HOUR = 3_600;
const BLOCK_BYTES = 65_536;

/** What somebody wants, and what the network is like. Times in seconds. */
export interface PlanInput {
  /** The chance of losing the dataset that is accepted for the whole time. */
  readonly loss: number;
  readonly duration: number;
  readonly sizeBytes: number;
  /** Mean time until a host is gone; default: a year. */
  readonly mttf?: number;
  /** Mean time of a repair; default: a day. */
  readonly mttr?: number;
  /** Lost slots that are noticed before all are rebuilt; default: 1. */
  readonly repairFrom?: number;
  /** Seconds of a period of the contract; default: 120. */
  readonly period?: number;
  /** Misses that free a slot; default: 2. */
  readonly slashes?: number;
  /** Tokens for a byte and second; default: 1. */
  readonly pricePerBytePerSecond?: bigint;
}

export interface Plan {
  /** Slots that restore the dataset, K. */
  readonly data: number;
  /** Slots that may be lost, M: the tolerance of a request. */
  readonly parity: number;
  /** Slots of a request, K + M. */
  readonly nodes: number;
  /** Mean periods between two proofs of a slot: the proofProbability of a request. */
  readonly proofProbability: bigint;
  /** Mean seconds between two proofs of a slot. */
  readonly proofInterval: number;
  /** The chance to lose the dataset within the duration. */
  readonly loss: number;
  /** Bytes that all hosts store together, with padding (11 §2). */
  readonly storedBytes: number;
  /** Tokens for all slots and the whole duration. */
  readonly price: bigint;
  /** Proofs of all slots over the duration, on average. */
  readonly proofs: number;
}

/** Bytes of each slot: its blocks are filled up to a power of two, which is paid for (11 §2). */
export function slotBytes(sizeBytes: number, data: number, blockBytes = BLOCK_BYTES): number {
  const blocks = Math.ceil(Math.ceil(sizeBytes / blockBytes) / data);
  return blockBytes * 2 ** Math.ceil(Math.log2(blocks));
}

/** A longest interval between proofs is worth nothing: with tokens for gas, seldom proofs are cheap, but a day is seldom enough (17 §1). */
const INTERVAL_MAX = 24 * HOUR;

/**
 * The cheapest codes that lose a dataset with at most this chance: for each number of slots that a price buys, the one with the rarest proofs. The
 * cheapest first, then fewer slots, and no plan that is worse than another in price, slots and proofs.
 *
 * @throws DURABILITY_INPUT_INVALID, DURABILITY_UNREACHABLE
 */
export function plan(input: PlanInput): Plan[] {
  const { loss, duration, sizeBytes } = input;
  const { mttf = 8_760 * HOUR, mttr = 24 * HOUR, repairFrom = 1, period = 120, slashes = 2 } = input;
  const { pricePerBytePerSecond = 1n } = input;
  checkRange('loss', loss, 1e-300, 1);
  checkWhole('duration', duration, 1, 1e10);
  checkWhole('sizeBytes', sizeBytes, 1, Number.MAX_SAFE_INTEGER);
  checkWhole('period', period, 1, 1e9);
  checkWhole('slashes', slashes, 1, 255);
  const blocks = Math.ceil(sizeBytes / BLOCK_BYTES);
  const probabilities = proofProbabilities(period);
  const found: Plan[] = [];
  let best = 1;
  // The reference's API wants 1 < K and M ≤ K (13 §1).
  for (let data = 2; data <= Math.min(SLOTS_MAX - 1, blocks); data++) {
    for (let parity = 1; parity <= data && data + parity <= SLOTS_MAX; parity++) {
      const lossAt = (probability: number) => {
        const mtbp = period * probability * slashes;
        return lossProbability({ data, parity, repairFrom: Math.min(repairFrom, parity), mttf, mtbp, mttr }, duration);
      };
      const often = lossAt(1);
      best = Math.min(best, often);
      if (often > loss) continue;
      const probability = probabilities.findLast((p) => lossAt(p) <= loss) ?? 1;
      const nodes = data + parity;
      const slot = slotBytes(sizeBytes, data);
      found.push({
        data,
        parity,
        nodes,
        proofProbability: BigInt(probability),
        proofInterval: period * probability,
        loss: lossAt(probability),
        storedBytes: nodes * slot,
        price: BigInt(nodes) * BigInt(slot) * BigInt(duration) * pricePerBytePerSecond,
        proofs: (nodes * duration) / (period * probability),
      });
      // More parity for the same data only costs more.
      break;
    }
  }
  if (found.length === 0) {
    throw new DurabilityError('DURABILITY_UNREACHABLE', `No code of ${SLOTS_MAX} slots loses so little`, {
      loss,
      best,
    });
  }
  found.sort((a, b) => (a.price === b.price ? a.nodes - b.nodes || a.proofs - b.proofs : a.price < b.price ? -1 : 1));
  return found.filter((one, i) =>
    found.slice(0, i).every((other) => other.nodes > one.nodes || other.proofs > one.proofs),
  );
}

/** 1, 2, 5, 10 … as far as proofs come once a day. */
function proofProbabilities(period: number): number[] {
  const most = Math.max(1, Math.floor(INTERVAL_MAX / period));
  const steps = [1];
  for (let power = 1; power <= most; power *= 10) steps.push(...[2, 5, 10].map((n) => n * power));
  return [...new Set(steps.filter((n) => n <= most))];
}
