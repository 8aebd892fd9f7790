import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { requestIdOf, slotIdOf } from '../../src/index.ts';
import { Lab, Market, type RequestInit } from '../support/market.ts';

const UINT64_MAX = 2n ** 64n - 1n;
const UINT256_MAX = 2n ** 256n - 1n;

describe('requestStorage', () => {
  let lab: Lab;
  let market: Market;
  beforeAll(async () => {
    lab = await Lab.start();
    market = await Market.create(lab);
  });
  afterAll(() => lab.chain.stop());

  it('keeps the request, takes the price, and tells of both with an event that can be searched for', async () => {
    const request = market.request();
    const id = requestIdOf(request);
    const { events } = await market.send(market.client, 'requestStorage', [request]);
    const expiry = (await lab.now()) + request.expiry;
    expect(events).toEqual([
      { name: 'Transfer', args: { from: market.client, to: market.address, value: 3n * 1000n * 2048n } },
      { name: 'StorageRequested', args: { requestId: id, ask: request.ask, expiry } },
      { name: 'StorageRequestedBy', args: { requestId: id, client: market.client, expiry } },
    ]);
    expect(await market.ask('getRequest', [id])).toEqual(request);
    expect(await market.ask('requestExpiry', [id])).toBe(expiry);
    expect(await market.ask('requestState', [id])).toBe(0);
    expect(await market.ask('myRequests', [], market.client)).toContain(id);
    expect(await market.ask('myRequests', [], market.stranger)).toEqual([]);
    await expect(market.send(market.client, 'requestStorage', [request])).rejects.toThrow(
      'Marketplace_RequestAlreadyExists',
    );
  });

  const bad: Partial<RequestInit['ask']> = {
    slots: 0n,
    maxSlotLoss: 0n,
    proofProbability: 0n,
    collateralPerByte: 0n,
    pricePerBytePerSecond: 0n,
  };
  /** Each has all that is wrong with those after it, so that the order is seen. */
  const CASES: [string, Partial<RequestInit['ask']>, Partial<RequestInit>][] = [
    ['Marketplace_InvalidExpiry', { ...bad, duration: 1000n }, { expiry: 0n }],
    ['Marketplace_InvalidExpiry', { ...bad, duration: 1000n }, { expiry: 1000n }],
    ['Marketplace_InvalidExpiry', { ...bad, duration: 0n }, { expiry: 0n }],
    ['Marketplace_InsufficientSlots', bad, {}],
    ['Marketplace_InvalidMaxSlotLoss', { ...bad, slots: 3n, maxSlotLoss: 4n }, {}],
    ['Marketplace_InsufficientProofProbability', { ...bad, slots: 3n, maxSlotLoss: 3n }, {}],
    ['Marketplace_InsufficientCollateral', { collateralPerByte: 0n, pricePerBytePerSecond: 0n }, {}],
    ['Marketplace_InsufficientReward', { pricePerBytePerSecond: 0n }, {}],
    [
      'Marketplace_InvalidCid',
      { duration: 2_592_001n },
      { content: { cid: '0x', merkleRoot: `0x${'00'.repeat(32)}` } },
    ],
    ['Marketplace_DurationExceedsLimit', { duration: 2_592_001n, pricePerBytePerSecond: UINT256_MAX }, {}],
    // R11: named errors where products do not fit.
    ['Marketplace_PriceOverflow', { slots: UINT64_MAX }, {}],
    ['Marketplace_PriceOverflow', { slots: UINT64_MAX / 1000n + 1n }, {}],
    ['Marketplace_PriceOverflow', { pricePerBytePerSecond: UINT256_MAX / 1024n + 1n }, {}],
    ['Marketplace_PriceOverflow', { pricePerBytePerSecond: UINT256_MAX / 1024n / 3000n + 1n }, {}],
    ['Marketplace_PriceOverflow', { collateralPerByte: UINT256_MAX / 1024n + 1n }, {}],
    // Just fits, and is more than anybody has.
    ['ERC20InsufficientBalance', { pricePerBytePerSecond: UINT256_MAX / 1024n / 3000n }, {}],
    ['ERC20InsufficientBalance', { slots: UINT64_MAX / 1000n }, {}],
  ];
  it.each(CASES)('refuses with %s: %o %o', async (error, ask, rest) => {
    const request = market.request(ask, rest);
    await expect(market.send(market.client, 'requestStorage', [request])).rejects.toThrow(error);
  });

  it('refuses what is sent in the name of another, even of nobody', async () => {
    const request = market.request(bad);
    await expect(market.send(market.stranger, 'requestStorage', [request])).rejects.toThrow(
      'Marketplace_InvalidClientAddress',
    );
    const nobody = market.request({}, { client: `0x${'00'.repeat(20)}` });
    await expect(market.send(market.stranger, 'requestStorage', [nobody])).rejects.toThrow(
      'Marketplace_InvalidClientAddress',
    );
  });

  it('names an end beyond all time when the configuration has no sane limit (R11)', async () => {
    const config = { ...market.config, requestDurationLimit: UINT64_MAX };
    const limitless = await Market.create(lab, { config });
    const longest = UINT64_MAX - (await lab.now());
    const ask = { slots: 1n, maxSlotLoss: 1n, slotSize: 1n, pricePerBytePerSecond: 1n };
    const refused = (duration: bigint) =>
      limitless.send(limitless.client, 'requestStorage', [limitless.request({ ...ask, duration })]);
    await expect(refused(longest + 1n)).rejects.toThrow('Marketplace_PriceOverflow');
    await expect(refused(UINT64_MAX)).rejects.toThrow('Marketplace_PriceOverflow');
    await expect(refused(longest)).rejects.toThrow('ERC20InsufficientBalance');
  });

  it('knows nothing of requests that nobody made', async () => {
    const unknown = `0x${'77'.repeat(32)}` as const;
    for (const view of ['requestState', 'requestEnd', 'getRequest']) {
      await expect(market.ask(view, [unknown])).rejects.toThrow('Marketplace_UnknownRequest');
    }
    await expect(market.send(market.client, 'withdrawFunds', [unknown])).rejects.toThrow('Marketplace_UnknownRequest');
    const slot = slotIdOf(unknown, 0n);
    expect(await market.ask('slotState', [slot])).toBe(0);
    await expect(market.ask('getActiveSlot', [slot])).rejects.toThrow('Marketplace_SlotIsFree');
    await expect(market.send(market.client, 'freeSlot', [slot])).rejects.toThrow('Marketplace_SlotIsFree');
  });
});
