import { type Hex, keccak256 } from 'viem';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { slotIdOf } from '../../src/index.ts';
import { Lab, Market, PROOF } from '../support/market.ts';

const REFUSED = 'SlotReservations_ReservationNotAllowed';

describe('reserveSlot', () => {
  let lab: Lab;
  let market: Market;
  const reserve = (host: number, id: Hex, index: bigint, time?: bigint) =>
    market.send(market.host(host), 'reserveSlot', [id, index], time);
  const can = (host: number, id: Hex, index: bigint) => market.ask('canReserveSlot', [id, index], market.host(host));

  beforeAll(async () => {
    lab = await Lab.start();
    market = await Market.create(lab);
  });
  afterAll(() => lab.chain.stop());

  it('lets three hosts in, and says when the slot is full', async () => {
    const { id } = await market.requested(market.request());
    expect((await reserve(0, id, 0n)).names).toEqual([]);
    expect(await can(0, id, 0n)).toBe(false);
    await expect(reserve(0, id, 0n)).rejects.toThrow(REFUSED);
    expect((await reserve(1, id, 0n)).names).toEqual([]);
    expect((await reserve(2, id, 0n)).events).toEqual([
      { name: 'SlotReservationsFull', args: { requestId: id, slotIndex: 0n } },
    ]);
    expect(await can(3, id, 0n)).toBe(false);
    await expect(reserve(3, id, 0n)).rejects.toThrow(REFUSED);
    expect(await can(3, id, 1n)).toBe(true);
  });

  it('is refused for what can never be filled (R6)', async () => {
    const unknown = `0x${'77'.repeat(32)}` as const;
    await expect(reserve(0, unknown, 0n)).rejects.toThrow(REFUSED);
    expect(await can(0, unknown, 0n)).toBe(false);
    const { id, at } = await market.requested(market.request());
    await expect(reserve(0, id, 3n)).rejects.toThrow(REFUSED);
    await expect(reserve(0, id, 2n ** 64n - 1n)).rejects.toThrow(REFUSED);
    await reserve(0, id, 2n, at + 299n);
    // At the expiry itself the request is still new.
    await expect(reserve(1, id, 0n, at + 300n)).rejects.toThrow(REFUSED);
    expect(await market.ask('requestState', [id])).toBe(0);
    await expect(reserve(1, id, 0n, at + 301n)).rejects.toThrow(REFUSED);
    await market.send(market.client, 'withdrawFunds', [id]);
    await expect(reserve(1, id, 0n)).rejects.toThrow(REFUSED);
  });

  it('is refused for a slot that is filled, and at the end of a started request', async () => {
    const { id, at, slots } = await market.started();
    await expect(reserve(4, id, 0n)).rejects.toThrow(REFUSED);
    await market.send(market.host(0), 'freeSlot', [slots[0]!]);
    await reserve(4, id, 0n, at + 999n);
    await expect(reserve(3, id, 0n, at + 1000n)).rejects.toThrow(REFUSED);
    expect(await market.ask('requestState', [id])).toBe(1);
  });

  it('lets a host have one slot of a request, reserved or hosted, and another once it has lost it (R6)', async () => {
    const { id } = await market.requested(market.request({ slots: 4n, maxSlotLoss: 2n }));
    await reserve(0, id, 0n);
    expect(await can(0, id, 1n)).toBe(false);
    await expect(reserve(0, id, 1n)).rejects.toThrow(REFUSED);
    await market.send(market.host(0), 'fillSlot', [id, 0n, PROOF]);
    await expect(reserve(0, id, 1n)).rejects.toThrow(REFUSED);
    await market.send(market.host(0), 'freeSlot', [slotIdOf(id, 0n)]);
    await reserve(0, id, 1n);
    // The slot is filled by another: the claim is void.
    await reserve(1, id, 1n);
    await market.send(market.host(1), 'fillSlot', [id, 1n, PROOF]);
    await reserve(0, id, 2n);
    await expect(market.send(market.host(0), 'fillSlot', [id, 1n, PROOF])).rejects.toThrow(
      'Marketplace_ReservationRequired',
    );
    // Another request is another matter.
    const other = await market.requested(market.request());
    await reserve(0, other.id, 0n);
  });

  it('may have no limit', async () => {
    const open = await Market.create(lab, { rules: { maxSlotsPerHost: 0 } });
    const { id } = await open.requested(open.request());
    for (const index of [0, 1, 2]) await open.filled(id, index, open.host(0));
    expect(await open.ask('requestState', [id])).toBe(1);
    expect(await open.ask('mySlots', [], open.host(0))).toHaveLength(3);
  });

  it('gives way after its time: squatters cannot keep hosts out (R6)', async () => {
    const { id, at } = await market.requested(market.request({ duration: 100_000n }, { expiry: 90_000n }));
    for (const squatter of [0, 1, 2]) await reserve(squatter, id, 0n, at + BigInt(squatter));
    await market.at(at + 599n);
    expect(await can(3, id, 0n)).toBe(false);
    await expect(reserve(3, id, 0n, at + 599n)).rejects.toThrow(REFUSED);
    await market.at(at + 600n);
    expect(await can(3, id, 0n)).toBe(true);
    // Those inside may not renew, but may still fill.
    expect(await can(0, id, 0n)).toBe(false);
    expect((await reserve(3, id, 0n, at + 600n)).names).toEqual([]);
    await expect(market.send(market.host(0), 'fillSlot', [id, 0n, PROOF])).rejects.toThrow(
      'Marketplace_ReservationRequired',
    );
    // The second was reserved a second later.
    await expect(reserve(4, id, 0n, at + 600n)).rejects.toThrow(REFUSED);
    await reserve(4, id, 0n, at + 601n);
    // Who was put out may reserve elsewhere, as its claim is gone.
    await reserve(0, id, 1n);
    await market.send(market.host(2), 'fillSlot', [id, 0n, PROOF]);
    await expect(market.send(market.host(3), 'fillSlot', [id, 0n, PROOF])).rejects.toThrow(
      'Marketplace_ReservationRequired',
    );
  });

  it('never gives way when the timeout is 0', async () => {
    const strict = await Market.create(lab, { rules: { reservationTimeout: 0n } });
    const { id, at } = await strict.requested(strict.request({ duration: 100_000n }, { expiry: 90_000n }));
    for (const host of [0, 1, 2]) await strict.send(strict.host(host), 'reserveSlot', [id, 0n]);
    await expect(strict.send(strict.host(3), 'reserveSlot', [id, 0n], at + 89_999n)).rejects.toThrow(REFUSED);
  });

  it('lets nobody in when there is no place at all', async () => {
    const config = { ...market.config, reservations: { maxReservations: 0 } };
    const closed = await Market.create(lab, { config });
    const { id } = await closed.requested(closed.request());
    await expect(closed.send(closed.host(0), 'reserveSlot', [id, 0n])).rejects.toThrow(REFUSED);
  });

  it('opens a window around the slot, if so configured (17 §6)', async () => {
    const windowed = await Market.create(lab, { rules: { expandingWindow: true } });
    const { id, at } = await windowed.requested(windowed.request({ duration: 2000n }, { expiry: 1000n }));
    const slot = slotIdOf(id, 0n);
    /** 17 §6 in floating point: F(¼) = 1/15, F(½) = 1/5, F(¾) = 7/15. */
    const share = (x: number) => (16 ** x - 1) / 15;
    const distance = (host: Hex) =>
      Number((BigInt(keccak256(`0x${host.slice(2).padStart(64, '0')}`)) ^ BigInt(slot)) >> 203n) / 2 ** 53;
    for (const x of [0, 0.25, 0.5, 0.75, 0.999]) {
      await windowed.at(at + BigInt(Math.round(1000 * x)));
      const hosts = windowed.hosts.filter((host) => Math.abs(distance(host) - share(x)) > 1e-4);
      const eligible = await Promise.all(hosts.map((host) => windowed.ask('canReserveSlot', [id, 0n], host)));
      expect(eligible).toEqual(hosts.map((host) => distance(host) < share(x)));
    }
  });
});
