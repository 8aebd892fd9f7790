import { DurabilityError, lossProbability, type Plan, plan } from '@codex/durability';
import type { Terms } from './market-rest.ts';

const HOUR = 3_600;
const YEAR_SECONDS = 8_760 * HOUR;
/** What somebody who means it would accept in a year. */
export const LOSS_WANTED = 1e-9;
/** Seconds of a period in the networks (12 §2), of a repair there, and misses that free a slot. */
const PERIOD = 120;
const REPAIR = 24 * HOUR;
const SLASHES = 2;

/** What the code of a story would be worth in a network whose hosts last a year. */
export interface Outlook {
  /** The chance that a year loses the file. */
  readonly loss: number;
  /** The request with the fewest slots that loses it with a chance of at most `LOSS_WANTED`; none for a file of few blocks. */
  readonly plan: Plan | undefined;
}

/** The durability planner's answer for the terms of a story (17 §1). */
export function outlookOf({ nodes, tolerance, proofProbability }: Terms, sizeBytes: number): Outlook {
  const model = {
    data: nodes - tolerance,
    parity: tolerance,
    repairFrom: 1,
    mttf: YEAR_SECONDS,
    mtbp: PERIOD * Number(proofProbability) * SLASHES,
    mttr: REPAIR,
  };
  return { loss: lossProbability(model, YEAR_SECONDS), plan: fewestSlots(sizeBytes) };
}

function fewestSlots(sizeBytes: number): Plan | undefined {
  try {
    return plan({ loss: LOSS_WANTED, duration: YEAR_SECONDS, sizeBytes }).at(-1);
  } catch (error) {
    if (error instanceof DurabilityError && error.code === 'DURABILITY_UNREACHABLE') return undefined;
    throw error;
  }
}
