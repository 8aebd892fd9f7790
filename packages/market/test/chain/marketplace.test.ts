import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { TracedEvent } from '../../src/index.ts';
import { idOf, MarketChain, PROOF, slotOf } from './support/market-chain.ts';

let chain: MarketChain;
beforeAll(async () => {
  chain = await MarketChain.start();
});
afterEach(() => chain.closeAll());
afterAll(() => chain.stop());

describe('a marketplace on a chain', () => {
  it('goes through the life of a request', async () => {
    const client = await chain.connect(1);
    const host = await chain.connect(2);
    const request = chain.request({ slots: 1n, maxSlotLoss: 0n });
    const id = idOf(request);
    const slot = slotOf(request, 0);
    expect(await client.requestState(id)).toBeUndefined();
    expect(await client.request(id)).toBeUndefined();
    expect(await host.activeSlot(slot)).toBeUndefined();
    expect(await host.host(slot)).toBeUndefined();
    expect(await host.slotState(slot)).toBe('free');

    const heard: TracedEvent[] = [];
    const following = new AbortController();
    const done = host.follow((events) => void heard.push(...events), {
      name: 'host',
      from: host.clock.now() - 1,
      signal: following.signal,
    });
    const before = await client.balance();
    const sent = await client.requestStorage(request);
    expect(sent.fee).toBeGreaterThan(0n);
    expect(Math.abs(Number(sent.timestamp) - client.clock.now())).toBeLessThan(5);
    expect(before - (await client.balance())).toBe(2n * 1024n * 1000n);
    expect(await host.request(id)).toEqual(request);
    expect(await client.myRequests()).toEqual([id]);
    expect(await client.requestState(id)).toBe('new');
    expect(await client.requestExpiry(id)).toBe(sent.timestamp + 300n);
    expect(await client.requestEnd(id)).toBe(sent.timestamp + 1000n);

    expect(await host.canReserveSlot(id, 0n)).toBe(true);
    await host.reserveSlot(id, 0n);
    await host.fillSlot(id, 0n, PROOF, 100n * 1024n);
    expect(await host.mySlots()).toEqual([slot]);
    expect(await host.slotState(slot)).toBe('filled');
    expect(await host.host(slot)).toBe(host.account);
    expect(await host.currentCollateral(slot)).toBe(100n * 1024n);
    expect(await host.activeSlot(slot)).toEqual({ request, slotIndex: 0n });
    expect(await client.requestState(id)).toBe('started');

    await chain.chain.mineAt(sent.timestamp + 1001n);
    await host.clock.waitUntil(Number(sent.timestamp) + 1001);
    await expect.poll(() => host.requestState(id)).toBe('finished');
    await host.freeSlot(slot, { rewardRecipient: chain.account(5) });
    await client.withdrawFunds(id);
    expect(await host.slotState(slot)).toBe('paid');
    expect(await client.myRequests()).toEqual([]);
    await expect
      .poll(() => heard.map(({ event }) => event.type))
      .toEqual(['storageRequested', 'slotFilled', 'requestFulfilled']);
    expect(heard[0]!.event).toEqual({
      type: 'storageRequested',
      requestId: id,
      ask: request.ask,
      expiry: sent.timestamp + 300n,
    });
    following.abort();
    await done;
  });

  it('counts reservations that are about to be in a block', async () => {
    const client = await chain.connect(1);
    const request = chain.request();
    const id = idOf(request);
    await client.requestStorage(request);
    const hosts = await Promise.all([2, 3, 4].map((index) => chain.connect(index)));
    const late = await chain.connect(5);
    expect(await late.canReserveSlot(id, 0n)).toBe(true);
    await chain.rpc('evm_setAutomine', [false]);
    const reserved = hosts.map((host) => host.reserveSlot(id, 0n));
    await expect.poll(() => late.canReserveSlot(id, 0n)).toBe(false);
    await chain.rpc('evm_setAutomine', [true]);
    await chain.chain.mine(1);
    await Promise.all(reserved);
  });

  it('tells the states of more slots than fit into one call', async () => {
    const [client, host] = [await chain.connect(1), await chain.connect(2)];
    const request = chain.request();
    await client.requestStorage(request);
    await host.reserveSlot(idOf(request), 1n);
    await host.fillSlot(idOf(request), 1n, PROOF, 100n * 1024n);
    const states = await host.slotStates(Array.from({ length: 120 }, (_, index) => slotOf(request, index)));
    expect(states).toEqual(Array.from({ length: 120 }, (_, index) => (index === 1 ? 'filled' : 'free')));
    expect(await host.slotStates([])).toEqual([]);
  });

  it('names what the contract refuses', async () => {
    const host = await chain.connect(2);
    const request = chain.request();
    const unknown = host.fillSlot(idOf(request), 0n, PROOF, 1n);
    await expect(unknown).rejects.toMatchObject({
      code: 'MARKET_REVERTED',
      data: { name: 'Marketplace_UnknownRequest' },
    });
    await expect(host.requestEnd(idOf(request))).rejects.toMatchObject({
      code: 'MARKET_REVERTED',
      data: { name: 'Marketplace_UnknownRequest' },
    });
    await expect(host.freeSlot(slotOf(request, 0))).rejects.toMatchObject({
      data: { name: 'Marketplace_SlotIsFree' },
    });
  });
});
