import { describe, expect, it } from 'vitest';
import { MarketWorld } from '../support/market-world.ts';
import { fillAll, purchaseTerms } from '../support/requests.ts';

const PERIOD_SECONDS = 90;

describe('hosts with many slots', () => {
  it('start all requests, and look at the chain no more than twice for each slot and period', async () => {
    const market = new MarketWorld(10);
    for (let i = 0; i < 5; i++) {
      const host = await market.host({}, { totalSize: 20_000, totalCollateral: 200_000n });
      host.storage.proveTime = 1;
    }
    const ids: `0x${string}`[] = [];
    for (let i = 0; i < 10; i++) {
      ids.push(await market.buy(purchaseTerms({ slots: 4n, duration: 4000n, proofProbability: 4n }, 1200n)));
    }
    await market.seconds(1100);
    expect(ids.filter((id) => market.client.get(id)?.state === 'started')).toHaveLength(10);
    // In vain are those alone that another host's came before in the same block.
    const late = Object.values(market.chain.reverts()).reduce((sum, count) => sum + count, 0);
    expect(late).toBeLessThanOrEqual(40 / 8);
    // What the client reads is not theirs.
    await market.client.stop();
    const calls = () => market.chain.count('reads') + market.chain.count('submitProof');
    const before = calls();
    await market.seconds(20 * PERIOD_SECONDS);
    expect((calls() - before) / (40 * 20)).toBeLessThanOrEqual(2);
    expect(market.missed).toEqual([]);
  });

  it('take a few until they know how long a proof takes', async () => {
    const market = new MarketWorld(11);
    const host = await market.host({}, { totalSize: 40_000, totalCollateral: 400_000n });
    // None is ever made.
    host.storage.proveFails = true;
    for (let i = 0; i < 10; i++) {
      await market.buy(purchaseTerms({ slots: 1n, maxSlotLoss: 0n, duration: BigInt(4000 + i) }, 1200n));
    }
    let most = 0;
    for (let s = 0; s < 300; s++) {
      await market.seconds(1);
      most = Math.max(most, host.sales.list().length);
    }
    expect(most).toBe(4);
  });

  it('prove no slot that another host has filled while it waited for its turn', async () => {
    const market = new MarketWorld(12);
    const host = await market.host({}, { totalSize: 20_000, totalCollateral: 200_000n });
    host.storage.proveTime = 10;
    // There is time for all of them in the period that begins.
    await market.seconds(PERIOD_SECONDS - (market.chain.now() % PERIOD_SECONDS));
    const ids: `0x${string}`[] = [];
    for (let i = 0; i < 3; i++) ids.push(await market.buy(purchaseTerms({ slots: 1n, maxSlotLoss: 0n }, 900n)));
    const isProving = () => host.sales.list().filter(({ state }) => state === 'initialProving').length === 3;
    for (let s = 0; s < 60 && !isProving(); s++) await market.seconds(1);
    expect(isProving()).toBe(true);
    for (const id of ids) fillAll(market.chain, id, 1);
    await market.seconds(200);
    expect(host.sales.list()).toEqual([]);
    // The one that was being made.
    expect(host.storage.proofs).toBe(1);
  });
});
