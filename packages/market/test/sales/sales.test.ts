import { slotIdOf } from '@codex/contracts';
import { describe, expect, it } from 'vitest';
import { SALE_TRANSITIONS, saleDiagram, saleJson } from '../../src/index.ts';
import { MarketWorld, type TestHost } from '../support/market-world.ts';
import { address, fillAll, purchaseTerms } from '../support/requests.ts';

async function world(hosts: number, seed = 1): Promise<MarketWorld> {
  const made = new MarketWorld(seed);
  for (let i = 0; i < hosts; i++) await made.host();
  await made.seconds(5);
  return made;
}

describe('sales', () => {
  it.each([1, 2, 3])('of three slots go to three of five hosts, who prove, and are paid (seed %d)', async (seed) => {
    const market = await world(5, seed);
    const before = market.hosts.map(({ account }) => market.balance(account));
    const id = await market.buy();
    await market.seconds(290);
    expect(market.client.get(id)?.state).toBe('started');
    expect(market.client.get(id)?.filledSlots).toBe(3);
    const hosts = market.hostsOf(id);
    expect(new Set(hosts.values()).size).toBe(3);
    const end = Number(market.chain.model.state.requests.get(id)!.endsAt);
    for (const host of market.hosts.filter(({ account }) => [...hosts.values()].includes(account))) {
      const [sale] = host.sales.list();
      expect(sale?.state).toBe('proving');
      expect(saleJson(sale!)).toMatchObject({
        state: 'SaleProving',
        requestId: id,
        slotIndex: sale!.slotIndex,
        request: { id, expiry: 300, ask: { slots: 3 } },
        reservation: { availabilityId: `0x${host.books.list()[0]!.id}`, validUntil: end },
      });
      expect(host.storage.extended.get(sale!.slotId)).toBe(end);
      // Padding stays in the reservation.
      expect(sale?.reservation).toMatchObject({ requestId: id, size: 125 });
      expect(host.books.list()[0]).toMatchObject({ freeSize: 3000, totalRemainingCollateral: 35_000n });
    }
    await market.seconds(1200);
    expect(market.client.get(id)?.state).toBe('finished');
    expect(market.missed).toEqual([]);
    expect(market.unsettled()).toEqual([]);
    for (const [at, { account }] of market.hosts.entries()) {
      const earned = market.balance(account) - before[at]!;
      if ([...hosts.values()].includes(account)) expect(earned).toBeGreaterThan(1_800_000n);
      else expect(earned).toBe(0n);
    }
    const { chain } = market;
    expect(chain.count('fillSlot')).toBe(3);
    expect(chain.count('freeSlot')).toBe(3);
    expect(chain.count('reserveSlot')).toBeLessThanOrEqual(8);
    // Two that send in the same block cannot know of each other; nothing else is ever reverted.
    const { 'fillSlot: Marketplace_ReservationRequired': late = 0, ...reverts } = chain.reverts();
    const { 'reserveSlot: SlotReservations_ReservationNotAllowed': full = 0, ...others } = reverts;
    expect(others).toEqual({});
    expect(late + full).toBeLessThanOrEqual(3);
  });

  it('are not begun for a manifest that is not what the request says, and cost nothing', async () => {
    const market = await world(2);
    const terms = purchaseTerms();
    await market.buy(terms);
    market.network.publish(terms, { merkleRoot: `0x${'22'.repeat(32)}` });
    await market.seconds(200);
    expect(market.hosts.map(({ storage }) => storage.fetches)).toEqual([0, 0]);
    expect(market.chain.count('reserveSlot')).toBe(0);
    await market.seconds(300);
    expect(market.unsettled()).toEqual([]);
  });

  it('wait for an offer that fits, and begin as soon as there is one', async () => {
    const market = await world(3);
    for (const host of market.hosts)
      await host.books.update(host.books.list()[0]!.id, { minPricePerBytePerSecond: 3n });
    const id = await market.buy();
    await market.seconds(60);
    expect(market.chain.count('reserveSlot')).toBe(0);
    expect(market.hosts[0]?.sales.queued.every(({ seen }) => seen)).toBe(true);
    for (const host of market.hosts)
      await host.books.update(host.books.list()[0]!.id, { minPricePerBytePerSecond: 2n });
    await market.seconds(200);
    expect(market.client.get(id)?.state).toBe('started');
  });

  it('let go of a slot that another host has filled while it was fetched', async () => {
    const market = await world(1);
    const [host] = market.hosts;
    host!.storage.fetchTime = 100;
    const id = await market.buy(purchaseTerms({ slots: 1n, maxSlotLoss: 0n }));
    await market.seconds(50);
    expect(host?.sales.list()[0]?.state).toBe('downloading');
    fillAll(market.chain, id, 1);
    await market.seconds(10);
    expect(market.unsettled()).toEqual([]);
    expect(market.chain.count('fillSlot')).toBe(1);
  });

  it('of a request that expires are paid until then', async () => {
    const market = await world(2);
    const id = await market.buy();
    await market.seconds(250);
    expect(market.hostsOf(id).size).toBe(2);
    expect(market.client.get(id)?.filledSlots).toBe(2);
    await market.seconds(150);
    expect(market.client.get(id)?.filledSlots).toBeUndefined();
    expect(market.client.get(id)?.state).toBe('cancelled');
    expect(market.unsettled()).toEqual([]);
    expect(market.chain.count('freeSlot')).toBe(2);
  });

  it('of a request that fails are paid for the time they served', async () => {
    const market = await world(3);
    const id = await market.buy();
    await market.seconds(280);
    const lost = market.hosts.slice(0, 2);
    for (const host of lost) {
      const slotId = host.sales.list()[0]!.slotId;
      market.chain.force({ name: 'freeSlot', slotId }, host.account);
    }
    await market.seconds(60);
    expect(market.client.get(id)?.state).toBe('errored');
    expect(market.unsettled(new Set(lost))).toEqual([]);
    expect(lost.map(({ books }) => books.list()[0]?.totalRemainingCollateral)).toEqual([35_000n, 35_000n]);
    expect(Object.keys(market.chain.reverts()).filter((name) => name.startsWith('freeSlot'))).toEqual([]);
  });

  it.each([true, false])('take over a lost slot, cheaper, fetched or rebuilt (client there: %s)', async (there) => {
    const market = await world(3);
    const id = await market.buy();
    await market.seconds(280);
    const spare = await market.host();
    market.network.clientIsThere = there;
    const [lost] = market.hosts;
    lost!.mortal.kill();
    const [index] = [...market.hostsOf(id)].find(([, account]) => account === lost!.account)!;
    const slotId = slotIdOf(id, BigInt(index));
    market.network.holdersOf(slotId).clear();
    const before = market.balance(spare.account);
    market.chain.force({ name: 'freeSlot', slotId }, lost!.account);
    await market.seconds(20);
    // Nobody is waited for who might have it.
    expect(spare.storage.slots).toBe(1);
    await market.seconds(180);
    expect(market.hostsOf(id).get(index)).toBe(spare.account);
    expect(spare.storage.repairs).toBe(there ? 0 : 1);
    expect(spare.storage.fetches).toBe(0);
    expect(before - market.balance(spare.account)).toBe(4500n);
    expect(spare.books.list()[0]?.totalRemainingCollateral).toBe(35_500n);
    await lost!.start();
    await market.seconds(1000);
    expect(market.client.get(id)?.state).toBe('finished');
    expect(market.unsettled(new Set([lost!]))).toEqual([]);
  });

  it('look for more when too little of a request is found to rebuild a lost slot', async () => {
    const market = await world(3);
    const id = await market.buy();
    await market.seconds(280);
    const spare = await market.host();
    market.network.clientIsThere = false;
    const [lost, away] = market.hosts;
    const slotOf = (host: TestHost) => host.sales.list()[0]!.slotId;
    const [slotId, hidden] = [slotOf(lost!), slotOf(away!)];
    lost!.mortal.kill();
    market.network.holdersOf(slotId).clear();
    market.network.holdersOf(hidden).delete(away!.storage);
    market.chain.force({ name: 'freeSlot', slotId }, lost!.account);
    await market.seconds(20);
    expect(spare.sales.list()[0]?.state).toBe('downloading');
    expect(spare.storage.fetches).toBeGreaterThanOrEqual(1);
    market.network.holdersOf(hidden).add(away!.storage);
    await market.seconds(15);
    expect(spare.storage.repairs).toBe(1);
    await market.seconds(150);
    expect([...market.hostsOf(id).values()]).toContain(spare.account);
  });

  it('never fill two slots of one request, though nobody else is there', async () => {
    const market = await world(1);
    const id = await market.buy();
    await market.seconds(280);
    expect(market.hostsOf(id).size).toBe(1);
    expect(market.chain.count('reserveSlot')).toBe(1);
  });

  it('are no more than could be proved in one period', async () => {
    const market = await world(1);
    const [host] = market.hosts;
    host!.storage.proveTime = 25;
    const one = { slots: 1n, maxSlotLoss: 0n, proofProbability: 1n };
    for (let i = 0; i < 4; i++) {
      await market.buy(purchaseTerms({ ...one, duration: BigInt(1500 + i) }, 1200n));
      await market.seconds(100);
    }
    await market.seconds(1000);
    // 25 s of 90, and a quarter of the period to spare.
    expect(host?.sales.list()).toHaveLength(2);
    expect(market.missed).toEqual([]);
  });

  it('are more when proofs have become quicker: the machine was busy with something else', async () => {
    const market = await world(1);
    const [host] = market.hosts;
    host!.storage.proveTime = 40;
    const one = { slots: 1n, maxSlotLoss: 0n, proofProbability: 1n };
    for (let i = 0; i < 4; i++) {
      await market.buy(purchaseTerms({ ...one, duration: BigInt(4000 + i) }, 3000n));
      await market.seconds(100);
    }
    expect(host?.sales.list()).toHaveLength(1);
    host!.storage.proveTime = 2;
    await market.seconds(1500);
    expect(host?.sales.list()).toHaveLength(4);
    expect(market.missed).toEqual([]);
  });

  it('prove in time on a chain of slow blocks that knows no pending one', async () => {
    const market = new MarketWorld(8, { blockS: 12, latestOnly: true });
    for (let i = 0; i < 3; i++) await market.host();
    const id = await market.buy(purchaseTerms({ duration: 3000n, proofProbability: 1n }, 900n));
    await market.seconds(3300);
    expect(market.client.get(id)?.state).toBe('finished');
    expect(market.missed).toEqual([]);
    expect(market.unsettled()).toEqual([]);
    expect(market.chain.count('submitProof')).toBeGreaterThan(20);
  });

  it('do not begin without the tokens for the collateral', async () => {
    const market = await world(1);
    const [host] = market.hosts;
    const all = market.balance(host!.account);
    market.chain.force({ name: 'transfer', to: address(5), amount: all - 4999n }, host!.account);
    await market.buy();
    await market.seconds(200);
    expect(market.chain.count('reserveSlot')).toBe(0);
  });

  it('prove again within the period when the connection or the prover fails', async () => {
    const market = await world(1);
    const [host] = market.hosts;
    await market.buy(purchaseTerms({ slots: 1n, maxSlotLoss: 0n, proofProbability: 1n }));
    await market.seconds(250);
    expect(host?.sales.list()[0]?.state).toBe('proving');
    for (let i = 0; i < 9; i++) {
      host!.storage.proveFails = true;
      market.chain.faults.refused = 0.7;
      await market.seconds(30);
      host!.storage.proveFails = false;
      market.chain.faults.refused = 0.3;
      await market.seconds(60);
    }
    market.chain.faults.refused = 0;
    await market.seconds(500);
    expect(market.missed).toEqual([]);
    expect(market.unsettled()).toEqual([]);
  });

  it('look at a slot again when the reservations of others have run out', async () => {
    const market = await world(1);
    const id = await market.buy(purchaseTerms({ slots: 1n, maxSlotLoss: 0n, duration: 4000n }, 2000n));
    market.hosts[0]!.mortal.kill();
    await market.seconds(5);
    for (let i = 0; i < 3; i++) market.chain.force({ name: 'reserveSlot', requestId: id, index: 0n }, address(200 + i));
    await market.hosts[0]!.start();
    await market.seconds(500);
    expect(market.hostsOf(id).size).toBe(0);
    await market.seconds(600);
    expect(market.hostsOf(id).size).toBe(1);
    expect(market.chain.reverts()).toEqual({});
  });

  it('have a diagram of every way', () => {
    const diagram = saleDiagram();
    expect(diagram).toContain('  ignored --> [*]');
    // Ways that all states before the filling have are drawn once.
    expect(diagram).toContain('  state taking {\n    preparing --> slotReserving');
    expect(diagram).toContain('  taking --> ignored: ');
    const undrawn = SALE_TRANSITIONS.filter(({ from, to }) => !diagram.includes(` ${from} --> ${to}: `));
    expect(new Set(undrawn.map(({ to }) => to))).toEqual(new Set(['filled', 'ignored', 'errored']));
    expect(undrawn).toHaveLength(3 * 5);
    expect(new Set(SALE_TRANSITIONS.map(({ from, to }) => `${from} ${to}`)).size).toBe(SALE_TRANSITIONS.length);
  });
});

describe('a host that is killed', () => {
  it.each([false, true])('at any call (answer lost: %s) keeps its slot, proves, and is paid', async (after) => {
    const terms = purchaseTerms({ slots: 1n, maxSlotLoss: 0n, duration: 500n, proofProbability: 1n }, 300n);
    // Every second call; with SOAK every one.
    const step = process.env.SOAK ? 1 : 2;
    let atCall = 1;
    for (; ; atCall += step) {
      const market = new MarketWorld(atCall);
      const host = await market.host();
      host.mortal.kill();
      await host.start({ atCall, after });
      const id = await market.buy(terms);
      let deaths = 0;
      for (let i = 0; i < 45; i++) {
        await market.seconds(15);
        if (!host.mortal.dead) continue;
        deaths++;
        await host.start();
      }
      const where = `call ${atCall}`;
      expect(market.client.get(id)?.state, where).toBe('finished');
      expect(market.missed, where).toEqual([]);
      expect(market.unsettled(), where).toEqual([]);
      expect(market.chain.count('fillSlot'), where).toBe(1);
      expect(market.chain.count('reserveSlot'), where).toBe(1);
      // Whether the last proof got through cannot be read from the chain.
      const { 'submitProof: Proofs_ProofAlreadySubmitted': twice = 0, ...reverts } = market.chain.reverts();
      expect(reverts, where).toEqual({});
      expect(twice, where).toBeLessThanOrEqual(1);
      if (deaths === 0) break;
    }
    expect(atCall).toBeGreaterThan(50);
  });

  it.each([1, 2, 3, 4])(
    'again and again, with a connection that fails, loses nothing that it was owed (seed %d)',
    async (seed) => {
      const market = new MarketWorld(seed);
      for (let i = 0; i < 4; i++) await market.host();
      const id = await market.buy(purchaseTerms({ duration: 2000n }, 900n));
      Object.assign(market.chain.faults, { refused: 0.1, unanswered: 0.1 });
      for (let i = 0; i < 130; i++) {
        await market.seconds(20);
        const host = market.hosts[market.random.int(market.hosts.length)]!;
        if (host.mortal.dead || market.random.int(8) === 0) await host.start();
      }
      Object.assign(market.chain.faults, { refused: 0, unanswered: 0 });
      await market.seconds(300);
      expect(market.client.get(id)?.state).toBe('finished');
      expect(market.missed).toEqual([]);
      expect(market.unsettled()).toEqual([]);
      expect(new Set(market.hostsOf(id).values()).size).toBe(3);
    },
  );
});
