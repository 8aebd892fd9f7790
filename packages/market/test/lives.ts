import { noMetrics, silentLogger } from '@codex/runtime';
import { expect } from 'vitest';
import { MemoryRecords, Validation } from '../src/index.ts';
import { MarketWorld, type TestHost } from './support/market-world.ts';
import { Mortal } from './support/mortal.ts';
import { address, purchaseTerms } from './support/requests.ts';

const VALIDATOR = address(701);

interface Life {
  readonly hosts: number;
  readonly requests: number;
  /** In steps of 20 s. */
  readonly trouble: number;
}

/**
 * A market with everything that can go wrong at once: processes of hosts and validator are killed and started again, some hosts for good,
 * connections fail, events come late and twice. When it is over nobody owes anybody anything, and nobody who kept going was slashed
 * without a miss.
 */
export async function live(seed: number, { hosts, requests, trouble }: Life): Promise<void> {
  const where = `seed ${seed}`;
  const market = new MarketWorld(seed);
  const { random, chain } = market;
  for (let i = 0; i < hosts; i++) await market.host();
  const records = new MemoryRecords();
  let mortal = new Mortal();
  const watch = () => {
    mortal.kill();
    mortal = new Mortal();
    new Validation(
      {
        marketplace: mortal.guard(chain.account(VALIDATOR)),
        records: mortal.guard(records),
        clock: mortal.clock(market.clock),
        random,
        logger: silentLogger,
        metrics: noMetrics,
      },
      { maxSlots: 0 },
    ).start();
  };
  watch();
  const ids: `0x${string}`[] = [];
  const gone = new Set<TestHost>();
  chain.hostile = true;
  Object.assign(chain.faults, { refused: 0.05, unanswered: 0.05 });
  for (let step = 0; step < trouble; step++) {
    if (ids.length < requests && random.int(4) === 0) {
      const ask = { duration: BigInt(600 + random.int(1500)), proofProbability: BigInt(1 + random.int(4)) };
      ids.push(await market.buy(purchaseTerms(ask, BigInt(250 + random.int(300)))));
    }
    await market.seconds(20);
    const host = market.hosts[random.int(hosts)]!;
    if (gone.has(host)) continue;
    const fate = random.int(40);
    if (fate === 0 && gone.size < hosts / 3) {
      host.mortal.kill();
      gone.add(host);
    } else if (fate < 4) await host.start();
    else if (fate === 4) watch();
  }
  Object.assign(chain.faults, { refused: 0, unanswered: 0 });
  // Those that were gone for good come back when all is over, and find what is left.
  await market.seconds(3000);
  for (const host of gone) await host.start();
  await market.seconds(500);
  expect(chain.broken, where).toEqual([]);
  for (const id of ids) {
    const record = market.client.get(id)?.record;
    expect(['finished', 'cancelled', 'errored'], where).toContain(record?.state);
    expect(record?.settled, where).toBe(true);
    expect(new Set(market.hostsOf(id).values()).size, where).toBe(market.hostsOf(id).size);
  }
  // Who was killed for a while may have missed a proof; whatever the chain kept is the only loss.
  expect(market.unsettled(new Set(market.hosts)), where).toEqual([]);
  let slashed = 0n;
  for (const { books } of market.hosts) {
    const [offer] = books.list();
    slashed += offer!.totalCollateral - offer!.totalRemainingCollateral;
  }
  if (chain.count('markProofAsMissing') === 0) expect(slashed, where).toBe(0n);
  // Everything that was ever paid in has left the contract.
  expect(chain.model.state.token.balanceOf(chain.model.state.address), where).toBe(0n);
}
