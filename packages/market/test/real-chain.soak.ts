import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { noMetrics, silentLogger, systemClock, systemRandom } from '@codex/runtime';
import { expect, it } from 'vitest';
import { FileRecords, Purchasing, Reservations, Sales, Validation } from '../src/index.ts';
import { MarketChain, PROOF } from './chain/support/market-chain.ts';
import { FakeNetwork, FakeStorage } from './support/fake-storage.ts';
import { OFFER } from './support/market-world.ts';
import { MemoryQuota } from './support/memory-quota.ts';
import { purchaseTerms } from './support/requests.ts';

/** Any proof is right on this chain. */
class AnyProof extends FakeStorage {
  override async prove() {
    return PROOF;
  }
}

// Not in the short form: four minutes of a real clock.
it.skipIf(process.env.SOAK === 'short')(
  'buys, sells, proves, slashes, repairs and pays on a real chain',
  async () => {
    const chain = await MarketChain.start();
    const folder = await mkdtemp(join(tmpdir(), 'market-real-'));
    const ends: (() => Promise<void>)[] = [];
    try {
      await chain.rpc('evm_setIntervalMining', [1]);
      const network = new FakeNetwork();
      const shared = { clock: systemClock, random: systemRandom, logger: silentLogger, metrics: noMetrics };
      const open = async (n: number) => {
        const records = await FileRecords.open(join(folder, `records-${n}`));
        const marketplace = await chain.connect(n, { dataDirectory: chain.directory() });
        return { ...shared, marketplace, records };
      };
      const client = new Purchasing(await open(1));
      client.start();
      ends.push(() => client.stop());
      const hosts: Sales[] = [];
      for (let n = 2; n < 6; n++) {
        const parts = await open(n);
        const quota = new MemoryQuota(100_000);
        const reservations = await Reservations.open({ ...parts, quota });
        await reservations.create({ ...OFFER });
        const storage = new AnyProof(network, systemClock, quota);
        storage.fetchTime = 1;
        const sales = new Sales({ ...parts, storage, reservations });
        sales.start();
        hosts.push(sales);
        ends.push(() => sales.stop());
      }
      const watcher = await open(6);
      const validation = new Validation(watcher, { maxSlots: 0 });
      validation.start();
      ends.push(() => validation.stop());

      const terms = purchaseTerms({ duration: 200n, proofProbability: 1n }, 60n);
      network.publish(terms);
      const before = await watcher.marketplace.balance();
      const purchase = await client.purchase(terms, { key: 'real' });
      await expect.poll(() => purchase.state, { timeout: 60_000 }).toBe('started');
      const held = hosts.filter((sales) => sales.list().some(({ state }) => state === 'proving'));
      expect(held.length).toBe(3);
      // One host is gone for good.
      const [dead] = held;
      const slotId = dead!.list()[0]!.slotId;
      await dead!.stop();
      const spare = hosts.find((sales) => !held.includes(sales))!;
      await expect.poll(() => spare.get(slotId)?.state, { timeout: 120_000, interval: 500 }).toBe('proving');
      expect(await watcher.marketplace.balance()).toBeGreaterThan(before);
      await expect.poll(() => purchase.state, { timeout: 200_000, interval: 500 }).toBe('finished');
      await purchase.completion;
      const alive = hosts.filter((sales) => sales !== dead);
      await expect.poll(() => alive.flatMap((sales) => sales.list()), { timeout: 60_000, interval: 500 }).toEqual([]);
    } finally {
      for (const end of ends) await end().catch(() => {});
      await chain.stop();
      await rm(folder, { recursive: true });
    }
  },
  400_000,
);
