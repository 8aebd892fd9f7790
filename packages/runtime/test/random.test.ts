import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Random, seededRandom, systemRandom } from '../src/index.ts';

const sources: [string, () => Random][] = [
  ['systemRandom', () => systemRandom],
  ['seededRandom', () => seededRandom(7)],
];

describe.each(sources)('%s', (_, create) => {
  it('stays in range', () => {
    const random = create();
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 2 ** 32 }), (limit) => {
        const value = random.int(limit);
        expect(Number.isInteger(value) && value >= 0 && value < limit).toBe(true);
        const part = random.float();
        expect(part >= 0 && part < 1).toBe(true);
      }),
    );
    expect(random.bytes(33).length).toBe(33);
    expect(random.bytes(0).length).toBe(0);
  });

  it('spreads evenly', () => {
    const random = create();
    const counts = new Array<number>(6).fill(0);
    for (let i = 0; i < 6000; i++) counts[random.int(6)]! += 1;
    // Six standard deviations of a fair die: fails once in 10^8 runs.
    for (const count of counts) expect(Math.abs(count - 1000)).toBeLessThan(175);
    expect(new Set(random.bytes(16_384)).size).toBe(256);
  });

  it.each([0, -5, 1.5, 2 ** 32 + 1, Number.NaN])('refuses the limit %d', (limit) => {
    expect(() => create().int(limit)).toThrow(RangeError);
  });
});

it('a seed always gives the same numbers, another seed others', () => {
  const draw = (seed: number) => {
    const random = seededRandom(seed);
    return [random.int(1000), random.float(), ...random.bytes(8), random.int(2 ** 32)];
  };
  expect(draw(1)).toEqual(draw(1));
  expect(draw(1)).not.toEqual(draw(2));
  // Pins the generator: recorded seeds must stay worth something.
  const random = seededRandom(42);
  expect([1, 2, 3, 4].map(() => random.int(1_000_000))).toEqual([444_221, 823_732, 672_526, 233_633]);
});
