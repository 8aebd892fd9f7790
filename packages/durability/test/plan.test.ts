import { expect, test } from 'vitest';
import { detection, lossProbability, plan, samplesFor } from '../src/index.ts';

const DAY = 86_400;
const YEAR = 365 * DAY;
const TIB = 2 ** 40;

test('every plan keeps its promise, and none is worse than another in everything', () => {
  const plans = plan({ loss: 1e-9, duration: YEAR, sizeBytes: TIB });
  expect(plans.length).toBeGreaterThan(3);
  for (const one of plans) {
    const mtbp = one.proofInterval * 2;
    const { data, parity } = one;
    const model = { data, parity, repairFrom: 1, mttf: 8_760 * 3_600, mtbp, mttr: DAY };
    expect(lossProbability(model, YEAR)).toBe(one.loss);
    expect(one.loss).toBeLessThanOrEqual(1e-9);
    expect(one.nodes).toBeLessThanOrEqual(256);
    expect(data).toBeGreaterThanOrEqual(parity);
    expect(data).toBeGreaterThan(1);
    // One row less of parity breaks it, even with a proof each period.
    expect(lossProbability({ ...model, parity: parity - 1, mtbp: 240 }, YEAR)).toBeGreaterThan(1e-9);
    for (const other of plans) {
      if (other === one) continue;
      const isWorse = other.price <= one.price && other.nodes <= one.nodes && other.proofs <= one.proofs;
      expect(isWorse, `${other.data}+${other.parity} and ${data}+${parity}`).toBe(false);
    }
  }
});

test('slots are paid with their padding', () => {
  // 2 + 1 of 3 blocks: slots of 2 blocks each.
  const small = plan({ loss: 0.9, duration: 10, sizeBytes: 3 * 65_536, pricePerBytePerSecond: 7n });
  const two = small.find(({ data }) => data === 2)!;
  expect(two).toMatchObject({ parity: 1, nodes: 3, storedBytes: 6 * 65_536, price: 6n * 65_536n * 10n * 7n });
});

test('a dataset has at least a block for each data slot', () => {
  expect(plan({ loss: 0.5, duration: DAY, sizeBytes: 2 * 65_536 }).map(({ data }) => data)).toEqual([2]);
});

test('tells what cannot be reached, and how far it is', () => {
  expect(() => plan({ loss: 1e-9, duration: YEAR, sizeBytes: 2 * 65_536 })).toThrow(
    expect.objectContaining({ code: 'DURABILITY_UNREACHABLE' }),
  );
});

test.each([
  ['loss', 0],
  ['loss', 2],
  ['duration', 0],
  ['sizeBytes', 1.5],
  ['period', 0],
  ['slashes', 0],
])('refuses %s of %d', (name, value) => {
  expect(() => plan({ loss: 1e-6, duration: YEAR, sizeBytes: TIB, [name]: value })).toThrow(
    expect.objectContaining({ code: 'DURABILITY_INPUT_INVALID' }),
  );
});

// The table of 11 §8.
test.each([
  [1 / 9, 5, 0.445],
  [1 / 9, 20, 0.905],
  [1 / 9, 50, 0.9972],
  [1 / 2, 5, 0.969],
  [1 / 10, 5, 0.41],
  [1 / 10, 50, 0.9948],
  [1 / 100, 5, 0.049],
  [1 / 100, 100, 0.634],
  [1 / 100, 117, 0.691],
])('a share of %d missing is noticed by %i samples with %d', (missing, samples, expected) => {
  expect(detection(missing, samples)).toBeCloseTo(expected, `${expected}`.length - 2);
});

test.each([
  [1 / 9, 118],
  [1 / 2, 20],
  [1 / 10, 132],
  [1 / 100, 1375],
  [1, 1],
])('a share of %d is missed once in a million by %i samples', (missing, samples) => {
  expect(samplesFor(missing, 1e-6)).toBe(samples);
});
