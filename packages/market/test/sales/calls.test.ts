import { describe, expect, it } from 'vitest';
import { MarketWorld } from '../support/market-world.ts';
import { purchaseTerms } from '../support/requests.ts';

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
});
