import type { Hex } from 'viem';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { slotIdOf } from '../../src/index.ts';
import { Lab, Market, PROOF, ZERO_PROOF } from '../support/market.ts';

const SLOT_PRICE = 2n * 1024n;
const COLLATERAL = 100n * 1024n;

describe('fillSlot', () => {
  let lab: Lab;
  let market: Market;
  const fill = (host: number, id: Hex, index: bigint, time?: bigint, proof = PROOF) =>
    market.send(market.host(host), 'fillSlot', [id, index, proof], time);

  beforeAll(async () => {
    lab = await Lab.start();
    market = await Market.create(lab);
  });
  afterAll(() => lab.chain.stop());

  it('checks request, index, reservation, state and proof in this order', async () => {
    const unknown = `0x${'77'.repeat(32)}` as const;
    await expect(fill(0, unknown, 9n)).rejects.toThrow('Marketplace_UnknownRequest');
    const { id } = await market.requested(market.request());
    await expect(fill(0, id, 3n)).rejects.toThrow('Marketplace_InvalidSlot');
    await expect(fill(0, id, 0n, undefined, ZERO_PROOF)).rejects.toThrow('Marketplace_ReservationRequired');
    await market.send(market.host(0), 'reserveSlot', [id, 0n]);
    await expect(fill(0, id, 0n, undefined, ZERO_PROOF)).rejects.toThrow('Proofs_InvalidProof');
    await fill(0, id, 0n);
    await expect(fill(0, id, 0n)).rejects.toThrow('Marketplace_ReservationRequired');
  });

  it('takes collateral, sets pay aside, and starts the request with the last slot', async () => {
    const { id, at } = await market.requested(market.request());
    const slot = slotIdOf(id, 1n);
    expect((await market.filled(id, 1, market.host(1), at + 10n)).names).toEqual([
      'ProofSubmitted',
      'ProofSubmittedFor',
      'Transfer',
      'SlotFilled',
    ]);
    expect(await market.ask('getHost', [slot])).toBe(market.host(1));
    expect(await market.ask('slotState', [slot])).toBe(1);
    expect(await market.ask('currentCollateral', [slot])).toBe(COLLATERAL);
    const active = (await market.ask('getActiveSlot', [slot])) as { slotIndex: bigint };
    expect(active.slotIndex).toBe(1n);
    expect(await market.ask('mySlots', [], market.host(1))).toContain(slot);
    await market.filled(id, 0);
    expect((await market.filled(id, 2)).names.slice(-2)).toEqual(['SlotFilled', 'RequestFulfilled']);
  });

  it('lets the first of those who reserved win, without cost for the others (front-running)', async () => {
    const { id } = await market.requested(market.request());
    for (const host of [0, 1, 2]) await market.send(market.host(host), 'reserveSlot', [id, 0n]);
    const wealth = await market.balance(market.host(1));
    await fill(2, id, 0n);
    await expect(fill(1, id, 0n)).rejects.toThrow('Marketplace_ReservationRequired');
    // A stranger that copies the call from the pool of transactions has no reservation.
    await expect(fill(3, id, 0n)).rejects.toThrow('Marketplace_ReservationRequired');
    expect(await market.balance(market.host(1))).toBe(wealth);
    expect(await market.ask('getHost', [slotIdOf(id, 0n)])).toBe(market.host(2));
  });

  it('is refused at expiry itself: the collateral could not be had back (R4)', async () => {
    const { id, at } = await market.requested(market.request());
    await market.send(market.host(0), 'reserveSlot', [id, 0n]);
    await market.send(market.host(1), 'reserveSlot', [id, 1n]);
    await fill(0, id, 0n, at + 299n);
    await expect(fill(1, id, 1n, at + 300n)).rejects.toThrow('Marketplace_StartNotBeforeExpiry');
    expect(await market.ask('requestState', [id])).toBe(0);
    await expect(fill(1, id, 1n, at + 301n)).rejects.toThrow('Marketplace_StartNotBeforeExpiry');
    // Who filled a second before is paid for this second.
    const wealth = await market.balance(market.host(0));
    await market.send(market.host(0), 'freeSlot', [slotIdOf(id, 0n)]);
    expect((await market.balance(market.host(0))) - wealth).toBe(SLOT_PRICE + COLLATERAL);
    await market.send(market.client, 'withdrawFunds', [id]);
    await expect(fill(1, id, 1n)).rejects.toThrow('Marketplace_StartNotBeforeExpiry');
    expect(await market.balance()).toBeGreaterThanOrEqual(0n);
  });

  it('is refused at the end of a started request', async () => {
    const { id, at, slots } = await market.started();
    await market.send(market.host(0), 'freeSlot', [slots[0]!]);
    await market.send(market.host(4), 'reserveSlot', [id, 0n], at + 999n);
    await expect(fill(4, id, 0n, at + 1000n)).rejects.toThrow('Marketplace_StartNotBeforeExpiry');
    await expect(fill(4, id, 0n, at + 1001n)).rejects.toThrow('Marketplace_SlotNotFree');
  });

  it('fills a slot that was freed in the same period, whoever does it (R3)', async () => {
    const { id, slots } = await market.started();
    const [slot] = slots;
    await market.send(market.host(0), 'freeSlot', [slot!]);
    // Same second, same period: on the old rule the proof of the first filling stood in the way.
    await market.filled(id, 0, market.host(4));
    await expect(market.send(market.host(4), 'submitProof', [slot!, PROOF])).rejects.toThrow(
      'Proofs_ProofAlreadySubmitted',
    );
    await market.send(market.host(4), 'freeSlot', [slot!]);
    await market.filled(id, 0, market.host(0));
    expect(await market.ask('missingProofs', [slot!])).toBe(0n);
  });

  it('gives a repairing host its discount out of what was forfeited (R1)', async () => {
    const { id, at, slots } = await market.started();
    await market.send(market.host(0), 'freeSlot', [slots[0]!], at + 100n);
    const wealth = await market.balance(market.host(4));
    const { events } = await market.filled(id, 0, market.host(4), at + 100n);
    expect(wealth - (await market.balance(market.host(4)))).toBe(COLLATERAL - COLLATERAL / 10n);
    expect(events.find(({ name }) => name === 'Transfer')?.args.value).toBe(COLLATERAL - COLLATERAL / 10n);
    expect(await market.ask('currentCollateral', [slots[0]!])).toBe(COLLATERAL);
    await market.at(at + 1001n);
    const client = await market.balance(market.client);
    await market.send(market.client, 'withdrawFunds', [id]);
    // A hundred seconds of one slot that nobody is paid for, and what the lost host had put up but for the discount.
    expect((await market.balance(market.client)) - client).toBe(100n * SLOT_PRICE + COLLATERAL - COLLATERAL / 10n);
  });
});
