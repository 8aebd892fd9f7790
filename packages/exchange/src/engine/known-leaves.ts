import type { DatasetSession } from './dataset-session.ts';

/** Leaves that are looked at in one step. */
const STEP_LEAVES = 1024;

/**
 * Marks the missing leaves whose digests the dataset knows already: they are asked for without digests and proof. (A
 * known leaf that stands for a block of zeros is held by definition: padding is never asked for.)
 */
export async function markKnown(session: DatasetSession): Promise<void> {
  const { dataset } = session;
  for (const gap of [...dataset.missing()]) {
    for (let start = gap.start; start < gap.start + gap.count && !session.closed; start += STEP_LEAVES) {
      const range = { start, count: Math.min(STEP_LEAVES, gap.start + gap.count - start) };
      if (await dataset.knows(range)) session.known.add(range);
    }
  }
}
