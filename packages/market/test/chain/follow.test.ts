import { globSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { TOPICS } from '../../src/chain/logs/event-decoder.ts';
import type { ConnectedMarketplace, Hex, TracedEvent } from '../../src/index.ts';
import { HostileRpc } from './support/hostile-rpc.ts';
import { Ledger } from './support/ledger.ts';
import { idOf, MarketChain } from './support/market-chain.ts';

let chain: MarketChain;
let client: ConnectedMarketplace;
const proxies: HostileRpc[] = [];
beforeAll(async () => {
  chain = await MarketChain.start();
});
afterEach(async () => {
  await chain.closeAll();
  for (const proxy of proxies.splice(0)) await proxy.stop();
});
afterAll(() => chain.stop());

async function hostile(...args: Parameters<typeof HostileRpc.start> extends [string, ...infer R] ? R : never) {
  const proxy = await HostileRpc.start(chain.chain.url, ...args);
  proxies.push(proxy);
  return proxy;
}

/** Blocks with one request each. */
async function requests(count: number): Promise<string[]> {
  client = await chain.connect(1);
  const ids: string[] = [];
  for (let i = 0; i < count; i++) {
    const request = chain.request({ slots: 1n, maxSlotLoss: 0n });
    await client.requestStorage(request);
    ids.push(idOf(request));
  }
  return ids;
}

const idsOf = (events: readonly TracedEvent[]) => events.map(({ event }) => event.requestId);
const time = async () =>
  Number((await chain.rpc<{ timestamp: Hex }>('eth_getBlockByNumber', ['latest', false])).timestamp);

describe('following events', () => {
  it('begins at a time, deep in history, with pages that a gateway finds too wide', async () => {
    const from = (await time()) + 1;
    await chain.chain.mineAt(BigInt(from));
    const first = await requests(3);
    // Far below what is kept of new blocks.
    await chain.chain.mine(300);
    const second = await requests(2);
    const proxy = await hostile({ logBlocksMax: 100 });
    const watcher = await chain.connect(3, { rpc: proxy.url });
    const ledger = new Ledger();
    const ends = new AbortController();
    const following = watcher.follow(ledger.listener, { name: 'deep', from, signal: ends.signal });
    await expect.poll(() => idsOf(ledger.told), { timeout: 10_000 }).toEqual([...first, ...second]);
    ends.abort();
    await following;
    expect(ledger.faults).toEqual([]);
  });

  it('goes on after a restart where it was, and with what a listener did not take', async () => {
    const dataDirectory = chain.directory();
    const ledger = new Ledger();
    const watcher = await chain.connect(3, { dataDirectory });
    const ends = new AbortController();
    let refusals = 2;
    const following = watcher.follow(
      (events) => {
        if (refusals-- > 0) throw new Error('not now');
        ledger.listener(events);
      },
      { name: 'restart', signal: ends.signal, from: watcher.clock.now() + 1_000_000 },
    );
    const first = await requests(2);
    await expect.poll(() => idsOf(ledger.told)).toEqual(first);
    ends.abort();
    await following;
    await watcher.close();
    const second = await requests(3);
    const again = await chain.connect(3, { dataDirectory });
    const ended = again.follow(ledger.listener, { name: 'restart' });
    await expect.poll(() => idsOf(ledger.told)).toEqual([...first, ...second]);
    await again.close();
    await ended;
    expect(ledger.faults).toEqual([]);
  });

  it('tells as undone what fell out while it was away', async () => {
    const dataDirectory = chain.directory();
    const ledger = new Ledger();
    const before = BigInt(await chain.rpc<Hex>('eth_blockNumber')) + 1n;
    const watcher = await chain.connect(3, { dataDirectory });
    const following = watcher.follow(ledger.listener, { name: 'away', from: watcher.clock.now() });
    const ids = await requests(2);
    await expect.poll(() => idsOf(ledger.told).slice(-2)).toEqual(ids);
    await watcher.close();
    await following;
    await client.close();
    await chain.rpc('anvil_reorg', [3, []]);
    await chain.chain.mine(2);
    const again = await chain.connect(3, { dataDirectory });
    const ended = again.follow(ledger.listener, { name: 'away' });
    await expect.poll(() => ledger.told.filter(({ undone }) => undone).length).toBeGreaterThan(0);
    await expect
      .poll(async () => ledger.keysFrom(before).join() === (await Ledger.onChain(chain, before, TOPICS)).join())
      .toBe(true);
    await again.close();
    await ended;
    expect(ledger.faults).toEqual([]);
  });

  it.each([
    ['is damaged', (text: string) => text.slice(0, -2)],
    ['is of another chain', (text: string) => text.replace('"chainId":31337', '"chainId":1')],
  ])('begins anew where a cursor %s', async (_, spoil) => {
    const dataDirectory = chain.directory();
    const watcher = await chain.connect(3, { dataDirectory });
    const following = watcher.follow(() => {}, { name: 'spoilt' });
    await expect.poll(() => globSync(join(dataDirectory, '**/events-spoilt.json')).length).toBe(1);
    await watcher.close();
    await following;
    const [file] = globSync(join(dataDirectory, '**/events-spoilt.json'));
    await writeFile(file!, spoil(await readFile(file!, 'utf8')));
    const ledger = new Ledger();
    const again = await chain.connect(3, { dataDirectory });
    const ended = again.follow(ledger.listener, { name: 'spoilt', from: (await time()) + 1 });
    const ids = await requests(1);
    await expect.poll(() => idsOf(ledger.told).slice(-1)).toEqual(ids);
    await again.close();
    await ended;
  });

  it('waits for its listener, and tells others meanwhile', async () => {
    const watcher = await chain.connect(3);
    const slow: TracedEvent[] = [];
    const quick: TracedEvent[] = [];
    const gate = Promise.withResolvers<void>();
    let calls = 0;
    const from = (await time()) + 1;
    await chain.chain.mineAt(BigInt(from));
    void watcher.follow(
      async (events) => {
        calls++;
        slow.push(...events);
        await gate.promise;
      },
      { name: 'slow', from },
    );
    void watcher.follow((events) => void quick.push(...events), { name: 'quick', from });
    const ids = await requests(3);
    await expect.poll(() => idsOf(quick)).toEqual(ids);
    expect(calls).toBe(1);
    gate.resolve();
    await expect.poll(() => idsOf(slow)).toEqual(ids);
  });

  it('does not believe filters in headers that are wrong', async () => {
    const proxy = await hostile({
      rewrite: (method, _params, result) =>
        method === 'eth_getBlockByNumber' && result
          ? { ...(result as object), logsBloom: `0x${'00'.repeat(256)}` }
          : result,
    });
    const watcher = await chain.connect(3, { rpc: proxy.url });
    const ledger = new Ledger();
    const from = (await time()) + 1;
    await chain.chain.mineAt(BigInt(from));
    void watcher.follow(ledger.listener, { name: 'blooms', from });
    const ids = await requests(3);
    await expect.poll(() => idsOf(ledger.told)).toEqual(ids);
  });

  it('asks for no logs of blocks that cannot have any, once filters have proved right', async () => {
    const proxy = await hostile({});
    const watcher = await chain.connect(3, { rpc: proxy.url });
    const ledger = new Ledger();
    const from = (await time()) + 1;
    await chain.chain.mineAt(BigInt(from));
    void watcher.follow(ledger.listener, { name: 'few', from });
    await requests(1);
    await expect.poll(() => ledger.told.length).toBe(1);
    const asked = proxy.calls.get('eth_getLogs')!;
    await chain.chain.mine(5);
    await requests(1);
    await expect.poll(() => ledger.told.length).toBe(2);
    // That of the block with the request; approvals are the token's.
    expect(proxy.calls.get('eth_getLogs')! - asked).toBe(1);
  });
});
