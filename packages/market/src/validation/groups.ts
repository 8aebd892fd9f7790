import type { SlotId } from '../chain/marketplace.ts';
import { MarketError } from '../errors.ts';

export interface ValidatorOptions {
  /** Slots that are watched at most; 0 is no limit of this kind. */
  readonly maxSlots: number;
  /** Into how many parts validators divide all slots; undefined: this one watches all. */
  readonly groups?: number | undefined;
  /** Which part is this one's. */
  readonly groupIndex?: number | undefined;
}

/** As in the reference's options (15 §1). */
const GROUPS_MIN = 2;
const GROUPS_MAX = 65_535;

/** Error: `VALIDATOR_INVALID`, with the text of 15 §1. */
export function checkValidatorOptions({ maxSlots, groups, groupIndex = 0 }: ValidatorOptions): void {
  const invalid = (text: string) => new MarketError('VALIDATOR_INVALID', text);
  if (!Number.isSafeInteger(maxSlots) || maxSlots < 0) {
    throw invalid(`The value of maxSlots must be greater than or equal to 0! (got: ${maxSlots})`);
  }
  if (groups === undefined) return;
  if (!Number.isSafeInteger(groups) || groups < GROUPS_MIN || groups > GROUPS_MAX) {
    throw invalid(`The number of validation groups must be from ${GROUPS_MIN} to ${GROUPS_MAX}! (got: ${groups})`);
  }
  if (!Number.isSafeInteger(groupIndex) || groupIndex < 0 || groupIndex >= groups) {
    const got = `(got: groupIndex = ${groupIndex}, groups = ${groups})`;
    throw invalid(`The value of the group index must be less than validation groups! ${got}`);
  }
}

/** The part that a slot falls into: its id's first eight bytes as a number, modulo (15 §1). */
export function groupOf(slotId: SlotId, groups: number): number {
  return Number(BigInt(slotId.slice(0, 18)) % BigInt(groups));
}

export function isWatchable(slotId: SlotId, { groups, groupIndex = 0 }: ValidatorOptions): boolean {
  return groups === undefined || groupOf(slotId, groups) === groupIndex;
}
