import { expect, it } from 'vitest';
import { churn, eclipse, growth, hostile, lookups, passes, reflection, type ScenarioResult } from '../src/index.ts';

const SHORT = process.env.SOAK === 'short';
const SEED = Number(process.env.SEED ?? 7);
const NODES = SHORT ? 300 : 1000;
const SEARCHES = SHORT ? 200 : 1000;
const CHURN_NODES = SHORT ? 150 : 1000;

function expectGood({ checks }: ScenarioResult): void {
  expect(checks.filter((check) => !passes(check))).toEqual([]);
}

it(`${NODES} nodes over lossy links find what others announced (SEED=${SEED})`, async () => {
  expectGood(await lookups({ seed: SEED, nodes: NODES, searches: SEARCHES }));
});

it(`hops grow with the logarithm of the nodes (SEED=${SEED})`, async () => {
  expectGood(await growth({ seed: SEED, sizes: SHORT ? [50, 100, 200] : [100, 300, 1000], searches: 100 }));
});

it(`half of ${CHURN_NODES} nodes are replaced within ${SHORT ? 20 : 60} minutes (SEED=${SEED})`, async () => {
  expectGood(await churn({ seed: SEED, nodes: CHURN_NODES, searches: SEARCHES, minutes: SHORT ? 20 : 60 }));
});

it.each(['silent', 'junk', 'selfish'] as const)(`a fifth of the nodes is %s (SEED=${SEED})`, async (malice) => {
  const nodes = SHORT ? 100 : 500;
  expectGood(await hostile({ seed: SEED, nodes, searches: SHORT ? 60 : 500, malice }));
});

it.each([1, 4])(`${SHORT ? 60 : 100} nodes on %d addresses around a content (SEED=${SEED})`, async (addresses) => {
  expectGood(await eclipse({ seed: SEED, nodes: SHORT ? 100 : 300, attackers: SHORT ? 60 : 100, addresses }));
});

it('a forged sender brings nobody more bytes than were sent', async () => {
  expectGood(await reflection({ seed: SEED, nodes: 100 }));
});
