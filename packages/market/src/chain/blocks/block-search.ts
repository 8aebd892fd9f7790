/** A block's number and its time, in seconds. */
export interface Moment {
  readonly number: bigint;
  readonly timestamp: bigint;
}

export interface BlockSearchInit {
  readonly earliest: Moment;
  readonly latest: Moment;
  /** A block between the two. */
  readonly at: (number: bigint) => Promise<Moment>;
}

/** Steps by interpolation, which finds evenly spaced blocks at once; the halving after them is bounded by itself. */
const GUESSES_MAX = 8;

/**
 * The block whose time is nearest to `time`; of two that are equally near, the later (16 §6); of several with that very
 * time, the first. A time before the first block gives the first, one after the last block the last.
 */
export async function blockNear(time: bigint, { earliest, latest, at }: BlockSearchInit): Promise<bigint> {
  if (time <= earliest.timestamp) return earliest.number;
  if (time > latest.timestamp) return latest.number;
  let low = earliest;
  let high = latest;
  // Always low.timestamp < time <= high.timestamp: there is no block to fall off from.
  for (let step = 0; high.number - low.number > 1n; step++) {
    const middle = await at(step < GUESSES_MAX ? guess(time, low, high) : (low.number + high.number) / 2n);
    if (middle.timestamp < time) low = middle;
    else high = middle;
  }
  return time - low.timestamp < high.timestamp - time ? low.number : high.number;
}

/** Where the time would be if blocks came evenly; at least one block away from both ends. */
function guess(time: bigint, low: Moment, high: Moment): bigint {
  const blocks = high.number - low.number;
  const offset = (blocks * (time - low.timestamp)) / (high.timestamp - low.timestamp);
  if (offset < 1n) return low.number + 1n;
  return offset >= blocks ? high.number - 1n : low.number + offset;
}
