import fc from 'fast-check';
import { expect, it } from 'vitest';
import { groupIndices, type IndexSplit, STRATEGY } from '../src/index.ts';
import { type IndexingVectors, loadVectors } from './vectors.ts';

it('matches the vectors', () => {
  for (const { strategy, indices, ...split } of loadVectors<IndexingVectors>('indexing').vectors) {
    const full = { ...split, strategy: strategy === 'LinearStrategy' ? STRATEGY.linear : STRATEGY.stepped };
    expect(indices.map((_, i) => [...groupIndices(full, i)])).toEqual(indices);
  }
});

it('matches the example of the specification', () => {
  const split = { first: 0, last: 12, iterations: 3 };
  const groups = (strategy: 0 | 1) => [0, 1, 2].map((i) => [...groupIndices({ ...split, strategy }, i)]);
  expect(groups(STRATEGY.linear)).toEqual([
    [0, 1, 2, 3, 4],
    [5, 6, 7, 8, 9],
    [10, 11, 12],
  ]);
  expect(groups(STRATEGY.stepped)).toEqual([
    [0, 3, 6, 9, 12],
    [1, 4, 7, 10],
    [2, 5, 8, 11],
  ]);
});

it('splits every range without loss or doubles', () => {
  fc.assert(
    fc.property(
      fc.nat(50),
      fc.nat(50),
      fc.integer({ min: 1, max: 12 }),
      fc.constantFrom(STRATEGY.linear, STRATEGY.stepped),
      (first, length, iterations, strategy) => {
        const split = { first, last: first + length, iterations, strategy };
        const all = Array.from({ length: iterations }, (_, i) => [...groupIndices(split, i)]).flat();
        expect(all.sort((a, b) => a - b)).toEqual(Array.from({ length: length + 1 }, (_, i) => first + i));
      },
    ),
  );
});

it.each<[Partial<IndexSplit>, number]>([
  [{ first: 5, last: 4 }, 0],
  [{ iterations: 0 }, 0],
  [{}, 3],
  [{}, -1],
  [{ first: -1 }, 0],
  [{ padBlockCount: -1 }, 0],
  [{ padBlockCount: 1 }, 0],
  [{ last: 1.5 }, 0],
])('refuses %j, group %i', (change, iteration) => {
  const split: IndexSplit = { strategy: STRATEGY.linear, first: 0, last: 9, iterations: 3, ...change };
  expect(() => [...groupIndices(split, iteration)]).toThrow(expect.objectContaining({ code: 'INDEXING_INVALID' }));
});
