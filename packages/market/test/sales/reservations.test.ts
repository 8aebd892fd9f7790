import { seededRandom, silentLogger } from '@codex/runtime';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  availabilityJson,
  MemoryRecords,
  type RecordStore,
  Reservations,
  reservationJson,
  type SlotTerms,
} from '../../src/index.ts';
import { MemoryQuota } from '../support/memory-quota.ts';

const TERMS = { totalSize: 1000, duration: 100, minPricePerBytePerSecond: 2n, totalCollateral: 5000n };
const SLOT: SlotTerms = { slotSize: 100, duration: 100, pricePerBytePerSecond: 2n, collateral: 500n, requestEnd: 1100 };
const REQUEST = `0x${'11'.repeat(32)}` as const;

async function open(quota = new MemoryQuota(2000), records: RecordStore = new MemoryRecords(), seed = 1) {
  const parts = { records, quota, random: seededRandom(seed), logger: silentLogger };
  return { books: await Reservations.open(parts), quota, records };
}

describe('availabilities', () => {
  it('are shown as clients know them', async () => {
    const { books } = await open();
    const made = await books.create(TERMS);
    expect(availabilityJson(made)).toEqual({
      id: expect.stringMatching(/^0x[0-9a-f]{64}$/),
      totalSize: 1000,
      freeSize: 1000,
      duration: 100,
      minPricePerBytePerSecond: '2',
      totalCollateral: '5000',
      totalRemainingCollateral: '5000',
      enabled: true,
      until: 0,
    });
  });

  it.each([
    [{ totalSize: 0 }, 'Total size must be larger then zero'],
    [{ duration: 0 }, 'duration must be larger then zero'],
    [{ minPricePerBytePerSecond: 0n }, 'minPricePerBytePerSecond must be larger then zero'],
    [{ totalCollateral: 0n }, 'totalCollateral must be larger then zero'],
    [{ until: -1 }, 'Cannot set until to a negative value'],
    [{ totalSize: 2001 }, 'Not enough storage quota'],
  ])('refuse %o', async (wrong, text) => {
    const { books, quota } = await open();
    await expect(books.create({ ...TERMS, ...wrong })).rejects.toMatchObject({
      code: 'AVAILABILITY_INVALID',
      message: text,
    });
    const { id } = await books.create(TERMS);
    await expect(books.update(id, wrong)).rejects.toMatchObject({ message: text });
    expect(quota.reservedBytes()).toBe(1000);
  });

  it('reserve quota, and give it back when they shrink', async () => {
    const { books, quota } = await open();
    const { id } = await books.create(TERMS);
    await books.reserve(REQUEST, 0, SLOT);
    await books.update(id, { totalSize: 2000 });
    expect([quota.reservedBytes(), books.get(id)?.freeSize]).toEqual([2000, 1900]);
    await books.update(id, { totalSize: 100 });
    expect([quota.reservedBytes(), books.get(id)?.freeSize]).toEqual([100, 0]);
    await expect(books.update(id, { totalSize: 99 })).rejects.toMatchObject({
      message: 'New totalSize must be larger then current totalSize - freeSize, which is currently: 100',
    });
    await expect(books.update('00', {})).rejects.toMatchObject({ code: 'AVAILABILITY_UNKNOWN' });
  });

  it('cannot end before the slots that they hold', async () => {
    const { books } = await open();
    const { id } = await books.create(TERMS);
    await books.reserve(REQUEST, 0, SLOT);
    await expect(books.update(id, { until: 1099 })).rejects.toMatchObject({
      message: 'Until parameter must be greater or equal to the longest currently hosted slot',
    });
    await books.update(id, { until: 1100 });
  });

  it('keep what is locked when their collateral changes', async () => {
    const { books } = await open();
    const { id } = await books.create(TERMS);
    await books.reserve(REQUEST, 0, SLOT);
    expect((await books.update(id, { totalCollateral: 6000n })).totalRemainingCollateral).toBe(5500n);
    await expect(books.update(id, { totalCollateral: 499n })).rejects.toMatchObject({ code: 'AVAILABILITY_INVALID' });
  });

  it('tell of every change for the better, and of no other', async () => {
    const { books } = await open();
    let told = 0;
    books.onImproved(() => told++);
    const { id } = await books.create({ ...TERMS, enabled: false, until: 5000 });
    expect(told).toBe(0);
    const better = [
      { enabled: true },
      { totalSize: 1500 },
      { duration: 200 },
      { minPricePerBytePerSecond: 1n },
      { totalCollateral: 5001n },
      { until: 6000 },
      { until: 0 },
    ];
    for (const [at, change] of better.entries()) {
      await books.update(id, change);
      expect(told, JSON.stringify(Object.keys(change))).toBe(at + 1);
    }
    for (const change of [
      { totalSize: 900 },
      { duration: 10 },
      { minPricePerBytePerSecond: 9n },
      { until: 9 },
      { enabled: false },
    ]) {
      await books.update(id, change);
    }
    expect(told).toBe(better.length);
  });
});

describe('matching', () => {
  it('takes the tightest fit, then the least price above what is asked', async () => {
    const { books } = await open(new MemoryQuota(10_000));
    await books.create(TERMS);
    const cheap = await books.create({ ...TERMS, totalSize: 200, minPricePerBytePerSecond: 1n });
    const tight = await books.create({ ...TERMS, totalSize: 200 });
    expect(books.find(SLOT)?.id).toBe(tight.id);
    expect(books.find({ ...SLOT, pricePerBytePerSecond: 1n })?.id).toBe(cheap.id);
    await books.update(tight.id, { enabled: false });
    expect(books.find(SLOT)?.id).toBe(cheap.id);
  });

  it('at every limit takes equality, and refuses one more', async () => {
    const { books } = await open();
    await books.create({ ...TERMS, until: 1100 });
    const edge: SlotTerms = { ...SLOT, slotSize: 1000, collateral: 5000n };
    expect(books.find(edge)).toBeDefined();
    expect(books.find({ ...edge, slotSize: 1001 })).toBeUndefined();
    expect(books.find({ ...edge, duration: 101 })).toBeUndefined();
    expect(books.find({ ...edge, pricePerBytePerSecond: 1n })).toBeUndefined();
    expect(books.find({ ...edge, collateral: 5001n })).toBeUndefined();
    expect(books.find({ ...edge, requestEnd: 1101 })).toBeUndefined();
    // A slot of half the space gets half the collateral.
    expect(books.find({ ...edge, slotSize: 500, collateral: 2500n })).toBeDefined();
    expect(books.find({ ...edge, slotSize: 500, collateral: 2501n })).toBeUndefined();
  });
});

describe('reservations', () => {
  it('give everything back at their end but what the chain kept', async () => {
    const { books, quota } = await open();
    const { id } = await books.create(TERMS);
    const { id: sale } = await books.reserve(REQUEST, 3, SLOT);
    expect(books.get(id)).toMatchObject({ freeSize: 900, totalRemainingCollateral: 4500n });
    quota.usedBytes += 60;
    await books.stored(sale, 60);
    expect(quota.reservedBytes()).toBe(940);
    await expect(books.stored(sale, 41)).rejects.toMatchObject({ code: 'RESERVATION_EXCEEDED' });
    expect(reservationJson(books.reservation(sale)!)).toEqual({
      id: `0x${sale}`,
      availabilityId: `0x${id}`,
      size: 40,
      requestId: REQUEST,
      slotIndex: 3,
      validUntil: 1100,
    });
    quota.usedBytes = 1060;
    // The blocks are still there: no room for both.
    await expect(books.end(sale, 500n)).rejects.toThrow('over quota');
    quota.usedBytes = 0;
    await books.end(sale, 400n);
    await books.end(sale, 400n);
    expect(books.get(id)).toMatchObject({ freeSize: 1000, totalRemainingCollateral: 4900n });
    expect(quota.reservedBytes()).toBe(1000);
    await expect(books.stored(sale, 1)).rejects.toMatchObject({ code: 'RESERVATION_UNKNOWN' });
  });

  it('never give back more collateral than they took: a repaired slot returns more', async () => {
    const { books } = await open();
    const { id } = await books.create(TERMS);
    const { id: sale } = await books.reserve(REQUEST, 0, { ...SLOT, collateral: 450n });
    await books.end(sale, 500n);
    expect(books.get(id)?.totalRemainingCollateral).toBe(5000n);
  });

  it('of two for the same space, one fails', async () => {
    const { books } = await open();
    await books.create({ ...TERMS, totalSize: 150 });
    const results = await Promise.allSettled([books.reserve(REQUEST, 0, SLOT), books.reserve(REQUEST, 1, SLOT)]);
    expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'rejected']);
    expect(results[1]).toMatchObject({ reason: { code: 'AVAILABILITY_MISSING' } });
  });

  it('keep the books balanced whatever happens, crashes between quota and records included', async () => {
    const step = fc.record({
      kind: fc.constantFrom('create', 'update', 'reserve', 'stored', 'end', 'crash'),
      a: fc.nat(1000),
      b: fc.nat(3000),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 60 }), fc.nat(), async (steps, seed) => {
        const quota = new MemoryQuota(5000);
        const records = new MemoryRecords();
        let { books } = await open(quota, records, seed);
        for (const [at, { kind, a, b }] of steps.entries()) {
          const offers = books.list();
          const sales = books.reservations();
          const offer = offers[a % Math.max(1, offers.length)];
          const sale = sales[a % Math.max(1, sales.length)];
          const nothing = () => {};
          if (kind === 'create') {
            await books.create({ ...TERMS, totalSize: a, totalCollateral: BigInt(b) }).catch(nothing);
          } else if (kind === 'update' && offer) {
            await books.update(offer.id, { totalSize: b, totalCollateral: BigInt(b * 3) }).catch(nothing);
          } else if (kind === 'reserve') {
            await books
              .reserve(REQUEST, 0, { ...SLOT, slotSize: 1 + (a % 300), collateral: BigInt(b % 900) })
              .catch(nothing);
          } else if (kind === 'stored' && sale) {
            const bytes = b % (sale.size + 1);
            await books.stored(sale.id, bytes);
            quota.usedBytes += bytes;
          } else if (kind === 'end' && sale) {
            quota.usedBytes -= sale.slotSize - sale.size;
            await books.end(sale.id, BigInt(b));
          } else if (kind === 'crash') {
            const room = quota.maxBytes - quota.usedBytes - quota.reservedBytes();
            if (at % 2 === 0) await quota.reserve(Math.min(a, room));
            else await quota.release(Math.min(a, quota.reservedBytes()));
            ({ books } = await open(quota, records, seed + at + 1));
          }
          let due = 0;
          for (const { id, totalSize, freeSize, totalCollateral, totalRemainingCollateral } of books.list()) {
            const held = books.reservations(id);
            const heldBytes = held.reduce((sum, { slotSize }) => sum + slotSize, 0);
            const locked = held.reduce((sum, { collateral }) => sum + collateral, 0n);
            expect(totalSize).toBe(freeSize + heldBytes);
            expect(totalRemainingCollateral >= 0n && totalRemainingCollateral + locked <= totalCollateral).toBe(true);
            due += freeSize + held.reduce((sum, { size }) => sum + size, 0);
          }
          expect(quota.reservedBytes()).toBe(due);
        }
      }),
      { numRuns: 150 },
    );
  });
});
