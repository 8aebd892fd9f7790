import { seededRandom } from '@codex/runtime';
import { it } from 'vitest';
import { fuzzWire } from './wire-fuzz.ts';

const RUNS = 500;
const SEED = 1;

it(`gives a value or a coded error for ${RUNS} rounds of damaged packets, messages and records (seed ${SEED})`, () => {
  fuzzWire(seededRandom(SEED), RUNS);
});
