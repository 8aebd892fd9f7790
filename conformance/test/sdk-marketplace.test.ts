/** The marketplace module of `@codex-storage/sdk-js` 0.1.3 against our node (06 §8), without hosts: with them, `sdk-marketplace.soak.ts`. */
import { Codex } from '@codex-storage/sdk-js';
import { NodeUploadStrategy } from '@codex-storage/sdk-js/node';
import { beforeAll, describe, expect, it } from 'vitest';
import { useMarketNode } from './market-node.ts';
import { vectorContent } from './node.ts';
import { failure, ok } from './result.ts';

const ID = /^0x[0-9a-f]{64}$/;
const NOBODY = `0x${'ab'.repeat(32)}`;
const OFFER = { totalSize: 1_000_000, duration: 3600, minPricePerBytePerSecond: 10, totalCollateral: 20_000_000n };
const TERMS = {
  ...{ duration: 300, pricePerBytePerSecond: 1, proofProbability: 3, collateralPerByte: 1 },
  ...{ nodes: 3, tolerance: 1, expiry: 200 },
};

const node = useMarketNode();
let sdk: Codex['marketplace'];
let client: Codex;
beforeAll(() => {
  client = new Codex(node.url());
  sdk = client.marketplace;
});

describe('the SDK sells', () => {
  it('offers space, and reads what it has offered', async () => {
    const before = ok(await client.data.space());
    const made = ok(await sdk.createAvailability({ ...OFFER, until: 4_000_000_000 }));
    expect(made).toEqual({
      ...{ id: expect.stringMatching(ID), totalSize: 1_000_000, freeSize: 1_000_000, duration: 3600 },
      ...{ minPricePerBytePerSecond: 10n, totalCollateral: 20_000_000n, totalRemainingCollateral: 20_000_000n },
      ...{ enabled: true, until: 4_000_000_000 },
    });
    expect(ok(await sdk.availabilities())).toContainEqual(made);
    expect(ok(await sdk.reservations(made.id))).toEqual([]);
    const after = ok(await client.data.space());
    expect(Number(after.quotaReservedBytes) - Number(before.quotaReservedBytes)).toBe(1_000_000);
  });

  it('changes an offer', async () => {
    const { id } = ok(await sdk.createAvailability(OFFER));
    const changes = { totalSize: 2_000_000, duration: 7200, minPricePerBytePerSecond: 20, totalCollateral: 30_000_000 };
    expect(ok(await sdk.updateAvailability({ id, ...changes, enabled: false }))).toBe('');
    expect(ok(await sdk.availabilities()).find((offer) => offer.id === id)).toEqual({
      ...{ id, totalSize: 2_000_000, freeSize: 2_000_000, duration: 7200, minPricePerBytePerSecond: 20n },
      ...{ totalCollateral: 30_000_000n, totalRemainingCollateral: 30_000_000n, enabled: false, until: 0 },
    });
  });

  it('is told why an offer cannot be so', async () => {
    const tooLarge = failure(await sdk.createAvailability({ ...OFFER, totalSize: 1_000_000_000 }));
    expect(tooLarge).toEqual({ code: 422, message: 'Not enough storage quota' });
    const worthless = failure(await sdk.createAvailability({ ...OFFER, minPricePerBytePerSecond: 0 }));
    expect(worthless).toEqual({ code: 422, message: 'minPricePerBytePerSecond must be larger then zero' });
    // What the SDK refuses by itself has no code.
    expect(failure(await sdk.createAvailability({ ...OFFER, totalSize: 0 })).code).toBeNull();
    expect(failure(await sdk.updateAvailability({ id: NOBODY, duration: 1 }))).toEqual({
      ...{ code: 404, message: 'Availability not found' },
    });
    expect(failure(await sdk.reservations(NOBODY))).toEqual({ code: 404, message: 'Availability not found' });
    expect(failure(await sdk.reservations('nonsense')).code).toBe(400);
  });

  it('hosts nothing yet', async () => {
    expect(ok(await sdk.activeSlots())).toEqual([]);
    expect(failure(await sdk.activeSlot(NOBODY))).toEqual({ code: 404, message: 'Provider not filling slot' });
    expect(failure(await sdk.activeSlot('nonsense')).code).toBe(400);
  });
});

describe('the SDK buys', () => {
  const upload = async (bytes: number) =>
    ok(await client.data.upload(new NodeUploadStrategy(vectorContent(`buy ${bytes}`, bytes))).result);

  it('requests storage, and follows it', async () => {
    const cid = await upload(400_000);
    const id = ok(await sdk.createStorageRequest({ ...TERMS, cid }));
    expect(id).toMatch(/^[0-9a-f]{64}$/);
    expect(ok(await sdk.purchaseIds())).toContain(`0x${id}`);
    await expect.poll(async () => ok(await sdk.purchaseDetail(id)).state, { timeout: 20_000 }).toBe('submitted');
    const purchase = ok(await sdk.purchaseDetail(`0x${id}`));
    expect(purchase).toEqual({
      requestId: `0x${id}`,
      state: 'submitted',
      request: {
        ...{ id: `0x${id}`, client: node.account, expiry: 200, nonce: expect.stringMatching(ID) },
        content: { cid: expect.stringMatching(/^zDv/) },
        ask: {
          ...{ proofProbability: 3, pricePerBytePerSecond: 1, collateralPerByte: '1' },
          // 7 blocks in 2 rows of 4.
          ...{ slots: 3, slotSize: 262_144, duration: 300, maxSlotLoss: 1 },
        },
      },
    });
    expect(ok(await sdk.purchases())).toContainEqual(purchase);
    // Each call buys.
    const again = ok(await sdk.createStorageRequest({ ...TERMS, cid }));
    expect(again).not.toBe(id);
  });

  it.each([
    [
      'an expiry after the end',
      { expiry: 300 },
      "Expiry must be greater than zero and less than the request's duration",
    ],
    ['too long a time', { duration: 1e9 }, 'Duration exceeds limit of 2592000 seconds'],
    [
      'a tolerance of all',
      { nodes: 3, tolerance: 4 },
      'Invalid parameters: `tolerance` cannot be greater than `nodes`',
    ],
    // What the SDK sends when nobody says how many.
    [
      'the one node that the SDK asks for by default',
      { nodes: undefined },
      'Invalid parameters: parameters must satify `1 < (nodes - tolerance) ≥ tolerance`',
    ],
  ])('is refused %s', async (_, terms, message) => {
    const cid = await upload(400_000);
    const input = { ...TERMS, cid, ...terms } as Parameters<typeof sdk.createStorageRequest>[0];
    expect(failure(await sdk.createStorageRequest(input))).toEqual({ code: 422, message });
  });

  it('is told what else it cannot buy', async () => {
    const small = await upload(1000);
    const message = 'Dataset too small for erasure parameters, need at least 131072 bytes';
    expect(failure(await sdk.createStorageRequest({ ...TERMS, cid: small }))).toEqual({ code: 422, message });
    expect(failure(await sdk.createStorageRequest({ ...TERMS, cid: 'nonsense' }))).toEqual({
      ...{ code: 400, message: 'Incorrect Cid' },
    });
    const cid = await upload(400_000);
    const dear = failure(await sdk.createStorageRequest({ ...TERMS, cid, pricePerBytePerSecond: 1_000_000_000 }));
    expect(dear.code).toBe(402);
    // Refused by the SDK itself.
    expect(failure(await sdk.createStorageRequest({ ...TERMS, cid, expiry: 0 })).code).toBeNull();
  });

  it('does not know the purchases of others', async () => {
    expect(failure(await sdk.purchaseDetail(NOBODY))).toEqual({ code: 404, message: '' });
    expect(failure(await sdk.purchaseDetail('nonsense')).code).toBe(400);
  });
});
