import { expect, it } from 'vitest';
import { MarketWorld } from '../support/market-world.ts';
import { purchaseTerms } from '../support/requests.ts';

const SEEDS = Array.from({ length: 16 }, (_, i) => i + 1);

it('no slot is filled at the very end of a period, where the block would come with the next challenge', async () => {
  for (const seed of SEEDS) {
    const market = new MarketWorld(seed, { blockS: 12 });
    for (let i = 0; i < 3; i++) (await market.host()).storage.proveTime = 5 + seed;
    await market.seconds(seed);
    for (let i = 0; i < 3; i++) {
      await market.buy(purchaseTerms({ duration: BigInt(1500 + i) }, 900n));
      await market.seconds(31);
    }
    await market.seconds(600);
    expect(market.chain.count('fillSlot'), `seed ${seed}`).toBe(9);
    expect(market.chain.count('fillSlot: Proofs_InvalidProof'), `seed ${seed}`).toBe(0);
  }
});
