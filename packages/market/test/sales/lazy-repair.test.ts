import { slotIdOf } from '@codex/contracts';
import { describe, expect, it } from 'vitest';
import type { RequestId, SlotState } from '../../src/index.ts';
import { LazyRepair } from '../../src/sales/lazy-repair.ts';
import { MarketWorld, type TestHost } from '../support/market-world.ts';
import { ASK, address, fillAll, purchaseTerms } from '../support/requests.ts';

const SLOTS = 6;
const TOLERANCE = 3;

/** A request that runs on hosts that nobody sees, and spare ones that repair it. */
async function running(spares: number, repairFrom: number, tolerance = TOLERANCE) {
  const market = new MarketWorld(11);
  const terms = { slots: BigInt(SLOTS), maxSlotLoss: BigInt(tolerance), duration: 4000n };
  const id = await market.buy(purchaseTerms(terms, 300n));
  await market.seconds(5);
  fillAll(market.chain, id, SLOTS);
  const hosts: TestHost[] = [];
  for (let i = 0; i < spares; i++) hosts.push(await market.host({}, {}, { repairFrom }));
  await market.seconds(20);
  expect(market.client.get(id)?.state).toBe('started');
  const lose = (index: number) => {
    const host = market.hostsOf(id).get(index)!;
    market.chain.force({ name: 'freeSlot', slotId: slotIdOf(id, BigInt(index)) }, host);
  };
  const free = () => {
    const held = market.hostsOf(id);
    return Array.from({ length: SLOTS }, (_, index) => index).filter((index) => !held.has(index));
  };
  return { market, hosts, lose, free };
}

describe('lost slots', () => {
  it('are repaired at once by default', async () => {
    const { market, lose, free } = await running(1, 1);
    lose(2);
    await market.seconds(200);
    expect(free()).toEqual([]);
  });

  it('wait until enough of them are lost, and then all are repaired', async () => {
    const { market, hosts, lose, free } = await running(4, 3);
    lose(1);
    await market.seconds(700);
    lose(4);
    await market.seconds(700);
    expect(free()).toEqual([1, 4]);
    expect(market.chain.count('reserveSlot')).toBe(SLOTS);
    lose(0);
    await market.seconds(250);
    expect(free()).toEqual([]);
    // The next one waits again.
    lose(5);
    await market.seconds(400);
    expect(free()).toEqual([5]);
    expect(hosts.flatMap(({ sales }) => sales.list())).toHaveLength(3);
  });

  it('wait for no more than the code bears', async () => {
    const { market, lose, free } = await running(2, 200, 2);
    lose(1);
    await market.seconds(300);
    expect(free()).toEqual([1]);
    lose(3);
    await market.seconds(250);
    expect(free()).toEqual([]);
  });

  it('wait through restarts of the hosts that wait', async () => {
    const { market, hosts, lose, free } = await running(2, 2);
    const [host] = hosts;
    lose(1);
    await market.seconds(100);
    host!.mortal.kill();
    await market.seconds(100);
    lose(2);
    await host!.start();
    await market.seconds(250);
    expect(free()).toEqual([]);
  });

  it('of a request that has not started do not wait', async () => {
    const market = new MarketWorld(12);
    const terms = purchaseTerms({ slots: BigInt(SLOTS), maxSlotLoss: BigInt(TOLERANCE), duration: 4000n }, 2000n);
    const id = await market.buy(terms);
    await market.seconds(5);
    fillAll(market.chain, id, SLOTS - 1);
    market.chain.force({ name: 'freeSlot', slotId: slotIdOf(id, 0n) }, address(500));
    for (let i = 0; i < 2; i++) await market.host({}, {}, { repairFrom: 3 });
    await market.seconds(300);
    expect(market.hostsOf(id).size).toBe(SLOTS);
    expect(market.client.get(id)?.state).toBe('started');
  });
});

describe('LazyRepair', () => {
  const id = `0x${'01'.repeat(32)}` as RequestId;
  const ask = { ...ASK, slots: 300n, maxSlotLoss: 9n };

  function lazy(repairFrom: number, free: () => readonly number[]) {
    let asked = 0;
    const slotStates = async (ids: readonly string[]): Promise<SlotState[]> => {
      asked++;
      expect(ids).toEqual(Array.from({ length: 300 }, (_, index) => slotIdOf(id, BigInt(index))));
      return ids.map((_, index) => (free().includes(index) ? 'repair' : 'filled'));
    };
    return { repair: new LazyRepair({ marketplace: { slotStates } }, repairFrom), asked: () => asked };
  }

  it('asks nobody when slots are repaired at once', async () => {
    const { repair, asked } = lazy(1, () => []);
    expect(await repair.isDue(id, 0, ask)).toBe(true);
    expect(await lazy(5, () => []).repair.isDue(id, 0, { ...ask, maxSlotLoss: 1n })).toBe(true);
    expect(asked()).toBe(0);
  });

  it('goes on until all that were free are filled, and begins anew with those that are lost later', async () => {
    let free = [3, 7];
    const { repair, asked } = lazy(3, () => free);
    expect(await repair.isDue(id, 3, ask)).toBe(false);
    free = [3, 7, 299];
    expect(await repair.isDue(id, 7, ask)).toBe(true);
    free = [3];
    repair.changed(id, 7);
    repair.changed(id, 299);
    expect(await repair.isDue(id, 3, ask)).toBe(true);
    expect(asked()).toBe(2);
    // Lost again.
    free = [3, 7];
    repair.changed(id, 7);
    expect(await repair.isDue(id, 7, ask)).toBe(false);
    expect(await repair.isDue(id, 3, ask)).toBe(true);
    repair.changed(id, 3);
    expect(await repair.isDue(id, 3, ask)).toBe(false);
  });
});
