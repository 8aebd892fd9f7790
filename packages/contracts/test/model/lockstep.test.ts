import { expect, it } from 'vitest';
import { run } from './run.ts';

const SEED = Number(process.env.SEED ?? 20);
const STEPS = 2000;

it(`agrees with the EVM for ${STEPS} steps (seed ${SEED})`, async () => {
  const { steps, coverage } = await run(SEED, STEPS);
  expect(steps).toBeGreaterThanOrEqual(STEPS);
  for (const outcome of [
    'event RequestFulfilled',
    'event RequestCancelled',
    'freeSlot: slot Filled → Repair',
    'freeSlot: slot Finished → Paid',
    'fillSlot: slot Repair → Filled',
    'markProofAsMissing ok',
    'withdrawFunds ok',
  ]) {
    expect(coverage.get(outcome) ?? 0, outcome).toBeGreaterThan(0);
  }
}, 60_000);
