/** The marketplace module of `@codex-storage/sdk-js` 0.1.3 with hosts that prove: minutes of a real clock. */

import { Market } from '@codex/devnet';
import { Codex } from '@codex-storage/sdk-js';
import { NodeUploadStrategy } from '@codex-storage/sdk-js/node';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { vectorContent } from './node.ts';
import { ok } from './result.ts';

const HOSTS = 3;
const ID = /^0x[0-9a-f]{64}$/;
/** Three hosts prove in time on two cores. */
const PACE = { blockSeconds: 1, periodSeconds: 15 };
const TERMS = {
  ...{ duration: 180, pricePerBytePerSecond: 1, proofProbability: 1, collateralPerByte: 1 },
  ...{ nodes: HOSTS, tolerance: 1, expiry: 150 },
};

/** The SDK says an array of arrays, and means this. */
interface Slot {
  readonly id: string;
  readonly slotIndex: number;
  readonly request: object;
}

let market: Market;
const sdkOf = (name: string) => new Codex(market.node(name).url);
const hosts = () => market.hosts.map(({ name }) => sdkOf(name).marketplace);

// Not in the short form: it takes minutes of a real clock.
describe.skipIf(process.env.SOAK === 'short')('the SDK', () => {
  beforeAll(async () => {
    market = await Market.start({ hosts: HOSTS, pace: PACE });
  }, 180_000);
  afterAll(() => market?.stop());

  it('sells, buys, and sees slots filled, proved and ended', async () => {
    const offer = { totalSize: 2 ** 28, duration: 86_400, minPricePerBytePerSecond: 1, totalCollateral: 2n ** 40n };
    const offers = await Promise.all(hosts().map(async (host) => ok(await host.createAvailability(offer))));
    const client = sdkOf('client');
    const content = vectorContent('soak', 400_000);
    const cid = ok(await client.data.upload(new NodeUploadStrategy(content)).result);
    const id = ok(await client.marketplace.createStorageRequest({ ...TERMS, cid }));
    const state = async () => ok(await client.marketplace.purchaseDetail(id)).state;
    await expect.poll(state, { timeout: 150_000, interval: 500 }).toBe('started');

    const { request } = ok(await client.marketplace.purchaseDetail(id));
    const indices: number[] = [];
    for (const [i, host] of hosts().entries()) {
      const [slot, ...others] = ok(await host.activeSlots()) as unknown as Slot[];
      expect(others).toEqual([]);
      expect(slot).toEqual({
        id: expect.stringMatching(ID),
        slotIndex: expect.any(Number),
        request: expect.anything(),
      });
      expect(slot!.request).toMatchObject({ id: `0x${id}`, content: request!.content });
      indices.push(slot!.slotIndex);
      const reserved = {
        ...{ id: expect.stringMatching(ID), availabilityId: offers[i]!.id, requestId: `0x${id}` },
        ...{ slotIndex: slot!.slotIndex, size: expect.any(Number), validUntil: expect.any(Number) },
      };
      const agent = async () => ok(await host.activeSlot(slot!.id));
      await expect.poll(async () => (await agent()).state, { timeout: 30_000 }).toBe('SaleProving');
      const { requestId, slotIndex, reservation } = (await agent()) as object as Record<string, unknown>;
      expect({ requestId, slotIndex, reservation }).toEqual({
        ...{ requestId: `0x${id}`, slotIndex: slot!.slotIndex, reservation: reserved },
      });
      expect(ok(await host.reservations(offers[i]!.id))).toEqual([reserved]);
      const [left] = ok(await host.availabilities());
      expect(left).toMatchObject({
        freeSize: 2 ** 28 - 262_144,
        totalCollateral: 2n ** 40n,
        totalRemainingCollateral: 2n ** 40n - 262_144n,
      });
    }
    expect(indices.sort()).toEqual([0, 1, 2]);

    await expect.poll(state, { timeout: 240_000, interval: 1000 }).toBe('finished');
    for (const [i, host] of hosts().entries()) {
      const listed = async () => ok(await host.activeSlots());
      await expect.poll(listed, { timeout: 60_000, interval: 500 }).toEqual([]);
      const reservations = async () => ok(await host.reservations(offers[i]!.id));
      await expect.poll(reservations, { timeout: 60_000, interval: 500 }).toEqual([]);
      expect(ok(await host.availabilities())[0]).toMatchObject({ freeSize: 2 ** 28 });
    }
  }, 600_000);
});
