import { EmbeddedChain } from '@codex/contracts';
import { type MetricsRegistry, noMetrics } from '@codex/runtime';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { connectMarketplace } from '../../src/index.ts';
import { HostileRpc } from './support/hostile-rpc.ts';
import { Ledger } from './support/ledger.ts';
import { idOf, MarketChain } from './support/market-chain.ts';

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

async function gateway(...args: Parameters<typeof HostileRpc.start> extends [string, ...infer R] ? R : never) {
  const proxy = await HostileRpc.start(chain.chain.url, ...args);
  proxies.push(proxy);
  return proxy;
}

describe('end points', () => {
  it('are left for the next when they are down, and taken again', async () => {
    const [a, b] = [await gateway(), await gateway()];
    const client = await chain.connect(1, { rpc: [a.url, b.url] });
    await client.requestStorage(chain.request());
    expect(b.requests).toBe(0);
    a.isDown = true;
    a.hangUp();
    await client.requestStorage(chain.request());
    a.isDown = false;
    b.isDown = true;
    b.hangUp();
    await client.requestStorage(chain.request());
    expect(await client.myRequests()).toHaveLength(3);
  });

  it('speak over a WebSocket, which wakes, and is opened again when it is lost', async () => {
    const proxy = await gateway();
    // Without being woken nothing would be noticed for an hour.
    const watcher = await chain.connect(3, { rpc: proxy.webSocketUrl, pollMs: 3_600_000 });
    const client = await chain.connect(1, { rpc: proxy.webSocketUrl });
    const ledger = new Ledger();
    void watcher.follow(ledger.listener, { name: 'socket' });
    const request = chain.request();
    await client.requestStorage(request);
    await expect.poll(() => ledger.told.length).toBe(1);
    proxy.hangUp();
    // It asks for what it may have missed, and with the question comes a new subscription.
    await expect.poll(() => proxy.calls.get('eth_chainId')).toBe(4);
    expect(await watcher.requestState(idOf(request))).toBe('new');
    await client.requestStorage(chain.request());
    await expect.poll(() => ledger.told.length).toBe(2);
    expect(ledger.faults).toEqual([]);
  });

  it('that serve another chain are not believed, at first or later', async () => {
    const proxy = await gateway();
    const client = await chain.connect(1, { rpc: [proxy.url, chain.chain.url] });
    proxy.faults = { rewrite: (method, _, result) => (method === 'eth_chainId' ? '0x1' : result) };
    proxy.isDown = true;
    proxy.hangUp();
    await client.requestStorage(chain.request());
    proxy.isDown = false;
    const before = proxy.calls.get('eth_sendRawTransaction');
    await client.requestStorage(chain.request());
    expect(proxy.calls.get('eth_sendRawTransaction')).toBe(before);
    const wrong = chain.connect(1, { rpc: chain.chain.url, chainId: 1, deadlineMs: 300 });
    await expect(wrong).rejects.toMatchObject({ code: 'CHAIN_MISMATCH' });
  });

  it('that nobody answers at are an error in time, without what is secret of their addresses', async () => {
    const proxy = await gateway();
    proxy.isDown = true;
    const url = `${proxy.url.replace('http://', 'http://user:word@')}/v3/secret`;
    const error = await chain.connect(1, { rpc: url, deadlineMs: 400 }).catch((reason: unknown) => reason);
    expect(error).toMatchObject({ code: 'CHAIN_UNREACHABLE', data: { kind: 'unreachable', places: [proxy.url] } });
    expect(JSON.stringify(error)).not.toMatch(/secret|word/);
    await expect(chain.connect(1, { rpc: 'nonsense', deadlineMs: 400 })).rejects.toMatchObject({
      code: 'CHAIN_UNREACHABLE',
    });
  });

  it('are waited for no longer than the caller wants', async () => {
    const proxy = await gateway();
    proxy.isDown = true;
    const ends = new AbortController();
    const connecting = chain.connect(1, { rpc: proxy.url, signal: ends.signal });
    ends.abort(new Error('enough'));
    await expect(connecting).rejects.toThrow('enough');
  });

  it('without batches are asked one by one', async () => {
    const proxy = await gateway({ hasNoBatches: true });
    const client = await chain.connect(1, { rpc: proxy.url });
    const request = chain.request();
    await client.requestStorage(request);
    expect(await client.requestState(idOf(request))).toBe('new');
  });

  it('are waited for while they sync', async () => {
    let asked = 0;
    const proxy = await gateway({
      rewrite: (method, _, result) => (method === 'eth_syncing' && asked++ === 0 ? { currentBlock: '0x1' } : result),
    });
    await chain.connect(1, { rpc: proxy.url });
    expect(asked).toBe(2);
  });

  it('are counted', async () => {
    const counts = new Map<string, number>();
    const add = (name: string, by = 1) => void counts.set(name, (counts.get(name) ?? 0) + by);
    const metrics: MetricsRegistry = {
      ...noMetrics,
      counter: ({ name }) => ({ inc: (by) => add(name, by) }),
      gauge: ({ name }) => ({ set: (value) => void counts.set(name, value), inc: () => {} }),
    };
    const proxy = await gateway();
    const client = await chain.connect(1, { rpc: [proxy.url, chain.chain.url], metrics });
    proxy.isDown = true;
    proxy.hangUp();
    const { blockNumber } = await client.requestStorage(chain.request());
    expect(counts.get('codex_chain_endpoint_failures')).toBeGreaterThan(0);
    expect(counts.get('codex_chain_transactions_sent')).toBe(2);
    expect(counts.get('codex_chain_head')).toBe(Number(blockNumber));
  });
});

describe('connecting', () => {
  it.each([
    ['no contract', `0x${'12'.repeat(20)}`],
    ['no address', '0x12'],
  ])('is refused with %s', async (_, address) => {
    const connecting = chain.connect(1, { marketplaceAddress: address as `0x${string}` });
    await expect(connecting).rejects.toMatchObject({ code: 'MARKETPLACE_MISSING' });
  });

  it('is refused at a contract of another kind', async () => {
    await expect(chain.connect(1, { marketplaceAddress: chain.token })).rejects.toMatchObject({
      code: 'MARKETPLACE_MISSING',
    });
  });

  it('takes the address that is known for the chain', async () => {
    const init = { rpc: chain.chain.url, key: { file: await chain.keyFile(1) } };
    const market = await connectMarketplace(init);
    expect(market.address).toBe('0x322813fd9a801c5507c9de605d63cea4f2ce6c44');
    await market.close();
    const other = new EmbeddedChain();
    await other.start();
    await expect(connectMarketplace({ ...init, rpc: other.url })).rejects.toMatchObject({
      code: 'MARKETPLACE_MISSING',
    });
    await other.stop();
  });

  it('shows the configuration, with the hash of the proving key and our own rules', async () => {
    const market = await chain.connect(1);
    expect(market.configuration.proofs).toMatchObject({ period: 10n, downtime: 64 });
    expect(market.configuration.proofs.zkeyHash).toMatch(/^[0-9a-f]{64}$/);
    expect(market.configuration.rules).toMatchObject({ maxSlotsPerHost: 1 });
    expect(market.token).toBe(chain.token);
    expect(market.chainId).toBe(31337);
    expect(market.isStale).toBe(false);
  });
});
