import * as fc from 'fast-check';
import { expect, it } from 'vitest';
import { LeafSet, lowestRun, popCount, runMask } from '../src/engine/leaf-set.ts';

const range = (size: number) =>
  fc.tuple(fc.nat(size - 1), fc.nat(size)).map(([start, count]) => ({ start, count: Math.min(count, size - start) }));

it('does what a set of numbers does', () => {
  const cases = fc.integer({ min: 1, max: 200 }).chain((size) =>
    fc.record({
      size: fc.constant(size),
      full: fc.boolean(),
      steps: fc.array(fc.record({ add: fc.boolean(), range: range(size) }), { maxLength: 12 }),
      ask: range(size),
    }),
  );
  fc.assert(
    fc.property(cases, ({ size, full, steps, ask }) => {
      const set = full ? LeafSet.full(size) : new LeafSet(size);
      const model = new Set<number>(full ? Array.from({ length: size }, (_, i) => i) : []);
      for (const step of steps) {
        for (let i = step.range.start; i < step.range.start + step.range.count; i++) {
          if (step.add) model.add(i);
          else model.delete(i);
        }
        if (step.add) set.add(step.range);
        else set.delete(step.range);
      }
      for (let i = 0; i < size; i++) expect(set.has(i)).toBe(model.has(i));
      const inside = [...model].filter((i) => i >= ask.start && i < ask.start + ask.count).sort((a, b) => a - b);
      expect(set.countIn(ask)).toBe(inside.length);
      expect(set.next(ask.start, ask.start + ask.count)).toBe(inside[0] ?? -1);
    }),
    { numRuns: 500 },
  );
});

it('counts and finds bits', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 0xffff_ffff }), (bits) => {
      const text = bits.toString(2).padStart(32, '0').split('').reverse().join('');
      expect(popCount(bits)).toBe(text.split('1').length - 1);
      const first = text.indexOf('1');
      const stop = text.indexOf('0', first);
      const run = { first, count: (stop < 0 ? 32 : stop) - first };
      expect(lowestRun(bits)).toEqual(run);
      expect(runMask(run.first, run.count) & bits).toBe(runMask(run.first, run.count) | 0);
    }),
  );
});
