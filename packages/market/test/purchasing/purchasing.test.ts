import { CodexError, noMetrics, seededRandom, silentLogger, VirtualClock } from '@codex/runtime';
import { describe, expect, it } from 'vitest';
import { MemoryRecords, type PurchaseTerms, Purchasing, purchaseJson, totalPrice } from '../../src/index.ts';
import { FakeChain } from '../support/fake-chain.ts';
import { type Death, Mortal } from '../support/mortal.ts';
import { ASK, address, fillAll, purchaseTerms } from '../support/requests.ts';

const CLIENT = address(1);
const RICH = 10n ** 12n;
const PRICE = totalPrice(ASK);

class World {
  readonly clock = new VirtualClock(1_700_000_000_000);
  readonly random;
  readonly chain: FakeChain;
  readonly records = new MemoryRecords();
  mortal = new Mortal();
  client: Purchasing;

  constructor(seed = 1, death?: Death) {
    this.random = seededRandom(seed);
    this.chain = new FakeChain(this.clock, this.random);
    this.chain.mint(CLIENT, RICH);
    this.client = this.start(death);
  }

  /** A new process, on the journal of the old one. */
  start(death?: Death): Purchasing {
    this.mortal.kill();
    this.mortal = new Mortal(death);
    this.client = new Purchasing({
      marketplace: this.mortal.guard(this.chain.account(CLIENT)),
      records: this.mortal.guard(this.records),
      clock: this.mortal.clock(this.clock),
      random: this.random,
      logger: silentLogger,
      metrics: noMetrics,
    });
    this.client.start();
    return this.client;
  }

  seconds(s: number): Promise<void> {
    return this.clock.advance(s * 1000);
  }

  async buy(terms: PurchaseTerms = purchaseTerms()) {
    const purchase = await this.client.purchase(terms);
    await this.seconds(10);
    return purchase;
  }

  balance(): bigint {
    return this.chain.model.state.token.balanceOf(CLIENT);
  }
}

describe('a purchase', () => {
  it('is stored once, starts when all slots are filled, and gets the rest back at its end', async () => {
    const world = new World();
    const purchase = await world.buy();
    expect(purchase.state).toBe('submitted');
    expect(world.balance()).toBe(RICH - PRICE);
    await world.seconds(100);
    fillAll(world.chain, purchase.record.id, 3);
    await world.seconds(5);
    expect(purchase.state).toBe('started');
    await world.seconds(1300);
    expect(purchase.state).toBe('finished');
    await purchase.completion;
    // Hosts are paid from when they filled: what they were late comes back.
    expect(world.balance()).toBeGreaterThan(RICH - PRICE);
    expect(world.chain.count('requestStorage')).toBe(1);
    expect(world.chain.count('withdrawFunds')).toBe(1);
    expect(world.chain.reverts()).toEqual({});
    expect(world.chain.broken).toEqual([]);
  });

  it('is cancelled at its expiry when hosts are missing, and everything is back', async () => {
    const world = new World();
    const purchase = await world.buy();
    fillAll(world.chain, purchase.record.id, 2);
    await world.seconds(280);
    expect(purchase.state).toBe('submitted');
    await world.seconds(30);
    expect(purchase.state).toBe('cancelled');
    await expect(purchase.completion).rejects.toMatchObject({
      code: 'PURCHASE_FAILED',
      message: 'Purchase cancelled due to timeout',
    });
    expect(world.chain.reverts()).toEqual({});
    expect(world.chain.count('withdrawFunds')).toBe(1);
  });

  it('that fails is paid back, and then an error', async () => {
    const world = new World();
    const purchase = await world.buy();
    const { id } = purchase.record;
    fillAll(world.chain, id, 3);
    await world.seconds(10);
    for (const slotId of world.chain.model.state.requests.get(id)!.slotIds.values()) {
      const slot = world.chain.model.state.slots.get(slotId)!;
      if (slot.slotIndex < 2n) world.chain.force({ name: 'freeSlot', slotId }, slot.host);
    }
    await world.seconds(10);
    await expect(purchase.completion).rejects.toMatchObject({ message: 'Purchase failed' });
    expect(purchase.state).toBe('errored');
    expect(world.chain.count('withdrawFunds')).toBe(1);
    expect(world.chain.broken).toEqual([]);
  });

  it('is not begun without the funds, and is an error when they are gone before it is sent', async () => {
    const world = new World();
    await expect(world.client.purchase(purchaseTerms({ slots: 10n ** 9n }))).rejects.toMatchObject({
      code: 'FUNDS_MISSING',
    });
    const { price, balance } = await world.client.quote(ASK);
    expect([price, balance]).toEqual([PRICE, RICH]);
    world.chain.stalled = true;
    const purchase = await world.client.purchase(purchaseTerms({ duration: 1300n }));
    world.chain.force({ name: 'transfer', to: address(9), amount: RICH - 1n }, CLIENT);
    world.chain.stalled = false;
    await world.seconds(10);
    expect(purchase.state).toBe('errored');
    await expect(purchase.completion).rejects.toMatchObject({ code: 'PURCHASE_FAILED' });
  });

  it('is an error when the chain takes no transaction of the account', async () => {
    const world = new World();
    const marketplace = world.chain.account(CLIENT);
    const poor = new Purchasing({
      marketplace: {
        ...marketplace,
        requestStorage: async () => {
          throw new CodexError('TRANSACTION_REFUSED', 'no coins for gas');
        },
      },
      records: new MemoryRecords(),
      clock: world.clock,
      random: world.random,
      logger: silentLogger,
      metrics: noMetrics,
    });
    poor.start();
    const purchase = await poor.purchase(purchaseTerms());
    await world.seconds(5);
    expect(purchase.state).toBe('pending');
    await world.seconds(60);
    expect(purchaseJson(purchase)).toMatchObject({ state: 'errored', error: 'no coins for gas' });
  });

  it('with a key is one purchase, however often it is asked for', async () => {
    const world = new World();
    const twice = await Promise.all([1, 2].map(() => world.client.purchase(purchaseTerms(), { key: 'k' })));
    expect(twice[0]).toBe(twice[1]);
    await world.seconds(10);
    const again = await world.start().purchase(purchaseTerms(), { key: 'k' });
    expect(again.record.id).toBe(twice[0]?.record.id);
    await expect(world.client.purchase(purchaseTerms({ duration: 999n }), { key: 'k' })).rejects.toMatchObject({
      code: 'PURCHASE_KEY_REUSED',
    });
    const other = await world.client.purchase(purchaseTerms());
    await world.seconds(10);
    expect(other.record.id).not.toBe(again.record.id);
    expect(world.chain.count('requestStorage')).toBe(2);
  });

  it('is shown as clients know it', async () => {
    const world = new World();
    const purchase = await world.buy();
    expect(purchaseJson(purchase)).toEqual({
      requestId: purchase.record.id,
      request: {
        client: CLIENT,
        ask: {
          proofProbability: '2',
          pricePerBytePerSecond: '2',
          collateralPerByte: '5',
          slots: 3,
          slotSize: 1000,
          duration: 1200,
          maxSlotLoss: 1,
        },
        content: { cid: expect.stringMatching(/^z/) },
        expiry: 300,
        nonce: expect.stringMatching(/^0x[0-9a-f]{64}$/),
        id: purchase.record.id,
      },
      state: 'submitted',
      error: null,
      expiresAt: purchase.record.expiresAt,
      endsAt: purchase.record.expiresAt! + 900,
      filledSlots: 0,
    });
  });
});

type Story = 'finished' | 'cancelled' | 'failed';

/** Plays a story to its end; restarts the client whenever it is found dead. Returns how often that was. */
async function play(world: World, story: Story): Promise<number> {
  const { chain } = world;
  let deaths = 0;
  const revive = (): void => {
    if (!world.mortal.dead) return;
    deaths++;
    world.start();
  };
  const buying = world.client.purchase(purchaseTerms(), { key: 'k' }).catch(() => {});
  await world.seconds(5);
  if (world.mortal.dead) {
    revive();
    await world.client.purchase(purchaseTerms(), { key: 'k' });
  } else await buying;
  await world.seconds(10);
  revive();
  await world.seconds(10);
  const id = world.client.list()[0]!.record.id;
  fillAll(chain, id, story === 'cancelled' ? 2 : 3);
  await world.seconds(20);
  revive();
  await world.seconds(200);
  if (story === 'failed') {
    for (const slot of [...chain.model.state.slots.values()].slice(0, 2)) {
      chain.force({ name: 'freeSlot', slotId: slot.id }, slot.host);
    }
  }
  for (let i = 0; i < 6; i++) {
    await world.seconds(300);
    revive();
  }
  return deaths;
}

const ENDS = { finished: 'finished', cancelled: 'cancelled', failed: 'errored' } as const;

describe('a client that is killed', () => {
  describe.each<Story>(['finished', 'cancelled', 'failed'])('while its purchase is being %s', (story) => {
    it.each([false, true])('at any call (answer lost: %s) pays once and gets back what is left', async (after) => {
      let atCall = 1;
      for (; ; atCall++) {
        const world = new World(atCall, { atCall, after });
        const deaths = await play(world, story);
        const where = `call ${atCall}`;
        expect(world.client.list(), where).toHaveLength(1);
        expect(world.client.list()[0]?.record, where).toMatchObject({ state: ENDS[story], settled: true });
        expect(world.chain.count('requestStorage'), where).toBe(1);
        expect(world.chain.count('withdrawFunds'), where).toBe(1);
        expect(world.chain.reverts(), where).toEqual({});
        expect(world.chain.broken, where).toEqual([]);
        if (deaths === 0) break;
      }
      expect(atCall).toBeGreaterThan(12);
    });
  });

  it.each<Story>(['finished', 'cancelled', 'failed'])(
    'and has lost its journal finds its requests, new ones to those that have %s',
    async (story) => {
      for (const lostAfter of [0, 5, 100]) {
        const world = new World(7);
        const purchase = await world.buy();
        const { id } = purchase.record;
        if (lostAfter > 0) fillAll(world.chain, id, story === 'cancelled' ? 2 : 3);
        world.mortal.kill();
        if (story === 'failed' && lostAfter > 0) {
          for (const slot of [...world.chain.model.state.slots.values()].slice(0, 2)) {
            world.chain.force({ name: 'freeSlot', slotId: slot.id }, slot.host);
          }
        }
        await world.seconds(lostAfter * 20);
        await world.records.write(new Map(world.records.list('').map(([key]) => [key, undefined])));
        world.start();
        await world.seconds(2000);
        const expected = lostAfter === 0 ? 'cancelled' : ENDS[story];
        expect(world.client.get(id)?.record).toMatchObject({
          state: expected,
          settled: true,
          request: { nonce: purchase.record.request?.nonce },
        });
        expect(world.chain.count('withdrawFunds')).toBe(1);
      }
    },
  );
});

describe('a client whose connection fails all the time', () => {
  it.each([1, 2, 3, 4, 5, 6])('pays once and settles (seed %d)', async (seed) => {
    const world = new World(seed);
    Object.assign(world.chain.faults, { refused: 0.3, unanswered: 0.3 });
    const story = (['finished', 'cancelled', 'failed'] as const)[seed % 3]!;
    world.chain.faults.refused = 0;
    const purchase = await world.client.purchase(purchaseTerms());
    world.chain.faults.refused = 0.3;
    await world.seconds(120);
    expect(purchase.state).toBe('submitted');
    fillAll(world.chain, purchase.record.id, story === 'cancelled' ? 2 : 3);
    await world.seconds(30);
    if (story === 'failed') {
      for (const slot of [...world.chain.model.state.slots.values()].slice(0, 2)) {
        world.chain.force({ name: 'freeSlot', slotId: slot.id }, slot.host);
      }
    }
    await world.seconds(3000);
    expect(purchase.record).toMatchObject({ state: ENDS[story], settled: true });
    expect(world.chain.count('requestStorage')).toBe(1);
    expect(world.chain.count('withdrawFunds')).toBe(1);
    expect(world.chain.reverts()).toEqual({});
  });
});
