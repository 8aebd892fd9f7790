import { networkConfig } from '@codex/contracts';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { CodexNode } from '../../src/index.ts';
import { pattern } from '../node/fixture.ts';
import { call, MarketNet } from './support/market-net.ts';

const HOSTS = 3;
const BYTES = 400_000;
const local = networkConfig('test');
/** Three hosts share two cores here: a proof each must fit into half of a period. */
const NETWORK = {
  ...local,
  config: { ...local.config, proofs: { ...local.config.proofs, period: 20n, timeout: 10n } },
};
const OFFER = {
  totalSize: '4000000',
  duration: '3600',
  minPricePerBytePerSecond: '1',
  totalCollateral: '100000000000',
};

let net: MarketNet;
let client: CodexNode;
let hosts: CodexNode[];

beforeAll(async () => {
  net = await MarketNet.start({ network: NETWORK, samples: 1 });
  client = await net.node(1);
  hosts = [];
  for (let i = 0; i < HOSTS; i++) {
    hosts.push(await net.node(2 + i, 'prover', '--proof-samples=1', ...(i === 0 ? ['--validator'] : [])));
  }
  await net.blocksEvery(1);
}, 180_000);
afterAll(() => net.stop());

// Not in the short form: minutes of a real clock, and a host on an overloaded machine proves too late, as it should not.
it.skipIf(process.env.SOAK === 'short')(
  'a file is bought, hosted by as many hosts as it has slots, and outlives its client',
  async () => {
    for (const host of hosts) expect((await call(host, 'POST', '/sales/availability', OFFER)).status).toBe(201);
    const file = pattern(BYTES, 7);
    const { text: cid } = await call(client, 'POST', '/data', file);
    const wish = {
      duration: '300',
      proofProbability: '1',
      pricePerBytePerSecond: '1',
      collateralPerByte: '1',
      expiry: '240',
    };
    const query = new URLSearchParams({ ...wish, nodes: '3', tolerance: '1' });
    const quote = JSON.parse((await call(client, 'GET', `/storage/request/${cid}?${query}`)).text);
    expect(quote).toMatchObject({
      slots: 3,
      slotSize: 262_144,
      price: String(3 * 262_144 * 300),
      collateralPerSlot: '262144',
    });
    const headers = { 'idempotency-key': 'once' };
    const [first, second] = [
      await call(client, 'POST', `/storage/request/${cid}`, wish, headers),
      await call(client, 'POST', `/storage/request/${cid}`, wish, headers),
    ];
    expect(first.status, first.text).toBe(200);
    expect(second).toEqual(first);

    const purchase = async () => JSON.parse((await call(client, 'GET', `/storage/purchases/${first.text}`)).text);
    await expect.poll(async () => (await purchase()).state, { timeout: 250_000, interval: 1000 }).toBe('started');
    const slots = await Promise.all(
      hosts.map(async (host) => JSON.parse((await call(host, 'GET', '/sales/slots')).text)),
    );
    expect(slots.map((mine) => mine.length)).toEqual([1, 1, 1]);
    expect(slots.map(([{ slotIndex }]) => slotIndex).sort()).toEqual([0, 1, 2]);
    for (const [i, [slot]] of slots.entries()) {
      const sale = JSON.parse((await call(hosts[i]!, 'GET', `/sales/slots/${slot.id}`)).text);
      expect(sale).toMatchObject({ state: 'SaleProving', requestId: `0x${first.text}`, slotIndex: slot.slotIndex });
    }

    await expect.poll(async () => (await purchase()).state, { timeout: 400_000, interval: 1000 }).toBe('finished');
    for (const host of hosts) {
      await expect
        .poll(async () => JSON.parse((await call(host, 'GET', '/sales/slots')).text), {
          timeout: 60_000,
          interval: 1000,
        })
        .toEqual([]);
      const offer = async () => JSON.parse((await call(host, 'GET', '/sales/availability')).text)[0];
      await expect.poll(offer, { timeout: 60_000, interval: 1000 }).toMatchObject({ freeSize: 4_000_000 });
      // On a machine that does too much at once a proof may come late: then a part of the collateral stays with the chain.
      const lost = BigInt(OFFER.totalCollateral) - BigInt((await offer()).totalRemainingCollateral);
      expect(lost).toBeLessThan(262_144n / 2n);
      // What was kept for the slot is gone.
      expect(JSON.parse((await call(host, 'GET', '/space')).text)).toMatchObject({
        quotaUsedBytes: 0,
        quotaReservedBytes: 4_000_000,
      });
    }
  },
  800_000,
);
