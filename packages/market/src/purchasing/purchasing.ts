import { requestIdOf } from '@codex/contracts';
import { type Clock, type Counter, KeyedMutex, type Logger, type MetricsRegistry, type Random } from '@codex/runtime';
import type { Ask, Hex, Marketplace, RequestId, StorageRequest, TracedEvent } from '../chain/marketplace.ts';
import { MarketError } from '../errors.ts';
import { Backoff } from '../machine/backoff.ts';
import type { RecordStore } from '../storage/records.ts';
import { Purchase } from './purchase.ts';
import { type PurchaseRecord, purchaseRecordJson, storedPurchase } from './purchase-record.ts';
import { type PurchaseTerms, totalPrice } from './terms.ts';
import type { PurchaseState } from './transitions.ts';

export interface PurchasingComponents {
  readonly marketplace: Marketplace;
  readonly records: RecordStore;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly metrics: MetricsRegistry;
}

export interface Quote {
  /** Taken when the request is stored. */
  readonly price: bigint;
  /** What each host puts down. */
  readonly collateralPerSlot: bigint;
  /** Tokens of the account. */
  readonly balance: bigint;
}

/** Each is a machine with timers and a subscription; more than this is a fault of whoever calls. */
const PURCHASES_RUNNING_MAX = 4096;
/** The history: of more the oldest are forgotten. */
const PURCHASES_ENDED_MAX = 8192;
const KEY_LENGTH_MAX = 256;
const PURCHASE = 'purchase/';

/** What an account buys: a journal that is written before anything is sent, and a machine for each purchase. */
export class Purchasing {
  readonly #c: PurchasingComponents;
  readonly #purchases = new Map<RequestId, Purchase>();
  readonly #keys = new Map<string, RequestId>();
  readonly #running = new Set<Promise<void>>();
  readonly #mutex = new KeyedMutex();
  readonly #stopped = new AbortController();
  readonly #counters: Readonly<Record<PurchaseState, Counter>>;

  constructor(components: PurchasingComponents) {
    this.#c = components;
    this.#counters = counters(components.metrics);
  }

  /** Goes on with everything in the journal, and with requests of this account that the journal has lost. */
  start(): void {
    const { marketplace, records, logger } = this.#c;
    // Before any machine looks at the chain: nothing may happen between the look and the first event.
    marketplace
      .follow((events) => this.#heard(events), { name: 'purchasing', signal: this.#stopped.signal })
      .catch((error) => {
        if (!this.#stopped.signal.aborted) logger.error('Purchasing hears no events any more', { error });
      });
    for (const [, json] of records.list(PURCHASE)) this.#run(storedPurchase(json));
    this.#keep(this.#adopt());
  }

  async stop(): Promise<void> {
    this.#stopped.abort(new MarketError('MARKET_STOPPED', 'Purchasing was stopped'));
    await Promise.all(this.#running);
  }

  /** What a purchase would cost. */
  async quote(ask: Ask): Promise<Quote> {
    const balance = await this.#c.marketplace.balance();
    return { price: totalPrice(ask), collateralPerSlot: ask.collateralPerByte * ask.slotSize, balance };
  }

  /**
   * Buys. Resolves when the purchase is in the journal, before its transaction. `key`: two calls with the same key are one purchase, whatever
   * happens between them. Errors: `PURCHASE_KEY_REUSED` when the terms differ, `FUNDS_MISSING`, `PURCHASES_LIMIT`, `PURCHASE_INVALID`.
   */
  purchase(terms: PurchaseTerms, options: { readonly key?: string | undefined } = {}): Promise<Purchase> {
    const { key } = options;
    if (key === undefined) return this.#buy(terms, undefined);
    if (key.length === 0 || key.length > KEY_LENGTH_MAX) {
      throw new MarketError('PURCHASE_INVALID', `A key has 1 to ${KEY_LENGTH_MAX} characters`);
    }
    return this.#mutex.run(key, async () => {
      const id = this.#keys.get(key);
      const purchase = id && this.#purchases.get(id);
      if (!purchase) return this.#buy(terms, key);
      if (!isFor(purchase.record.request, terms)) {
        throw new MarketError('PURCHASE_KEY_REUSED', 'The key belongs to a purchase on other terms', { id });
      }
      return purchase;
    });
  }

  get(id: RequestId): Purchase | undefined {
    return this.#purchases.get(id);
  }

  list(): readonly Purchase[] {
    return [...this.#purchases.values()];
  }

  async #buy(terms: PurchaseTerms, key: string | undefined): Promise<Purchase> {
    const { marketplace, random } = this.#c;
    this.#stopped.signal.throwIfAborted();
    if (this.#running.size >= PURCHASES_RUNNING_MAX) {
      throw new MarketError('PURCHASES_LIMIT', `${PURCHASES_RUNNING_MAX} purchases are under way`);
    }
    const { price, balance } = await this.quote(terms.ask);
    if (balance < price) {
      throw new MarketError('FUNDS_MISSING', `The purchase costs ${price}, and the account has ${balance}`, {
        price: price.toString(),
        balance: balance.toString(),
      });
    }
    const nonce: Hex = `0x${Buffer.from(random.bytes(32)).toString('hex')}`;
    const { ask, content, expiry } = terms;
    const request: StorageRequest = { client: marketplace.account, ask, content, expiry, nonce };
    const record = { ...blank(requestIdOf(request), marketplace.clock.now()), request, key };
    await this.#save(record);
    await this.#forgetOldest();
    return this.#run(record);
  }

  /** Takes up what the chain still lists: it has money there, whatever the journal says. */
  async #adopt(): Promise<void> {
    const { marketplace, clock, random, logger } = this.#c;
    const { signal } = this.#stopped;
    const backoff = new Backoff(clock, random);
    for (;;) {
      try {
        for (const id of await marketplace.myRequests()) {
          const record = this.#purchases.get(id)?.record ?? blank(id, marketplace.clock.now());
          const ended = record.settled || record.state === 'errored';
          if (ended || !this.#purchases.has(id)) this.#run({ ...record, state: 'unknown', settled: false });
        }
        return;
      } catch (error) {
        signal.throwIfAborted();
        logger.warn('Cannot list the requests of this account', { error });
        await backoff.wait({ signal });
      }
    }
  }

  #run(record: PurchaseRecord): Purchase {
    const { marketplace, clock, random, logger } = this.#c;
    const purchase = new Purchase(
      {
        marketplace,
        clock,
        random,
        logger,
        save: (changed) => this.#save(changed),
        entered: (state) => this.#counters[state].inc(),
      },
      record,
    );
    this.#purchases.set(record.id, purchase);
    if (record.key !== undefined) this.#keys.set(record.key, record.id);
    this.#keep(purchase.run(this.#stopped.signal));
    return purchase;
  }

  #keep(work: Promise<void>): void {
    const running = work.catch((error) => {
      if (!this.#stopped.signal.aborted) this.#c.logger.error('A purchase broke off', { error });
    });
    this.#running.add(running);
    running.finally(() => this.#running.delete(running));
  }

  #save(record: PurchaseRecord): Promise<void> {
    return this.#c.records.write(new Map([[PURCHASE + record.id, purchaseRecordJson(record)]]));
  }

  async #forgetOldest(): Promise<void> {
    const ended = this.list().filter(({ record }) => record.settled || record.state === 'errored');
    const surplus = ended
      .sort((a, b) => a.record.createdAt - b.record.createdAt)
      .slice(0, Math.max(0, ended.length - PURCHASES_ENDED_MAX));
    if (surplus.length === 0) return;
    await this.#c.records.write(new Map(surplus.map(({ record }) => [PURCHASE + record.id, undefined])));
    for (const { record } of surplus) {
      this.#purchases.delete(record.id);
      if (record.key !== undefined) this.#keys.delete(record.key);
    }
  }

  #heard(events: readonly TracedEvent[]): void {
    for (const { event } of events) if ('requestId' in event) this.#purchases.get(event.requestId)?.wake();
  }
}

const blank = (id: RequestId, now: number): PurchaseRecord => ({
  id,
  request: undefined,
  key: undefined,
  state: 'pending',
  error: undefined,
  createdAt: now,
  submittedIn: undefined,
  expiresAt: undefined,
  endsAt: undefined,
  settled: false,
});

function isFor(request: StorageRequest | undefined, terms: PurchaseTerms): boolean {
  if (!request) return false;
  const same = (a: object, b: object) => {
    const other = new Map(Object.entries(b));
    return Object.entries(a).every(([name, value]) => other.get(name) === value);
  };
  return request.expiry === terms.expiry && same(request.ask, terms.ask) && same(request.content, terms.content);
}

/** The names of 13 §3. */
function counters(metrics: MetricsRegistry): Readonly<Record<PurchaseState, Counter>> {
  const counter = (name: string, help: string) => metrics.counter({ name: `codex_purchases_${name}`, help });
  return {
    pending: counter('pending', 'purchases that became pending'),
    submitted: counter('submitted', 'purchases that were submitted'),
    started: counter('started', 'purchases that started'),
    finished: counter('finished', 'purchases that finished'),
    cancelled: counter('cancelled', 'purchases that were cancelled'),
    failed: counter('failed', 'purchases that failed'),
    errored: counter('error', 'purchases that ended in an error'),
    unknown: counter('unknown', 'purchases in an unknown state'),
  };
}
