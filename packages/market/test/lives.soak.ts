import { describe, expect, it } from 'vitest';
import { live } from './lives.ts';
import { MarketWorld } from './support/market-world.ts';
import { purchaseTerms } from './support/requests.ts';

const LIVES = process.env.SOAK === 'short' ? 10 : 300;

describe('a market', () => {
  it('settles whatever happens', async () => {
    for (let seed = 100; seed < 100 + LIVES; seed++) await live(seed, { hosts: 7, requests: 8, trouble: 120 });
  }, 1_800_000);

  it('of 50 requests for 4 slots starts them all on 10 hosts, with few calls', async () => {
    const market = new MarketWorld(50);
    for (let i = 0; i < 10; i++) {
      const host = await market.host(
        { transfersMax: 8, decisionsMax: 8 },
        { totalSize: 40_000, totalCollateral: 400_000n },
      );
      host.storage.proveTime = 1;
    }
    const ids: `0x${string}`[] = [];
    for (let i = 0; i < 50; i++) {
      ids.push(await market.buy(purchaseTerms({ slots: 4n, duration: 4000n, proofProbability: 4n }, 1800n)));
    }
    await market.seconds(1700);
    expect(ids.filter((id) => market.client.get(id)?.state === 'started')).toHaveLength(50);
    const before = market.chain.count('reads') + market.chain.count('submitProof');
    await market.seconds(1800);
    const calls = market.chain.count('reads') + market.chain.count('submitProof') - before;
    const perSlotAndPeriod = calls / (200 * (1800 / 90));
    console.log(`${perSlotAndPeriod.toFixed(2)} calls per slot and period, reads of the client included`);
    console.log(JSON.stringify(market.chain.reverts()), `${market.chain.count('reserveSlot')} reservations`);
    expect(perSlotAndPeriod).toBeLessThanOrEqual(2);
    await market.seconds(1200);
    expect(market.missed).toEqual([]);
    expect(market.unsettled()).toEqual([]);
  }, 600_000);
});
