import { checkRange, checkWhole } from './errors.ts';

/**
 * The chance that a proof of so many samples notices that a share of the cells is missing (11 §8). Samples may repeat.
 *
 * @throws DURABILITY_INPUT_INVALID
 */
export function detection(missing: number, samples: number): number {
  checkRange('missing', missing, 0, 1);
  checkWhole('samples', samples, 1, 1e9);
  return -Math.expm1(samples * Math.log1p(-missing));
}

/** The samples after which a missing share stays unnoticed with at most this chance. @throws DURABILITY_INPUT_INVALID */
export function samplesFor(missing: number, unnoticed: number): number {
  checkRange('missing', missing, Number.MIN_VALUE, 1);
  checkRange('unnoticed', unnoticed, Number.MIN_VALUE, 1);
  return missing === 1 ? 1 : Math.max(1, Math.ceil(Math.log(unnoticed) / Math.log1p(-missing)));
}
