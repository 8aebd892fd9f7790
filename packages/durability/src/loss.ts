import { checkRange, checkWhole } from './errors.ts';

/** Slots that a contract knows at most (11 §1). */
export const SLOTS_MAX = 256;

/** A dataset of slots, and what happens to slots (17 §1). All times in seconds. */
export interface DurabilityModel {
  /** Slots that restore the dataset, k. */
  readonly data: number;
  /** Slots that may be lost, m. */
  readonly parity: number;
  /** So many lost slots are noticed before all are rebuilt; 1 rebuilds each at once. */
  readonly repairFrom: number;
  /** Mean time until a slot is lost. */
  readonly mttf: number;
  /** Mean time until a lost slot is noticed: between required proofs, times the misses that free a slot. */
  readonly mtbp: number;
  /** Mean time of a repair. */
  readonly mttr: number;
}

/** The mean life of a dataset whose slots are all there at first, in seconds. */
interface Fate {
  /** The chance to be lost before everything is whole again. */
  readonly loss: number;
  /** Seconds until one of the two. */
  readonly time: number;
}

function check(model: DurabilityModel): void {
  checkWhole('data', model.data, 1, SLOTS_MAX);
  checkWhole('parity', model.parity, 0, SLOTS_MAX - model.data);
  checkWhole('repairFrom', model.repairFrom, 1, SLOTS_MAX);
  for (const name of ['mttf', 'mtbp', 'mttr'] as const) checkRange(name, model[name], Number.MIN_VALUE, 1e15);
}

/**
 * Mean seconds until more slots are lost than there is parity. Of states (l lost, f noticed) a repair leads back to the first, everything else
 * leads on, so that the chance to be lost before the next repair follows from the last state back to the first, by sums and
 * products of positive numbers only: nothing cancels, and 10^-30 is as exact as 10^-3.
 *
 * @throws DURABILITY_INPUT_INVALID
 */
export function meanTimeToLoss(model: DurabilityModel): number {
  check(model);
  const { data, parity, repairFrom, mttf, mtbp, mttr } = model;
  const slots = data + parity;
  const lost: Fate = { loss: 1, time: 0 };
  // fates[f] of the states with one more lost slot.
  let fates: Fate[] = Array.from({ length: parity + 2 }, () => lost);
  for (let l = parity; l >= 0; l--) {
    const lose = (slots - l) / mttf;
    const row: Fate[] = [];
    for (let f = l; f >= 0; f--) {
      const notice = (l - f) / mtbp;
      const repair = f >= repairFrom ? 1 / mttr : 0;
      const all = lose + notice + repair;
      const next = fates[f]!;
      const noticed = row[f + 1] ?? lost;
      row[f] = {
        loss: (lose * next.loss + (notice > 0 ? notice * noticed.loss : 0)) / all,
        time: (1 + lose * next.time + (notice > 0 ? notice * noticed.time : 0)) / all,
      };
    }
    fates = row;
  }
  const [fresh = lost] = fates;
  // One round after the other until one ends badly; of the first state itself a round begins with the first loss.
  return fresh.time / fresh.loss;
}

/** The chance that the dataset is lost within so many seconds. @throws DURABILITY_INPUT_INVALID */
export function lossProbability(model: DurabilityModel, seconds: number): number {
  checkRange('seconds', seconds, 0, 1e15);
  return -Math.expm1(-seconds / meanTimeToLoss(model));
}
