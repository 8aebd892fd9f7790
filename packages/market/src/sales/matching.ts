import type { Availability } from './availability.ts';

/** What a slot needs of an availability. */
export interface SlotTerms {
  /** Bytes, padded. */
  readonly slotSize: number;
  /** Seconds: of the request, or what is left of it. */
  readonly duration: number;
  readonly pricePerBytePerSecond: bigint;
  /** What filling it costs, the discount of a repair taken off. */
  readonly collateral: bigint;
  /** Unix seconds. */
  readonly requestEnd: number;
}

/**
 * Whether a slot may be taken out of an availability (14 §2.1). Of the collateral a slot gets its share by size at most, so that one dear slot does
 * not leave the rest of the space without any; multiplied crosswise, since a quotient would round away what fits.
 */
export function matches(availability: Availability, terms: SlotTerms): boolean {
  const { freeSize, totalRemainingCollateral: remaining } = availability;
  return (
    availability.enabled &&
    terms.slotSize <= freeSize &&
    terms.duration <= availability.duration &&
    terms.pricePerBytePerSecond >= availability.minPricePerBytePerSecond &&
    terms.collateral * BigInt(freeSize) <= remaining * BigInt(terms.slotSize) &&
    (availability.until === 0 || availability.until >= terms.requestEnd)
  );
}

/** The best fit: the least free space that suffices, then the least that the price is above what is asked; then the lowest id. */
export function bestMatch(availabilities: Iterable<Availability>, terms: SlotTerms): Availability | undefined {
  let best: Availability | undefined;
  for (const candidate of availabilities) {
    if (matches(candidate, terms) && (!best || fitsBetter(candidate, best))) best = candidate;
  }
  return best;
}

function fitsBetter(a: Availability, b: Availability): boolean {
  if (a.freeSize !== b.freeSize) return a.freeSize < b.freeSize;
  if (a.minPricePerBytePerSecond !== b.minPricePerBytePerSecond) {
    return a.minPricePerBytePerSecond > b.minPricePerBytePerSecond;
  }
  return a.id < b.id;
}
