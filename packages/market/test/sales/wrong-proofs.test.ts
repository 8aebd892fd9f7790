import { NETWORKS } from '@codex/contracts';
import { expect, it } from 'vitest';
import { WrongProofs } from '../../src/sales/wrong-proofs.ts';
import { MarketWorld } from '../support/market-world.ts';
import { purchaseTerms } from '../support/requests.ts';

const ONE = purchaseTerms({ slots: 1n, maxSlotLoss: 0n, proofProbability: 1n, duration: 2000n });

/** Without a downtime every proof that is due is required. */
const PROOFS = { ...NETWORKS.localhost!.config.proofs, downtime: 0 };

async function lifeOf(wrongProofEvery: number): Promise<MarketWorld> {
  const market = new MarketWorld(1, { config: { proofs: PROOFS } });
  const host = await market.host();
  host.wrongProofEvery = wrongProofEvery;
  await host.start();
  await market.buy(ONE);
  await market.seconds(2300);
  expect(market.unsettled()).toEqual([]);
  return market;
}

it.each([1, 2, 5])('every %ith proof of a slot that is due is a wrong one, the others are right', async (every) => {
  const market = await lifeOf(every);
  const { 'submitProof: Proofs_InvalidProof': wrong = 0, ...others } = market.chain.reverts();
  const right = market.chain.count('submitProof');
  expect(wrong).toBe(Math.floor((wrong + right) / every));
  expect(wrong).toBeGreaterThan(2);
  // Nothing is made up for in the same period, and nothing else goes wrong; the last period does not end before the request.
  expect([wrong, wrong - 1]).toContain(market.missed.length);
  expect(others).toEqual({});
});

it('none is by default', async () => {
  const market = await lifeOf(0);
  expect(market.chain.reverts()).toEqual({});
  expect(market.missed).toEqual([]);
});

it('those that are due are counted from the last wrong one', () => {
  const wrong = new WrongProofs(3);
  expect(Array.from({ length: 7 }, () => wrong.isNext())).toEqual([false, false, true, false, false, true, false]);
});
