import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Lab, Market, Reverted } from '../support/market.ts';

const PRICE = 2n * 1024n; // of a slot, per second
const COLLATERAL = 100n * 1024n; // of a slot

describe('the life of a request', () => {
  let lab: Lab;
  let market: Market;
  beforeAll(async () => {
    lab = await Lab.start();
    market = await Market.create(lab);
  });
  afterAll(() => lab.chain.stop());

  it('is paid up front, filled, stored to its end, and paid out to the last token', async () => {
    const before = await market.balance(market.client);
    const { id, at, slots } = await market.started();
    expect(await market.balance()).toBe(3n * 1000n * PRICE + 3n * COLLATERAL);
    expect(await market.ask('requestState', [id])).toBe(1);
    expect(await market.ask('requestEnd', [id])).toBe(at + 1000n);
    await market.at(at + 1000n);
    expect(await market.ask('requestState', [id])).toBe(1);
    await market.at(at + 1001n);
    expect(await market.ask('requestState', [id])).toBe(3);
    for (const [index, slot] of slots.entries()) {
      const { names } = await market.send(market.host(index), 'freeSlot', [slot]);
      expect(names).toEqual(['Transfer', 'Transfer']);
      expect(await market.ask('slotState', [slot])).toBe(4);
      await expect(market.send(market.host(index), 'freeSlot', [slot])).rejects.toThrow('Marketplace_AlreadyPaid');
    }
    expect(await market.ask('myRequests', [], market.client)).toEqual([id]);
    await market.send(market.client, 'withdrawFunds', [id]);
    expect(await market.balance()).toBe(0n);
    // Filled in the second of the request: every second was paid.
    expect(await market.balance(market.client)).toBe(before - 3n * 1000n * PRICE);
  });

  it('loses a slot to misses, gets it repaired, and ends', async () => {
    const { id, at, slots } = await market.started(market.request({ duration: 100_000n }));
    const [slot] = slots;
    for (let miss = 1; miss <= 4; miss++) {
      expect((await market.missed(slot!)).names).toEqual(['Transfer']);
      expect(await market.ask('missingProofs', [slot!])).toBe(BigInt(miss));
      expect(await market.ask('currentCollateral', [slot!])).toBe(COLLATERAL - BigInt(miss) * (COLLATERAL / 10n));
    }
    expect((await market.missed(slot!)).names).toEqual(['Transfer', 'SlotFreed']);
    expect(await market.ask('slotState', [slot!])).toBe(6);
    expect(await market.ask('mySlots', [], market.host(0))).toEqual([]);
    const host = market.host(3);
    const wealth = await market.balance(host);
    await market.filled(id, 0, host);
    expect(await market.balance(host)).toBe(wealth - COLLATERAL + COLLATERAL / 10n);
    expect(await market.ask('currentCollateral', [slot!])).toBe(COLLATERAL);
    await market.at(at + 100_001n);
    await market.send(host, 'freeSlot', [slot!]);
    await market.send(market.host(1), 'freeSlot', [slots[1]!]);
    await market.send(market.host(2), 'freeSlot', [slots[2]!]);
    await market.send(market.client, 'withdrawFunds', [id]);
    expect(await market.balance()).toBe(0n);
  });

  it('is cancelled when not all slots are filled in time', async () => {
    const { id, at } = await market.requested(market.request());
    await market.filled(id, 0);
    await expect(market.send(market.client, 'withdrawFunds', [id], at + 300n)).rejects.toThrow(
      'Marketplace_InvalidState',
    );
    const { names } = await market.send(market.client, 'withdrawFunds', [id], at + 301n);
    expect(names).toEqual(['RequestCancelled', 'Transfer']);
    const error = await market.send(market.client, 'withdrawFunds', [id]).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(Reverted);
  });
});
