import { expect, it } from 'vitest';
import { MarketWorld } from '../support/market-world.ts';
import { purchaseTerms } from '../support/requests.ts';

const BLOCK_S = 2;

it('a proof that is made at the very end of a period is not sent, for the block would come in the next one', async () => {
  const length = Number(new MarketWorld(0).chain.config.proofs.period);
  let made = 0;
  for (let seconds = length - 12; seconds < length; seconds++) {
    const market = new MarketWorld(seconds, { blockS: BLOCK_S });
    const { storage } = await market.host();
    storage.proveTime = 5;
    await market.buy(purchaseTerms({ slots: 1n, maxSlotLoss: 0n, duration: 1500n }, 900n));
    await market.seconds(2 * length);
    expect(market.chain.count('fillSlot')).toBe(1);
    storage.proveTime = seconds;
    const refused = () => market.chain.count('submitProof: Proofs_InvalidProof');
    for (let second = 0; second < 5 * length; second++) {
      const before = refused();
      await market.seconds(1);
      const isFirstBlock = market.chain.now() % length <= BLOCK_S;
      if (isFirstBlock) expect(refused(), `${seconds} s`).toBe(before);
    }
    made += market.chain.count('submitProof');
  }
  expect(made).toBeGreaterThan(0);
});
