import { expect } from 'vitest';
import { TOPICS } from '../../../src/chain/logs/event-decoder.ts';
import type { ConnectedMarketplace, ConnectInit, Hex } from '../../../src/index.ts';
import { Ledger, minedBy } from './ledger.ts';
import { idOf, type MarketChain, PROOF } from './market-chain.ts';

/** Requests, reservations and fills of a slot each, by a host that acts on what it is told; then everything is counted. */
export async function trade(
  chain: MarketChain,
  init: Partial<ConnectInit>,
  count: number,
  disturb: (round: number, isFilled: () => Promise<void>) => Promise<void> = async () => {},
  isSetBack = false,
): Promise<Ledger> {
  const from = BigInt(await chain.rpc<Hex>('eth_blockNumber')) + 1n;
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
  // What fell out of the chain at the very end comes back; and nothing more.
  await expect.poll(async () => (await minedBy(chain, 1, from)).length, { timeout: 10_000 }).toBe(count);
  await expect.poll(async () => (await minedBy(chain, 2, from)).length, { timeout: 10_000 }).toBe(2 * count);
  await expect
    .poll(async () => ledger.keysFrom(from).join() === (await Ledger.onChain(chain, from, TOPICS)).join(), {
      timeout: 10_000,
    })
    .toBe(true);
  await settle(chain, client, host);
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
async function settle(chain: MarketChain, ...markets: ConnectedMarketplace[]): Promise<void> {
  for (const market of markets) {
    const counts = () =>
      Promise.all(['latest', 'pending'].map((tag) => chain.rpc<Hex>('eth_getTransactionCount', [market.account, tag])));
    await expect.poll(async () => new Set(await counts()).size).toBe(1);
  }
}
