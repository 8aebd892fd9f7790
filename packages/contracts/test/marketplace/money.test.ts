import type { Hex } from 'viem';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { slotIdOf, testTokenAbi } from '../../src/index.ts';
import { Lab, Market } from '../support/market.ts';

const SLOT_PRICE = 2n * 1024n;
const COLLATERAL = 100n * 1024n;

describe('money', () => {
  let lab: Lab;
  let market: Market;
  const free = (host: number, slot: Hex, time?: bigint) => market.send(market.host(host), 'freeSlot', [slot], time);
  const withdraw = (id: Hex, time?: bigint) => market.send(market.client, 'withdrawFunds', [id], time);
  /** What an account gains by something. */
  const gain = async (account: Hex, act: () => Promise<unknown>): Promise<bigint> => {
    const before = await market.balance(account);
    await act();
    return (await market.balance(account)) - before;
  };

  beforeAll(async () => {
    lab = await Lab.start();
    market = await Market.create(lab);
  });
  afterAll(() => lab.chain.stop());

  it('of a cancelled request goes back but for the time until expiry that hosts were there (R16)', async () => {
    const { id, at } = await market.requested(market.request());
    await market.filled(id, 0, market.host(0), at + 100n);
    await market.filled(id, 1, market.host(1), at + 200n);
    await market.at(at + 301n);
    const slots = [slotIdOf(id, 0n), slotIdOf(id, 1n)] as const;
    expect(await market.ask('slotState', [slots[0]])).toBe(5);
    expect(await market.ask('slotState', [slotIdOf(id, 2n)])).toBe(0);
    expect(await gain(market.client, () => withdraw(id))).toBe(3000n * SLOT_PRICE - 300n * SLOT_PRICE);
    expect(await gain(market.host(0), () => free(0, slots[0]))).toBe(200n * SLOT_PRICE + COLLATERAL);
    expect(await gain(market.host(1), () => free(1, slots[1]))).toBe(100n * SLOT_PRICE + COLLATERAL);
    expect(await market.balance()).toBe(0n);
    expect(await market.ask('requestEnd', [id])).toBe(at + 300n);
  });

  it('goes where its owner says', async () => {
    const { id, at, slots } = await market.started();
    const [reward, collateral, recipient] = [lab.accounts[9]!, lab.accounts[10]!, lab.accounts[11]!];
    await market.at(at + 1001n);
    await market.send(market.host(0), 'freeSlot', [slots[0]!, reward, collateral]);
    expect(await market.balance(reward)).toBe(1000n * SLOT_PRICE);
    expect(await market.balance(collateral)).toBe(COLLATERAL);
    await market.send(market.client, 'withdrawFunds', [id, recipient]);
    expect(await market.balance(recipient)).toBe(0n);
    await free(1, slots[1]!);
    await free(2, slots[2]!);
    expect(await market.balance()).toBe(0n);
  });

  it('that a lost host put up is the client’s in the end: none is stranded (R1)', async () => {
    const { id, at, slots } = await market.started();
    await free(0, slots[0]!, at + 500n);
    await free(1, slots[1]!, at + 1001n);
    await free(2, slots[2]!);
    // Nobody repaired it: the client has back its pay, and all of its collateral.
    expect(await gain(market.client, () => withdraw(id))).toBe(1000n * SLOT_PRICE + COLLATERAL);
    expect(await market.balance()).toBe(0n);
  });

  it('that was slashed is the client’s, but for the validator’s share (R1)', async () => {
    const { id, at, slots } = await market.started(market.request({ duration: 100_000n }));
    await market.missed(slots[0]!);
    await market.missed(slots[0]!);
    await market.at(at + 100_001n);
    const slashed = 2n * (COLLATERAL / 10n);
    expect(await gain(market.host(0), () => free(0, slots[0]!))).toBe(100_000n * SLOT_PRICE + COLLATERAL - slashed);
    await free(1, slots[1]!);
    await free(2, slots[2]!);
    expect(await gain(market.client, () => withdraw(id))).toBe(slashed - slashed / 5n);
    expect(await market.balance()).toBe(0n);
  });

  it('of a failed request: hosts that stayed are paid to the failure, and get their collateral back (R9)', async () => {
    const { id, at, slots } = await market.started();
    await free(0, slots[0]!, at + 100n);
    const failing = await free(1, slots[1]!, at + 400n);
    expect(failing.names).toEqual(['SlotFreed', 'RequestFailed']);
    expect(await market.ask('requestState', [id])).toBe(4);
    expect(await market.ask('requestEnd', [id])).toBe(at + 399n);
    expect(await market.ask('slotState', [slots[2]!])).toBe(3);
    expect(await market.ask('slotState', [slots[0]!])).toBe(3);
    // Those who left get nothing.
    await expect(free(0, slots[0]!)).rejects.toThrow('Marketplace_InvalidSlotHost');
    await expect(free(1, slots[1]!)).rejects.toThrow('Marketplace_InvalidSlotHost');
    expect(await gain(market.client, () => withdraw(id))).toBe(
      3000n * SLOT_PRICE - 400n * SLOT_PRICE + 2n * COLLATERAL,
    );
    expect(await gain(market.host(2), () => free(2, slots[2]!))).toBe(400n * SLOT_PRICE + COLLATERAL);
    expect(await market.ask('slotState', [slots[2]!])).toBe(4);
    expect(await market.ask('mySlots', [], market.host(2))).not.toContain(slots[2]);
    await expect(free(2, slots[2]!)).rejects.toThrow('Marketplace_AlreadyPaid');
    expect(await market.balance()).toBe(0n);
  });

  it('fails a request only with one loss too many, and only once it has started', async () => {
    const { id } = await market.requested(market.request());
    for (const host of [0, 1]) await market.filled(id, host);
    for (const host of [0, 1]) await free(host, slotIdOf(id, BigInt(host)));
    expect(await market.ask('requestState', [id])).toBe(0);
    for (const host of [0, 1, 2]) await market.filled(id, host);
    expect(await market.ask('requestState', [id])).toBe(1);
    await free(1, slotIdOf(id, 1n));
    expect(await market.ask('requestState', [id])).toBe(1);
    await free(2, slotIdOf(id, 2n));
    expect(await market.ask('requestState', [id])).toBe(4);
  });

  it('is withdrawn once, at the end only, by the client only (R7)', async () => {
    const { id, at, slots } = await market.started();
    await expect(withdraw(id, at + 1000n)).rejects.toThrow('Marketplace_InvalidState');
    await market.at(at + 1001n);
    await expect(market.send(market.stranger, 'withdrawFunds', [id])).rejects.toThrow(
      'Marketplace_InvalidClientAddress',
    );
    // Whatever hosts do, the client still finds its request.
    for (const [host, slot] of slots.entries()) await free(host, slot);
    expect(await market.ask('myRequests', [], market.client)).toContain(id);
    // Nothing is due: on the old rule this was refused, and the state never written.
    expect((await withdraw(id)).names).toEqual([]);
    expect(await market.ask('myRequests', [], market.client)).not.toContain(id);
    await expect(withdraw(id)).rejects.toThrow('Marketplace_NothingToWithdraw');
    await expect(market.send(market.client, 'withdrawFunds', [id, market.stranger])).rejects.toThrow(
      'Marketplace_NothingToWithdraw',
    );
  });

  it('is not paid twice', async () => {
    const before = await market.balance();
    const { id, at, slots } = await market.started();
    await market.at(at + 1001n);
    await free(0, slots[0]!);
    await expect(free(0, slots[0]!)).rejects.toThrow('Marketplace_AlreadyPaid');
    await expect(
      market.send(market.host(0), 'freeSlot', [slots[0]!, market.stranger, market.stranger]),
    ).rejects.toThrow('Marketplace_AlreadyPaid');
    await expect(free(1, slots[2]!)).rejects.toThrow('Marketplace_InvalidSlotHost');
    await free(1, slots[1]!);
    await withdraw(id);
    await free(2, slots[2]!);
    expect(await market.balance()).toBe(before);
  });

  it('adds up in amounts as large as tokens get (R2, R11)', async () => {
    const rich = await Market.create(lab);
    // Collateral times a percentage is more than 256 bits hold.
    const collateralPerByte = 2n ** 251n;
    await lab.send(rich.token, testTokenAbi, rich.host(0), 'mint', [rich.host(0), 2n ** 252n]);
    const ask = { slots: 1n, maxSlotLoss: 0n, slotSize: 1n, collateralPerByte, duration: 100_000n };
    const { id, slots } = await rich.started(rich.request(ask));
    for (let miss = 1; miss <= 4; miss++) await rich.missed(slots[0]!);
    expect(await rich.ask('currentCollateral', [slots[0]!])).toBe(collateralPerByte - 4n * (collateralPerByte / 10n));
    expect((await rich.missed(slots[0]!)).names).toEqual(['Transfer', 'SlotFreed', 'RequestFailed']);
    await rich.send(rich.client, 'withdrawFunds', [id]);
    expect(await rich.balance()).toBe(0n);
  });
});
