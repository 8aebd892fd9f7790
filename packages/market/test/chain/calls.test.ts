import { systemClock } from '@codex/runtime';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { SlotId } from '../../src/index.ts';
import { HostileRpc } from './support/hostile-rpc.ts';
import { Ledger } from './support/ledger.ts';
import { idOf, MarketChain, PROOF, slotOf } from './support/market-chain.ts';

let chain: MarketChain;
const proxies: HostileRpc[] = [];
beforeAll(async () => {
  chain = await MarketChain.start();
});
afterEach(async () => {
  await chain.rpc('evm_setAutomine', [true]);
  await chain.closeAll();
  for (const proxy of proxies.splice(0)) await proxy.stop();
});
afterAll(() => chain.stop());

async function gateway(): Promise<HostileRpc> {
  const proxy = await HostileRpc.start(chain.chain.url);
  proxies.push(proxy);
  return proxy;
}

/** Calls by method since the last time. */
function counter({ calls }: HostileRpc): () => Record<string, number> {
  let before = new Map<string, number>();
  return () => {
    const now = new Map(calls);
    const since = [...now].map(([method, count]) => [method, count - (before.get(method) ?? 0)] as const);
    before = now;
    return Object.fromEntries(since.filter(([, count]) => count > 0));
  };
}

const head = async () => Number(await chain.rpc<string>('eth_blockNumber'));

describe('over a WebSocket', () => {
  it('blocks are told, and not asked for; proofs of others are not asked for either', async () => {
    const client = await chain.connect(1);
    const host = await chain.connect(2);
    const request = chain.request({ slots: 1n, maxSlotLoss: 0n });
    await client.requestStorage(request);
    await host.reserveSlot(idOf(request), 0n);
    const proxy = await gateway();
    const watcher = await chain.connect(3, { rpc: proxy.webSocketUrl, pollMs: 3_600_000 });
    const ledger = new Ledger();
    void watcher.follow(ledger.listener, { name: 'told' });
    // The filters of this chain's blocks have proved right by then.
    await host.fillSlot(idOf(request), 0n, PROOF, 102_400n);
    await expect.poll(() => ledger.told.length).toBe(2);
    const since = counter(proxy);
    since();
    const period = Number(host.configuration.proofs.period);
    for (let i = 0; i < 5; i++) {
      const next = (Math.floor(host.clock.now() / period) + 1) * period + 1;
      await chain.chain.mineAt(BigInt(next));
      await host.clock.waitUntil(next);
      await watcher.clock.waitUntil(next);
      await host.submitProof(slotOf(request, 0), PROOF);
    }
    // Once it is heard of, so is everything before it.
    await client.requestStorage(chain.request());
    await expect.poll(() => ledger.told.length).toBe(3);
    const { eth_getLogs, eth_getBlockByNumber = 0, ...rest } = since();
    expect(eth_getLogs).toBe(1);
    // Of twelve blocks: where the gateway is late itself, it tells of one in the place of two.
    expect(eth_getBlockByNumber).toBeLessThanOrEqual(4);
    expect(rest).toEqual({});
    expect(ledger.faults).toEqual([]);
  });

  it('what was not told is asked for: gaps, and blocks that took the place of others', async () => {
    const proxy = await gateway();
    const watcher = await chain.connect(3, { rpc: proxy.webSocketUrl, pollMs: 3_600_000 });
    const ledger = new Ledger();
    void watcher.follow(ledger.listener, { name: 'gaps' });
    const client = await chain.connect(1);
    await client.requestStorage(chain.request());
    await expect.poll(() => ledger.told.length).toBe(1);
    await chain.chain.mine(9);
    await client.requestStorage(chain.request());
    await expect.poll(() => ledger.told.length).toBe(2);
    await chain.rpc('anvil_reorg', [1, []]);
    await chain.chain.mine(1);
    await expect.poll(() => ledger.told.filter(({ undone }) => undone).length).toBe(1);
    expect(ledger.faults).toEqual([]);
  });

  it('a transaction takes half a dozen calls, however long it waits for its block', async () => {
    const client = await chain.connect(1);
    const request = chain.request();
    const others = [chain.request(), chain.request()];
    await client.requestStorage(request);
    for (const other of others) await client.requestStorage(other);
    const proxy = await gateway();
    const host = await chain.connect(5, { rpc: proxy.webSocketUrl, pollMs: 3_600_000 });
    // What the network asks for is known from then on.
    await host.reserveSlot(idOf(others[0]!), 0n);
    const since = counter(proxy);
    since();
    await chain.rpc('evm_setAutomine', [false]);
    const before = await head();
    const sent = Promise.all([host.reserveSlot(idOf(request), 0n), host.reserveSlot(idOf(others[1]!), 0n)]);
    await expect.poll(() => proxy.calls.get('eth_sendRawTransaction')).toBe(3);
    await systemClock.sleep(1000);
    await chain.chain.mine(1);
    await sent;
    expect(await head()).toBe(before + 1);
    const { eth_getBlockByNumber = 0, ...rest } = since();
    // Where the gateway is late with telling.
    expect(eth_getBlockByNumber).toBeLessThanOrEqual(2);
    expect(rest).toEqual({
      eth_blockNumber: 2,
      eth_estimateGas: 2,
      eth_getTransactionCount: 2,
      eth_sendRawTransaction: 2,
      eth_getTransactionReceipt: 2,
    });
  });
});

describe('many slots', () => {
  it('are asked for together at the beginning of a period', async () => {
    const proxy = await gateway();
    const host = await chain.connect(6, { rpc: proxy.webSocketUrl, pollMs: 3_600_000 });
    const ids = Array.from({ length: 20 }, (_, i) => `0x${(i + 1).toString(16).padStart(64, '0')}` as SlotId);
    const since = counter(proxy);
    since();
    const statuses = await Promise.all(ids.map((id) => host.proofStatus(id)));
    expect(since()).toEqual({ eth_blockNumber: 1, eth_call: 1 });
    expect(new Set(statuses.map(({ challenge }) => challenge)).size).toBeGreaterThan(1);
  });
});
