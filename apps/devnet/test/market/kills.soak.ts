import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { checkMoney } from '../../src/market/check-money.ts';
import { Market } from '../../src/market/market.ts';
import { MarketRest, type Terms } from '../../src/market/market-rest.ts';
import type { Pace } from '../../src/market/rules.ts';
import { SMALL_OFFER } from '../../src/market/scenarios/scenario.ts';
import { type Contract, done, eventOf, of, Scene } from '../../src/market/scene.ts';
import type { Sight } from '../../src/market/sight.ts';
import { openSource, type SourceFile, scenarioFile } from '../../src/source-file.ts';
import { Killer, LOG_LEVEL, type Plan } from './killer.ts';

/** A node that is killed early in a period is back, and has proved, before its end. */
const PACE: Pace = { blockSeconds: 1, periodSeconds: 15 };
const { periodSeconds: PERIOD } = PACE;
const LIFE_MS = 420_000;
/** Two proofs missed and reported, and what a busy machine takes beyond that. */
const LOSS_MS = 10 * PERIOD * 1000;
const RETRY_MS = 200;

const TERMS: Terms = {
  duration: 40 * PERIOD,
  expiry: 15 * PERIOD,
  proofProbability: 1n,
  pricePerBytePerSecond: 1n,
  collateralPerByte: 1n,
  nodes: 3,
  tolerance: 1,
};

// `KEEP=DIR` keeps what the processes have logged.
const killer = new Killer();
let source: SourceFile;
let market: Market;
let scene: Scene;

const host = (index: number) => market.node(`host-${index}`);

/** The client may be killed while it is asked, and is asked again: two calls with one key are one purchase. */
async function buy(terms: Terms, key: string): Promise<Contract> {
  const client = market.node('client');
  const upload = await client.rest.upload(source.path, { name: source.name, size: source.size });
  for (;;) {
    try {
      const requestId = await new MarketRest(client.url).buy(upload.cid, terms, { key });
      await killer.idle();
      return await scene.asked(requestId, upload);
    } catch (error) {
      const { code, data } = error as { code?: string; data?: { status?: number } };
      // Gone, or back without having reached the chain yet.
      if (code !== 'NODE_UNREACHABLE' && data?.status !== 503) throw error;
      await killer.idle();
      await sleep(RETRY_MS);
    }
  }
}

/** Resolves when everything that was planned has happened, but for what is said, and all run again. */
async function killed(left: readonly string[] = []): Promise<void> {
  const pending = () => killer.pending.filter((what) => !left.some((prefix) => what.startsWith(prefix)));
  await scene
    .when('All are killed as planned', () => (pending().length === 0 ? true : undefined), LOSS_MS)
    .catch((error: unknown) => {
      throw new Error(`Nobody came to: ${pending().join(', ')}`, { cause: error });
    });
  await killer.idle();
}

/** What makes two calls the same; a proof is due once in a period. */
const keyOf = ({ call, from, requestId, slotIndex, time, args }: Sight) =>
  [
    call,
    from,
    requestId,
    slotIndex,
    call === 'submitProof' ? Math.floor(time / PERIOD) : '',
    call === 'markProofAsMissing' ? args[1] : '',
  ].join(' ');

function expectNothingTwice(contract: Contract): void {
  const calls = of(scene.sights, contract)
    .filter(({ ok }) => ok)
    .map(keyOf);
  expect(calls.filter((key, at) => calls.indexOf(key) !== at)).toEqual([]);
}

// Not in the short form: minutes of a real clock in which real nodes prove.
describe.skipIf(process.env.SOAK === 'short')('killed with SIGKILL at every state', () => {
  beforeAll(async () => {
    source = await openSource(scenarioFile());
    market = await Market.start({
      hosts: 4,
      pace: PACE,
      directory: process.env.KEEP,
      args: [`--log-level=${LOG_LEVEL}`],
      providersOf: async (name, chain) => [await killer.endpoint(name, chain.url)],
    });
    scene = new Scene(market, {});
  }, 120_000);
  afterAll(async () => {
    await killer.end();
    await market?.stop();
  }, 60_000);

  it('of a contract that finishes, with a slot that is repaired', { timeout: LIFE_MS }, async () => {
    const plan: Plan = {
      client: [
        'purchase pending',
        'after approve',
        'before requestStorage',
        'after requestStorage',
        'purchase submitted',
        'purchase started',
        'purchase finished',
        'before withdrawFunds',
        'after withdrawFunds',
      ],
      'host-1': [
        'sale preparing',
        'before reserveSlot',
        'sale downloading',
        'before fillSlot',
        'sale proving',
        'sale payout',
      ],
      'host-2': [
        'sale slotReserving',
        'sale unknown',
        'after reserveSlot',
        'sale initialProving',
        'after fillSlot',
        'before freeSlot',
      ],
      'host-3': ['sale filling', 'sale filled', 'before submitProof', 'after submitProof', 'sale errored'],
      validator: ['before markProofAsMissing', 'after markProofAsMissing'],
      'host-4': ['sale ignored', 'sale downloading', 'after fillSlot', 'after freeSlot', 'sale finished'],
    };
    killer.begin(market, plan);
    await scene.offer(SMALL_OFFER, [1, 2, 3].map(host));
    const contract = await buy(TERMS, 'finishes');
    await scene.filled(contract);
    await killed([
      'client: purchase finished',
      'client: before withdrawFunds',
      'client: after withdrawFunds',
      'host-1: sale payout',
      'host-2: before freeSlot',
      'host-3: sale errored',
      'validator: ',
      'host-4: sale downloading',
      'host-4: after ',
      'host-4: sale finished',
    ]);
    await scene.quiet([contract]);

    // The host of one slot is gone for so long that the slot is given to another.
    await host(3).kill();
    const lost = scene.slotOf(contract, 'host-3');
    await scene.offer(SMALL_OFFER, [host(4)]);
    const isRefilled = (sight: Sight) => sight.slotIndex === lost && market.nameOf(sight.from) === 'host-4';
    await scene.when(
      'The lost slot is filled again',
      (sights) => of(done(scene.alive(sights, contract), 'fillSlot'), contract).find(isRefilled),
      LOSS_MS,
    );
    await killer.idle();
    await market.network.restart(host(3));
    await scene.quiet([contract]);
    await killer.idle();
    await scene.skipTo(contract.end, [contract]);
    await scene.paid(contract);
    await scene.refunded(contract);
    await killed();
    expectNothingTwice(contract);
    await checkMoney(market);
  });

  it('of a contract that expires', { timeout: LIFE_MS }, async () => {
    killer.begin(market, {
      client: ['purchase cancelled', 'before withdrawFunds', 'after withdrawFunds'],
      'host-1': ['sale cancelled'],
      'host-2': ['before freeSlot'],
      'host-3': ['after freeSlot'],
    });
    // One more than there are hosts.
    const contract = await buy({ ...TERMS, nodes: 5, tolerance: 2 }, 'expires');
    await scene.when(
      'Four slots are filled',
      (sights) => (of(done(sights, 'fillSlot'), contract).length === 4 ? true : undefined),
      LOSS_MS,
    );
    await scene.skipTo(contract.expiry, [contract]);
    await scene.when('All are paid', (sights) =>
      of(done(sights, 'freeSlot'), contract).length === 4 ? true : undefined,
    );
    await scene.when('The client is paid back', (sights) => of(done(sights, 'withdrawFunds'), contract)[0]);
    await killed();
    expect(eventOf(scene.sights, contract, 'RequestCancelled')).toBeDefined();
    expectNothingTwice(contract);
    await checkMoney(market);
  });

  it('of a contract that fails', { timeout: LIFE_MS }, async () => {
    const [kept, ...gone] = [1, 2, 3].map(host);
    killer.begin(market, {
      client: ['purchase failed', 'before withdrawFunds', 'after withdrawFunds', 'purchase errored'],
      'host-1': ['sale failed', 'before freeSlot', 'after freeSlot'],
      validator: ['before markProofAsMissing'],
    });
    await host(4).kill();
    const contract = await buy(TERMS, 'fails');
    await scene.filled(contract);
    await scene.quiet([contract]);
    await Promise.all(gone.map((node) => node.kill()));
    await scene.when('The request fails', (sights) => eventOf(sights, contract, 'RequestFailed'), LOSS_MS);
    await scene.when('The host that was left is paid', (sights) =>
      of(done(sights, 'freeSlot'), contract).find(({ from }) => market.nameOf(from) === kept!.name),
    );
    await scene.when('The client is paid back', (sights) => of(done(sights, 'withdrawFunds'), contract)[0]);
    await killed();
    expectNothingTwice(contract);
    await checkMoney(market);
  });
});
