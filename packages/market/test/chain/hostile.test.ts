import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { TOPICS } from '../../src/chain/logs/event-decoder.ts';
import type { ConnectedMarketplace, ConnectInit, Hex } from '../../src/index.ts';
import { type Faults, HostileRpc } from './support/hostile-rpc.ts';
import { Ledger, minedBy } from './support/ledger.ts';
import { idOf, MarketChain, PROOF } from './support/market-chain.ts';

let chain: MarketChain;
const proxies: HostileRpc[] = [];
beforeAll(async () => {
  chain = await MarketChain.start();
});
afterEach(async () => {
  await chain.closeAll();
  for (const proxy of proxies.splice(0)) await proxy.stop();
});
afterAll(() => chain.stop());

async function hostile(faults: Faults, seed = 7): Promise<HostileRpc> {
  const proxy = await HostileRpc.start(chain.chain.url, faults, seed);
  proxies.push(proxy);
  return proxy;
}

const head = async () => BigInt(await chain.rpc<Hex>('eth_blockNumber'));

/** Requests, reservations and fills of a slot each, by a host that acts on what it is told; then everything is counted. */
async function trade(
  init: Partial<ConnectInit>,
  count: number,
  disturb: (round: number, isFilled: () => Promise<void>) => Promise<void> = async () => {},
  isSetBack = false,
): Promise<Ledger> {
  const from = (await head()) + 1n;
  const client = await chain.connect(1, init);
  const host = await chain.connect(2, init);
  const ledger = new Ledger();
  const ends = new AbortController();
  const following = host.follow(ledger.listener, { name: 'host', from: host.clock.now() - 1, signal: ends.signal });
  for (let round = 0; round < count; round++) {
    const request = chain.request();
    const id = idOf(request);
    const isTold = (type: string) =>
      ledger.told.some(({ event }) => event.type === type && 'requestId' in event && event.requestId === id);
    await client.requestStorage(request);
    await expect.poll(() => isTold('storageRequested'), { timeout: 10_000 }).toBe(true);
    await host.reserveSlot(id, 0n);
    await host.fillSlot(id, 0n, PROOF, 100n * 1024n);
    // What nobody was told of cannot be undone.
    await disturb(round, () => expect.poll(() => isTold('slotFilled'), { timeout: 10_000 }).toBe(true));
  }
  await expect
    .poll(async () => ledger.keysFrom(from).join() === (await Ledger.onChain(chain, from, TOPICS)).join(), {
      timeout: 10_000,
    })
    .toBe(true);
  await settle(client, host);
  ends.abort();
  await following;
  expect(ledger.faults).toEqual([]);
  const requests = await minedBy(chain, 1, from);
  const fills = await minedBy(chain, 2, from);
  // When a chain is set back, what a host did can come before what it answered to, and fails then.
  if (!isSetBack) expect([...requests, ...fills].filter(({ isSuccess }) => !isSuccess)).toEqual([]);
  expect(new Set(requests.map(({ input }) => input)).size).toBe(requests.length);
  expect(requests.length).toBe(count);
  expect(new Set(fills.map(({ input }) => input)).size).toBe(fills.length);
  expect(fills.length).toBe(2 * count);
  return ledger;
}

/** Nothing is on its way any more. */
async function settle(...markets: ConnectedMarketplace[]): Promise<void> {
  for (const market of markets) {
    const counts = () =>
      Promise.all(['latest', 'pending'].map((tag) => chain.rpc<Hex>('eth_getTransactionCount', [market.account, tag])));
    await expect.poll(async () => new Set(await counts()).size).toBe(1);
  }
}

describe('over a hostile gateway', () => {
  it('loses and doubles nothing with dropped, repeated, shuffled and refused answers', async () => {
    const proxy = await hostile({ dropBefore: 0.05, dropAfter: 0.05, tooMany: 0.03, limited: 0.02, isShuffled: true });
    await trade({ rpc: proxy.url }, 2);
    expect([...proxy.calls.keys()].filter((method) => /filter/i.test(method))).toEqual([]);
  });

  it('reads no older state than it has seen from three back ends that take turns', async () => {
    const proxy = await hostile({ lags: [0, 1, 4], isShuffled: true });
    await trade({ rpc: proxy.url }, 1);
  });

  it('works with back ends that take turns within a batch', async () => {
    const proxy = await hostile({ lags: [0, 0, 2], isScattered: true });
    // Followers and receipts; what views say within one batch is as old as the gateway makes it.
    const client = await chain.connect(1, { rpc: proxy.url });
    const ledger = new Ledger();
    const ends = new AbortController();
    const from = (await head()) + 1n;
    const following = client.follow(ledger.listener, { name: 'scattered', signal: ends.signal });
    const direct = await chain.connect(4);
    for (let i = 0; i < 5; i++) await direct.requestStorage({ ...chain.request(), client: direct.account });
    await expect.poll(async () => ledger.keys.join() === (await Ledger.onChain(chain, from, TOPICS)).join()).toBe(true);
    ends.abort();
    await following;
    expect(ledger.faults).toEqual([]);
    expect(ledger.standing.size).toBe(5);
  });

  it('follows re-organisations of depth three, and sends again what fell out', async () => {
    const proxy = await hostile({ dropAfter: 0.05, lags: [0, 0, 1], isShuffled: true });
    const ledger = await trade({ rpc: proxy.url }, 3, async (round, isFilled) => {
      if (round !== 1) return;
      await isFilled();
      await chain.rpc('anvil_reorg', [3, []]);
    });
    expect(ledger.told.some(({ undone }) => undone)).toBe(true);
  });

  it('follows a chain that was set back', async () => {
    const proxy = await hostile({ lags: [0, 1] });
    const snapshot = await chain.chain.snapshot();
    const setBack = async (round: number, isFilled: () => Promise<void>) => {
      if (round !== 0) return;
      await isFilled();
      await chain.chain.revert(snapshot);
      // Empty blocks in the place of those that are gone: only now it is sure that they are.
      await chain.chain.mine(8);
    };
    const ledger = await trade({ rpc: proxy.url }, 2, setBack, true);
    expect(ledger.told.filter(({ undone }) => undone).length).toBeGreaterThan(0);
  });
});
