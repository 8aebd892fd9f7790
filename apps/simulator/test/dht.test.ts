import { expect, it } from 'vitest';
import { churn, eclipse, hostile, lookups, passes, reflection, type ScenarioResult } from '../src/index.ts';

const SEED = Number(process.env.SEED ?? 7);

function expectGood({ checks }: ScenarioResult): void {
  expect(checks.length).toBeGreaterThan(0);
  expect(checks.filter((check) => !passes(check))).toEqual([]);
}

it(`80 nodes over lossy links find what others announced (SEED=${SEED})`, async () => {
  expectGood(await lookups({ seed: SEED, nodes: 80, searches: 40, walks: 10 }));
});

it('one seed gives one result, another seed another', async () => {
  const run = (seed: number) => lookups({ seed, nodes: 15, searches: 10, walks: 5 });
  const first = await run(SEED);
  expect(await run(SEED)).toEqual(first);
  expect((await run(SEED + 1)).figures).not.toEqual(first.figures);
});

it('the real curve changes nothing but the bytes of signatures', async () => {
  const run = async (realCurve: boolean) => {
    const result = await lookups({ seed: SEED, nodes: 15, searches: 10, walks: 5, realCurve });
    const { 'KB per search': _, ...figures } = result.figures;
    return figures;
  };
  expect(await run(true)).toEqual(await run(false));
});

it(`half of 40 nodes are replaced within five minutes (SEED=${SEED})`, async () => {
  expectGood(await churn({ seed: SEED, nodes: 40, searches: 40, minutes: 5 }));
});

it(`a fifth of 50 nodes lies (SEED=${SEED})`, async () => {
  expectGood(await hostile({ seed: SEED, nodes: 50, searches: 40 }));
});

it(`one address around a content neither takes over tables nor hides the provider (SEED=${SEED})`, async () => {
  expectGood(await eclipse({ seed: SEED, nodes: 30, attackers: 16, searches: 20 }));
});

it('a forged sender brings nobody more bytes than were sent', async () => {
  const result = await reflection({ seed: SEED, nodes: 15 });
  expectGood(result);
  expect(result.figures['opening packets: bytes for each of them']).toBeGreaterThan(0);
  expect(result.figures['replays of real packets: bytes for each of them']).toBeGreaterThan(0);
});
