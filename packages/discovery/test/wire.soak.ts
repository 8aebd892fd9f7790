import { seededRandom } from '@codex/runtime';
import { it } from 'vitest';
import { fuzzWire } from './wire-fuzz.ts';

const RUNS = process.env.SOAK === 'short' ? 2_000 : 200_000;
const SEED = Number(process.env.SEED ?? Date.now() % 2 ** 32);

it(`gives a value or a coded error for ${RUNS} rounds of damaged packets, messages and records (seed ${SEED})`, () => {
  fuzzWire(seededRandom(SEED), RUNS);
});
