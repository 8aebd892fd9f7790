import { noMetrics, type Random, seededRandom, silentLogger, VirtualClock } from '@codex/runtime';
import type { Address, RequestId } from '../../src/chain/marketplace.ts';
import {
  type AvailabilityTerms,
  MemoryRecords,
  type PurchaseTerms,
  Purchasing,
  Reservations,
  Sales,
  type SalesLimits,
} from '../../src/index.ts';
import { FakeChain } from './fake-chain.ts';
import { FakeNetwork, FakeStorage } from './fake-storage.ts';
import { MemoryQuota } from './memory-quota.ts';
import { type Death, Mortal } from './mortal.ts';
import { address, purchaseTerms } from './requests.ts';

export const OFFER: AvailabilityTerms = {
  totalSize: 4000,
  duration: 5000,
  minPricePerBytePerSecond: 1n,
  totalCollateral: 40_000n,
};

/** A host that can be killed and started again; disk and records stay. */
export class TestHost {
  readonly account: Address;
  readonly world: MarketWorld;
  readonly records = new MemoryRecords();
  readonly quota = new MemoryQuota(100_000);
  readonly storage: FakeStorage;
  readonly limits: Partial<SalesLimits>;
  /** From the next start on. */
  wrongProofEvery = 0;
  repairFrom = 1;
  mortal = new Mortal();
  sales!: Sales;
  books!: Reservations;

  constructor(world: MarketWorld, n: number, limits: Partial<SalesLimits> = {}) {
    this.world = world;
    this.account = address(100 + n);
    this.limits = limits;
    this.storage = new FakeStorage(world.network, world.clock, this.quota);
    world.chain.mint(this.account, 1_000_000_000n);
  }

  /** A new process; the old one, if any, is dead from now on. */
  async start(death?: Death): Promise<void> {
    this.mortal.kill();
    const mortal = new Mortal(death);
    this.mortal = mortal;
    this.storage.process++;
    const { clock, chain, random } = this.world;
    const shared = { records: mortal.guard(this.records), random, logger: silentLogger };
    const books = await Promise.race([
      Reservations.open({ ...shared, quota: mortal.guard(this.quota) }),
      clock.sleep(1000).then(() => undefined),
    ]);
    if (!books) return;
    this.books = books;
    this.sales = new Sales(
      {
        ...shared,
        marketplace: mortal.guard(chain.account(this.account)),
        storage: mortal.guard(this.storage),
        reservations: books,
        clock: mortal.clock(clock),
        metrics: noMetrics,
      },
      { limits: this.limits, wrongProofEvery: this.wrongProofEvery, repairFrom: this.repairFrom },
    );
    this.sales.start();
  }
}

/** A market in virtual time: one client, hosts, a chain, and a referee who looks for misses. */
export class MarketWorld {
  readonly clock = new VirtualClock(1_700_000_000_000);
  readonly random: Random;
  readonly chain: FakeChain;
  readonly network = new FakeNetwork();
  readonly client: Purchasing;
  readonly clientAccount = address(1);
  readonly hosts: TestHost[] = [];
  /** Slots that could be marked as missing, at any period's end. */
  readonly missed: string[] = [];

  constructor(seed: number, init: ConstructorParameters<typeof FakeChain>[2] = {}) {
    this.random = seededRandom(seed);
    this.chain = new FakeChain(this.clock, this.random, init);
    this.chain.mint(this.clientAccount, 10n ** 15n);
    this.client = new Purchasing({
      marketplace: this.chain.account(this.clientAccount, { refused: 0, unanswered: 0 }),
      records: new MemoryRecords(),
      clock: this.clock,
      random: this.random,
      logger: silentLogger,
      metrics: noMetrics,
    });
    this.client.start();
    this.#referee();
  }

  async host(
    limits?: Partial<SalesLimits>,
    offer: Partial<AvailabilityTerms> | undefined = {},
    other: Partial<Pick<TestHost, 'repairFrom'>> = {},
  ): Promise<TestHost> {
    const host = Object.assign(new TestHost(this, this.hosts.length, limits), other);
    this.hosts.push(host);
    await host.start();
    await host.books.create({ ...OFFER, ...offer });
    return host;
  }

  async buy(terms: PurchaseTerms = purchaseTerms()): Promise<RequestId> {
    this.network.publish(terms);
    const purchase = await this.client.purchase(terms);
    return purchase.record.id;
  }

  seconds(s: number): Promise<void> {
    return this.clock.advance(s * 1000);
  }

  balance(account: Address): bigint {
    return this.chain.model.state.token.balanceOf(account);
  }

  /** The hosts of a request's slots, by index. */
  hostsOf(id: RequestId): Map<number, Address> {
    const hosts = new Map<number, Address>();
    for (const slot of this.chain.model.state.slots.values()) {
      if (slot.requestId === id && BigInt(slot.host) !== 0n) hosts.set(Number(slot.slotIndex), slot.host);
    }
    return hosts;
  }

  /** What must hold of every host that has nothing to do: everything is as it was offered, and nothing is kept. */
  unsettled(lost: ReadonlySet<TestHost> = new Set()): string[] {
    const wrong: string[] = [...this.chain.broken];
    for (const host of this.hosts) {
      const say = (holds: boolean, text: string) => {
        if (!holds) wrong.push(`${host.account}: ${text}`);
      };
      const sales = host.sales.list().map(({ state, error }) => `${state} ${error ?? ''}`);
      say(sales.length === 0, `sales: ${sales.join()}`);
      say(host.books.reservations().length === 0, 'reservations');
      say(host.storage.slots === 0 && host.quota.usedBytes === 0, 'blocks');
      for (const offer of host.books.list()) {
        say(offer.freeSize === offer.totalSize, `free ${offer.freeSize} of ${offer.totalSize}`);
        const whole = offer.totalRemainingCollateral === offer.totalCollateral;
        say(whole || lost.has(host), `collateral ${offer.totalRemainingCollateral} of ${offer.totalCollateral}`);
      }
    }
    return wrong;
  }

  #referee(): void {
    const { chain } = this;
    const length = Number(chain.config.proofs.period);
    const period = Math.floor(chain.now() / length);
    const waitS = (period + 1) * length + 2 - chain.now();
    this.clock.schedule(waitS * 1000, () => {
      for (const slotId of chain.model.state.slots.keys()) {
        const call = { name: 'canMarkProofAsMissing', slotId, period: BigInt(period) } as const;
        if (chain.model.apply(call, address(9999), chain.pending()).ok) this.missed.push(`${slotId} ${period}`);
      }
      this.#referee();
    });
  }
}
