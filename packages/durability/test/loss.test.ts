import { type Random, seededRandom } from '@codex/runtime';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type DurabilityModel, lossProbability, meanTimeToLoss } from '../src/index.ts';

const HOUR = 3_600;
const DAY = 24 * HOUR;
const YEAR = 8_760 * HOUR;

const yearly = (data: number, parity: number, repairFrom: number, mtbp = DAY) =>
  lossProbability({ data, parity, repairFrom, mttf: YEAR, mtbp, mttr: DAY }, YEAR);

// The tables of the whitepaper's model, recomputed (17 §1).
test.each([
  [18, 9, 1, '3.6e-10'],
  [7, 7, 1, '2.9e-10'],
  [4, 6, 1, '5.9e-10'],
  [28, 14, 5, '2.7e-10'],
  [13, 13, 5, '7.8e-12'],
  [8, 12, 5, '6.1e-12'],
])('%i+%i repaired from %i noticed losses loses %s a year', (data, parity, repairFrom, expected) => {
  expect(yearly(data, parity, repairFrom).toExponential(1)).toBe(expected);
});

test('11+11 repaired from five noticed losses is the smallest of its kind that reaches 1e-9', () => {
  expect(yearly(11, 11, 5).toExponential(2)).toBe('9.25e-10');
  expect(yearly(10, 10, 5)).toBeGreaterThan(1e-9);
});

test.each([
  [7, 1, ['1.4e-10', '2.9e-10', '7.3e-10', '4.4e-9', '4.2e-8', '1.3e-6']],
  [10, 1, ['1.3e-13', '2.6e-13', '6.4e-13', '3.8e-12', '4.7e-11', '4.2e-9']],
  [13, 5, ['3.7e-12', '7.8e-12', '2.1e-11', '1.5e-10', '2.5e-9', '2.7e-7']],
  [20, 5, ['2.6e-18', '5.3e-18', '1.4e-17', '1.0e-16', '2.0e-15', '1.2e-12']],
])('%i+%i repaired from %i: a quarter of a day to two weeks between proofs', (rows, repairFrom, expected) => {
  const days = [0.25, 1, 2, 4, 7, 14];
  for (const [i, text] of expected.entries()) {
    const [mantissa, exponent] = text.split('e').map(Number);
    const loss = yearly(rows, rows, repairFrom, days[i]! * DAY);
    // Half a unit of the last digit, and a little for one row (2.546) that was rounded up.
    expect(Math.abs(loss / 10 ** exponent! - mantissa!), text).toBeLessThan(0.06);
  }
});

const models = fc.record({
  data: fc.integer({ min: 1, max: 60 }),
  parity: fc.integer({ min: 0, max: 40 }),
  repairFrom: fc.integer({ min: 1, max: 10 }),
  mttf: fc.double({ min: HOUR, max: 100 * YEAR, noNaN: true }),
  mtbp: fc.double({ min: 1, max: YEAR, noNaN: true }),
  mttr: fc.double({ min: 1, max: YEAR, noNaN: true }),
});

test('more parity, longer lives of hosts, sooner proofs and repairs: never worse', () => {
  fc.assert(
    fc.property(models, (model) => {
      const life = meanTimeToLoss(model);
      const notLess = (other: Partial<DurabilityModel>) =>
        expect(meanTimeToLoss({ ...model, ...other })).toBeGreaterThanOrEqual(life * (1 - 1e-9));
      notLess({ parity: model.parity + 1 });
      notLess({ mttf: model.mttf * 2 });
      notLess({ mtbp: model.mtbp / 2 });
      notLess({ mttr: model.mttr / 2 });
      notLess({ repairFrom: Math.max(1, model.repairFrom - 1) });
    }),
  );
});

test('without parity the first loss is the last', () => {
  const model = { data: 4, parity: 0, repairFrom: 1, mttf: 100, mtbp: 1, mttr: 1 };
  expect(meanTimeToLoss(model)).toBeCloseTo(25, 10);
});

test.each([
  ['data', 0],
  ['data', 257],
  ['data', 1.5],
  ['parity', -1],
  ['parity', 250],
  ['repairFrom', 0],
  ['mttf', 0],
  ['mtbp', Number.NaN],
  ['mttr', Number.POSITIVE_INFINITY],
])('refuses %s of %d', (name, value) => {
  const model = { data: 10, parity: 5, repairFrom: 1, mttf: YEAR, mtbp: DAY, mttr: DAY, [name]: value };
  expect(() => meanTimeToLoss(model)).toThrow(expect.objectContaining({ code: 'DURABILITY_INPUT_INVALID' }));
});

/** Seconds until one dataset is lost, as events happen. */
function lifetime({ data, parity, repairFrom, mttf, mtbp, mttr }: DurabilityModel, random: Random): number {
  let time = 0;
  let lost = 0;
  let noticed = 0;
  while (lost <= parity) {
    const lose = (data + parity - lost) / mttf;
    const notice = (lost - noticed) / mtbp;
    const repair = noticed >= repairFrom ? 1 / mttr : 0;
    const all = lose + notice + repair;
    time += -Math.log1p(-random.float()) / all;
    const pick = random.float() * all;
    if (pick < lose) lost++;
    else if (pick < lose + notice) noticed++;
    else lost = noticed = 0;
  }
  return time;
}

test.each([
  [{ data: 4, parity: 3, repairFrom: 1, mttf: 1000, mtbp: 60, mttr: 100 }],
  [{ data: 6, parity: 4, repairFrom: 2, mttf: 1000, mtbp: 100, mttr: 50 }],
  [{ data: 2, parity: 1, repairFrom: 1, mttf: 1000, mtbp: 300, mttr: 300 }],
])('the mean of 20 000 simulated lives is that of %j', (model) => {
  const seed = 20_261_121;
  const random = seededRandom(seed);
  const lives = Array.from({ length: 20_000 }, () => lifetime(model, random));
  const mean = lives.reduce((sum, life) => sum + life, 0) / lives.length;
  // Lives are nearly exponential: the mean of n of them is off by 1/sqrt(n), 0.7 %. Four times that.
  expect(Math.abs(mean / meanTimeToLoss(model) - 1), `seed ${seed}`).toBeLessThan(0.028);
});
