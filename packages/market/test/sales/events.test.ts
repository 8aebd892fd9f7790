import { slotIdOf } from '@codex/contracts';
import { noMetrics, silentLogger } from '@codex/runtime';
import { describe, expect, it } from 'vitest';
import type { MarketEvent, Marketplace, TracedEvent } from '../../src/chain/marketplace.ts';
import { MemoryRecords, Reservations, Sales, Validation } from '../../src/index.ts';
import { FakeStorage } from '../support/fake-storage.ts';
import { MarketWorld } from '../support/market-world.ts';
import { MemoryQuota } from '../support/memory-quota.ts';
import { ASK, address, fillAll, purchaseTerms } from '../support/requests.ts';

const UNKNOWN: `0x${string}` = `0x${'99'.repeat(32)}`;

type Listener = Parameters<Marketplace['follow']>[0];

const traced = (event: MarketEvent, undone: boolean): TracedEvent => ({
  event,
  undone,
  blockNumber: 1n,
  blockHash: '0x00',
  transactionHash: '0x00',
  logIndex: 0,
});

/** A host without offers and a validator, whose events come from the test. */
async function stage() {
  const market = new MarketWorld(1);
  const id = await market.buy(purchaseTerms({ duration: 3000n }, 2500n));
  await market.seconds(10);
  const listeners: Listener[] = [];
  const marketplace: Marketplace = {
    ...market.chain.account(address(300)),
    follow: async (listener) => {
      listeners.push(listener);
    },
  };
  const shared = { marketplace, clock: market.clock, random: market.random, logger: silentLogger, metrics: noMetrics };
  const quota = new MemoryQuota(1);
  const records = new MemoryRecords();
  const reservations = await Reservations.open({ ...shared, records, quota });
  const host = () => {
    const storage = new FakeStorage(market.network, market.clock, quota);
    const sales = new Sales({ ...shared, records, reservations, storage });
    sales.start();
    return sales;
  };
  const sales = host();
  const validation = new Validation({ ...shared, records: new MemoryRecords() }, { maxSlots: 0 });
  validation.start();
  await market.seconds(1);
  const tell = async (event: MarketEvent, undone = false) => {
    for (const listener of listeners) await listener([traced(event, undone)]);
    await market.seconds(5);
  };
  const expiry = BigInt(market.chain.now() + 2000);
  const queued = (of = sales) => of.queued.map(({ slotIndex }) => slotIndex).sort();
  return { market, id, sales, validation, tell, queued, host, expiry };
}

describe('events', () => {
  it('fill the queue and empty it, and what is undone is taken back', async () => {
    const { id, tell, queued, expiry } = await stage();
    const requested: MarketEvent = { type: 'storageRequested', requestId: id, ask: ASK, expiry };
    const filled: MarketEvent = { type: 'slotFilled', requestId: id, slotIndex: 1n };
    await tell(requested);
    await tell(requested);
    expect(queued()).toEqual([0, 1, 2]);
    await tell(filled);
    expect(queued()).toEqual([0, 2]);
    await tell(filled, true);
    expect(queued()).toEqual([0, 1, 2]);
    await tell({ type: 'requestFulfilled', requestId: id });
    expect(queued()).toEqual([]);
    const freed: MarketEvent = { type: 'slotFreed', requestId: id, slotIndex: 2n };
    await tell(freed);
    expect(queued()).toEqual([2]);
    await tell(freed, true);
    expect(queued()).toEqual([]);
    await tell(requested);
    await tell(requested, true);
    expect(queued()).toEqual([]);
  });

  it('of requests that nobody can host are not heeded', async () => {
    const { market, id, tell, queued, expiry } = await stage();
    await tell({ type: 'storageRequested', requestId: id, ask: { ...ASK, slots: 257n }, expiry });
    await tell({ type: 'storageRequested', requestId: id, ask: { ...ASK, slots: 2n ** 16n + 1n }, expiry });
    await tell({ type: 'storageRequested', requestId: id, ask: { ...ASK, slotSize: 2n ** 60n }, expiry });
    await tell({ type: 'storageRequested', requestId: id, ask: ASK, expiry: BigInt(market.chain.now()) });
    await tell({ type: 'slotFreed', requestId: UNKNOWN, slotIndex: 0n });
    expect(queued()).toEqual([]);
  });

  it('survive in the queue when the host starts again', async () => {
    const { id, tell, queued, host, sales, market, expiry } = await stage();
    await tell({ type: 'storageRequested', requestId: id, ask: ASK, expiry });
    await sales.stop();
    const again = host();
    await market.seconds(5);
    expect(queued(again)).toEqual([0, 1, 2]);
    await again.stop();
  });

  it('put a slot off whose reservations are all taken', async () => {
    const { id, tell, sales, market, expiry } = await stage();
    await tell({ type: 'storageRequested', requestId: id, ask: ASK, expiry });
    await tell({ type: 'slotReservationsFull', requestId: id, slotIndex: 1n });
    const item = sales.queued.find(({ slotIndex }) => slotIndex === 1);
    const timeout = Number(market.chain.config.rules.reservationTimeout);
    expect(item?.deferredUntil).toBeGreaterThan(market.chain.now() + timeout - 30);
  });

  it('keep the list of a validator: filled, freed, failed, and taken back', async () => {
    const { market, id, validation, tell } = await stage();
    fillAll(market.chain, id, 3);
    const slotId = (index: bigint) => slotIdOf(id, index);
    const filled = (slotIndex: bigint): MarketEvent => ({ type: 'slotFilled', requestId: id, slotIndex });
    await tell(filled(0n));
    await tell(filled(0n));
    await tell(filled(1n));
    expect(validation.watched).toEqual([slotId(0n), slotId(1n)]);
    await tell(filled(1n), true);
    expect(validation.watched).toEqual([slotId(0n)]);
    const freed: MarketEvent = { type: 'slotFreed', requestId: id, slotIndex: 0n };
    await tell(freed);
    expect(validation.watched).toEqual([]);
    await tell(freed, true);
    expect(validation.watched).toEqual([slotId(0n)]);
    await tell({ type: 'requestFailed', requestId: id });
    expect(validation.watched).toEqual([]);
    await validation.stop();
  });
});
