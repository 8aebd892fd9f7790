import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { TOPICS } from '../../src/chain/logs/event-decoder.ts';
import type { Hex } from '../../src/index.ts';
import { type Faults, HostileRpc } from './support/hostile-rpc.ts';
import { Ledger } from './support/ledger.ts';
import { MarketChain } from './support/market-chain.ts';
import { trade } from './support/trade.ts';

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

describe('over a hostile gateway', () => {
  it('loses and doubles nothing with dropped, repeated, shuffled and refused answers', async () => {
    const proxy = await hostile({ dropBefore: 0.05, dropAfter: 0.05, tooMany: 0.03, limited: 0.02, isShuffled: true });
    await trade(chain, { rpc: proxy.url }, 2);
    expect([...proxy.calls.keys()].filter((method) => /filter/i.test(method))).toEqual([]);
  });

  it('reads no older state than it has seen from three back ends that take turns', async () => {
    const proxy = await hostile({ lags: [0, 1, 4], isShuffled: true });
    await trade(chain, { rpc: proxy.url }, 1);
  });

  it('works with back ends that take turns within a batch', async () => {
    const proxy = await hostile({ lags: [0, 0, 2], isScattered: true });
    // Followers and receipts; what views say within one batch is as old as the gateway makes it.
    const client = await chain.connect(1, { rpc: proxy.url });
    const ledger = new Ledger();
    const ends = new AbortController();
    const from = BigInt(await chain.rpc<Hex>('eth_blockNumber')) + 1n;
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
    const ledger = await trade(chain, { rpc: proxy.url }, 2, async (round, isFilled) => {
      if (round !== 0) return;
      await isFilled();
      await chain.rpc('anvil_reorg', [3, []]);
    });
    expect(ledger.told.some(({ undone }) => undone)).toBe(true);
  });

  it('is told of blocks by a socket that breaks, and finds out about those that took the place of others', async () => {
    const proxy = await hostile({ dropBefore: 0.03, dropAfter: 0.03, lags: [0, 0, 1] });
    const init = { rpc: proxy.webSocketUrl, pollMs: 1_000 };
    const ledger = await trade(chain, init, 1, async (_, isFilled) => {
      await isFilled();
      await chain.rpc('anvil_reorg', [2, []]);
      proxy.hangUp();
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
    const ledger = await trade(chain, { rpc: proxy.url }, 2, setBack, true);
    expect(ledger.told.filter(({ undone }) => undone).length).toBeGreaterThan(0);
  });
});
