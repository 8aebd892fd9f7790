import { noMetrics, silentLogger } from '@codex/runtime';
import { describe, expect, it } from 'vitest';
import { MemoryRecords, type RecordStore, Validation, type ValidatorOptions } from '../../src/index.ts';
import { MarketWorld } from '../support/market-world.ts';
import { type Death, Mortal } from '../support/mortal.ts';
import { address, fillAll, purchaseTerms } from '../support/requests.ts';

const markReverts = (market: MarketWorld): string[] =>
  Object.keys(market.chain.reverts()).filter((name) => name.startsWith('mark'));

const ALWAYS = purchaseTerms({ proofProbability: 1n });

function validator(
  market: MarketWorld,
  n: number,
  init: { options?: ValidatorOptions; records?: RecordStore; mortal?: Mortal } = {},
): Validation {
  const { options = { maxSlots: 0 }, records = new MemoryRecords(), mortal = new Mortal() } = init;
  const validation = new Validation(
    {
      marketplace: mortal.guard(market.chain.account(address(700 + n))),
      records: mortal.guard(records),
      clock: mortal.clock(market.clock),
      random: market.random,
      logger: silentLogger,
      metrics: noMetrics,
    },
    options,
  );
  validation.start();
  return validation;
}

async function started(seed: number, hosts = 3): Promise<{ market: MarketWorld; id: `0x${string}` }> {
  const market = new MarketWorld(seed);
  for (let i = 0; i < hosts; i++) await market.host();
  const id = await market.buy(ALWAYS);
  await market.seconds(280);
  expect(market.client.get(id)?.state).toBe('started');
  return { market, id };
}

describe('a validator', () => {
  it('marks every miss of a dead host once, and nothing of the others, until the slot is freed', async () => {
    const { market, id } = await started(1);
    validator(market, 1);
    await market.seconds(200);
    expect(market.chain.count('markProofAsMissing')).toBe(0);
    const [dead] = market.hosts;
    dead!.mortal.kill();
    await market.seconds(600);
    const { config } = market.chain;
    expect(market.chain.count('markProofAsMissing')).toBe(config.collateral.maxNumberOfSlashes);
    expect(market.hostsOf(id).size).toBe(2);
    expect(market.balance(address(701))).toBe(2n * 200n);
    expect(markReverts(market)).toEqual([]);
  });

  it('gives a lost slot to a spare host, and the request goes on', async () => {
    const { market, id } = await started(2);
    validator(market, 1);
    await market.host();
    market.hosts[0]!.mortal.kill();
    await market.seconds(500);
    expect(market.hostsOf(id).size).toBe(3);
    expect([...market.hostsOf(id).values()]).toContain(market.hosts[3]!.account);
    await market.hosts[0]!.start();
    await market.seconds(1200);
    expect(market.client.get(id)?.state).toBe('finished');
    expect(market.unsettled(new Set([market.hosts[0]!]))).toEqual([]);
    // The dead one has lost what the chain kept, and nothing more.
    expect(market.hosts[0]!.books.list()[0]?.totalRemainingCollateral).toBe(35_000n);
  });

  it('reports the misses of a period that ended while it was down', async () => {
    const { market } = await started(1);
    const length = Number(market.chain.config.proofs.period);
    const records = new MemoryRecords();
    const mortal = new Mortal();
    validator(market, 1, { records, mortal });
    market.hosts[0]!.mortal.kill();
    // Until the first whole period without a proof is about to end.
    await market.seconds(2 * length - (market.chain.now() % length) - 5);
    const before = market.chain.count('markProofAsMissing');
    mortal.kill();
    await market.seconds(10);
    validator(market, 1, { records });
    await market.seconds(15);
    expect(market.chain.count('markProofAsMissing')).toBe(before + 1);
    expect(markReverts(market)).toEqual([]);
  });

  it('goes on with the last period when a chain without blocks held up its marks for longer than one', async () => {
    const { market } = await started(1);
    const length = Number(market.chain.config.proofs.period);
    validator(market, 1);
    market.hosts[0]!.mortal.kill();
    await market.seconds(2 * length - (market.chain.now() % length) - 2);
    market.chain.stalled = true;
    const before = market.chain.count('markProofAsMissing');
    await market.seconds(length + 4);
    market.chain.stalled = false;
    await market.seconds(15);
    // What waited comes too late; the period that went by meanwhile, in which nobody could prove, is reported in time.
    expect(market.chain.count('markProofAsMissing: Proofs_ValidationTimedOut')).toBeGreaterThan(0);
    expect(market.chain.count('markProofAsMissing')).toBeGreaterThan(before);
  });

  it('of two groups watches its own: together they watch all, and none twice', async () => {
    const { market } = await started(3);
    const both = [0, 1].map((groupIndex) =>
      validator(market, groupIndex, { options: { maxSlots: 0, groups: 2, groupIndex } }),
    );
    await market.seconds(10);
    const watched = both.flatMap((one) => one.watched);
    expect(watched).toHaveLength(3);
    expect(new Set(watched).size).toBe(3);
  });

  it('watches no more than it may, and takes others when slots end', async () => {
    const market = new MarketWorld(4);
    for (let i = 0; i < 3; i++) await market.host();
    const limited = validator(market, 1, { options: { maxSlots: 2 } });
    await market.buy(ALWAYS);
    await market.buy(purchaseTerms({ proofProbability: 1n, duration: 2400n }));
    await market.seconds(290);
    const before = limited.watched;
    expect(before).toHaveLength(2);
    await market.seconds(1300);
    expect(limited.watched).toHaveLength(2);
    await market.seconds(1300);
    expect(limited.watched).toHaveLength(0);
  });

  it('does not race others for more than a block: three see one miss', async () => {
    const { market } = await started(5);
    for (const n of [1, 2, 3]) validator(market, n);
    market.hosts[0]!.mortal.kill();
    await market.seconds(600);
    expect(market.chain.count('markProofAsMissing')).toBe(2);
    expect(market.chain.count('markProofAsMissing: Proofs_ProofAlreadyMarkedMissing')).toBeLessThanOrEqual(2);
  });

  it('checks all slots of a period with one call', async () => {
    const market = new MarketWorld(6);
    const id = await market.buy(ALWAYS);
    await market.seconds(10);
    fillAll(market.chain, id, 3);
    validator(market, 1);
    // A round that learns the request's end, and then one that does not.
    await market.seconds(95);
    const reads = market.chain.count('reads');
    await market.seconds(Number(90 - (market.chain.now() % 90)) + 2);
    const marks = market.chain.count('markProofAsMissing');
    expect(market.chain.count('reads') - reads - marks).toBeLessThanOrEqual(1 + 3);
  });

  it.each([1, 2, 3])('with a connection that fails still marks within the window (seed %d)', async (seed) => {
    const { market, id } = await started(seed);
    validator(market, 1);
    market.hosts[0]!.mortal.kill();
    Object.assign(market.chain.faults, { refused: 0.2, unanswered: 0.2 });
    await market.seconds(500);
    expect(market.chain.count('markProofAsMissing')).toBe(2);
    expect(market.hostsOf(id).size).toBe(2);
    expect(markReverts(market)).toEqual([]);
  });

  it.each([false, true])('killed at any call (answer lost: %s) goes on where it was', async (after) => {
    for (let atCall = 1; ; atCall++) {
      const { market, id } = await started(atCall);
      const records = new MemoryRecords();
      const death: Death = { atCall, after };
      let mortal = new Mortal(death);
      validator(market, 1, { records, mortal });
      market.hosts[0]!.mortal.kill();
      let deaths = 0;
      for (let i = 0; i < 90; i++) {
        await market.seconds(7);
        if (!mortal.dead) continue;
        deaths++;
        mortal = new Mortal();
        validator(market, 1, { records, mortal });
      }
      expect(market.chain.count('markProofAsMissing'), `call ${atCall}`).toBe(2);
      expect(market.hostsOf(id).size).toBe(2);
      expect(markReverts(market)).toEqual([]);
      expect(market.chain.broken).toEqual([]);
      if (deaths === 0) {
        expect(atCall).toBeGreaterThan(5);
        break;
      }
    }
  });
});
