import { slotIdOf } from '@codex/contracts';
import { isCodexError } from '@codex/runtime';
import type { Marketplace, RequestState, Sent, StorageRequest } from '../chain/marketplace.ts';
import { MarketError } from '../errors.ts';
import { isRevert, revertOf } from '../machine/chain-errors.ts';
import { Machine, type MachineComponents } from '../machine/machine.ts';
import { Wake } from '../machine/wake.ts';
import type { PurchaseRecord } from './purchase-record.ts';
import { totalPrice } from './terms.ts';
import { PURCHASE_TRANSITIONS, type PurchaseState } from './transitions.ts';

export interface PurchaseComponents extends MachineComponents {
  readonly marketplace: Marketplace;
  /** Makes a record last. */
  readonly save: (record: PurchaseRecord) => Promise<void>;
  readonly entered: (state: PurchaseState) => void;
}

/** Events say when to look; this often it looks without one. */
const POLL_S = 180;
/** Time has passed a limit, and the chain has no block yet that says so. */
const SKEW_POLL_S = 2;
/** A back end that lags does not know a request that another one stored; after so many looks in vain the chain has forgotten it. */
const FORGOTTEN_LOOKS = 3;

/** A transaction that the chain does not take is tried so often. */
const REFUSALS_MAX = 5;

const CANCELLED = 'Purchase cancelled due to timeout';
const FAILED = 'Purchase failed';

const OF_CHAIN: Readonly<Record<RequestState, PurchaseState>> = {
  new: 'submitted',
  started: 'started',
  cancelled: 'cancelled',
  finished: 'finished',
  failed: 'failed',
};

/** One request of this account, from before it is sent until its money is back (13 §3). */
export class Purchase {
  readonly #c: PurchaseComponents;
  readonly #machine: Machine<PurchaseState>;
  readonly #wake = new Wake();
  readonly #done = Promise.withResolvers<void>();
  #record: PurchaseRecord;
  #filledSlots: number | undefined;

  constructor(components: PurchaseComponents, record: PurchaseRecord) {
    this.#c = components;
    this.#record = record;
    this.#done.promise.catch(() => {});
    this.#machine = new Machine(components, {
      transitions: PURCHASE_TRANSITIONS,
      initial: record.state,
      states: {
        pending: (signal) => this.#pending(signal),
        submitted: (signal) => this.#follow('submitted', signal),
        started: (signal) => this.#follow('started', signal),
        cancelled: (signal) => this.#settle(signal),
        finished: (signal) => this.#settle(signal),
        failed: async (signal) => {
          await this.#settle(signal);
          return 'errored';
        },
        errored: async () => undefined,
        unknown: (signal) => this.#find(signal),
      },
      enter: (state) => this.#enter(state),
      failed: (error, state, failures) => this.#failed(error, state, failures),
    });
  }

  get record(): PurchaseRecord {
    return this.#record;
  }

  get state(): PurchaseState {
    return this.#machine.state;
  }

  /** Slots that hosts have, while it waits for them and while it runs; undefined when nobody has looked yet. */
  get filledSlots(): number | undefined {
    return this.state === 'submitted' || this.state === 'started' ? this.#filledSlots : undefined;
  }

  /**
   * Resolves when the request has ended and what is left of its money is back. Error: `PURCHASE_FAILED`, with what happened; it comes after
   * the money, too.
   */
  get completion(): Promise<void> {
    return this.#done.promise;
  }

  /** Something happened to the request on the chain. */
  wake(): void {
    this.#wake.ring();
  }

  async run(signal: AbortSignal): Promise<void> {
    this.#c.logger.debug('Purchase', { id: this.#record.id, state: this.state });
    this.#c.entered(this.state);
    await this.#machine.run(signal);
    const { state, id, error } = this.#record;
    if (state === 'finished') this.#done.resolve();
    else this.#done.reject(new MarketError('PURCHASE_FAILED', error ?? CANCELLED, { id, state }));
  }

  async #pending(signal: AbortSignal): Promise<PurchaseState> {
    const { marketplace } = this.#c;
    const request = this.#request();
    // A crash may have come after the transaction: a second one would be refused, since the id is the same.
    if ((await marketplace.requestState(this.#record.id)) !== undefined) return 'submitted';
    const price = totalPrice(request.ask);
    const balance = await marketplace.balance();
    if (balance < price) {
      throw new MarketError('FUNDS_MISSING', `The purchase costs ${price}, and the account has ${balance}`, {
        price: price.toString(),
        balance: balance.toString(),
      });
    }
    let sent: Sent;
    try {
      sent = await marketplace.requestStorage(request, { signal });
    } catch (error) {
      if (isRevert(error, 'Marketplace_RequestAlreadyExists')) return 'submitted';
      throw error;
    }
    await this.#change({ submittedIn: sent.transactionHash });
    return 'submitted';
  }

  /** Waits until the chain says something other than `state` of the request. */
  async #follow(state: 'submitted' | 'started', signal: AbortSignal): Promise<PurchaseState> {
    const { marketplace } = this.#c;
    const { id } = this.#record;
    for (let forgotten = 0; ; ) {
      this.#wake.clear();
      const seen = await marketplace.requestState(id);
      if (seen === undefined) {
        if (++forgotten >= FORGOTTEN_LOOKS) return state === 'started' ? 'submitted' : 'pending';
      } else if (OF_CHAIN[seen] !== state) {
        return OF_CHAIN[seen];
      } else {
        forgotten = 0;
        await this.#learnTimes();
        await this.#countSlots();
      }
      const until = (state === 'submitted' ? this.#record.expiresAt : this.#record.endsAt) ?? 0;
      const now = marketplace.clock.now();
      const pollAt = now + (until > 0 && now > until ? SKEW_POLL_S : POLL_S);
      // At the very second of its expiry it can still start (18, 9).
      await this.#wake.wait(marketplace.clock, until >= now ? Math.min(until + 1, pollAt) : pollAt, signal);
    }
  }

  async #find(signal: AbortSignal): Promise<PurchaseState> {
    const { marketplace } = this.#c;
    for (let looks = 0; looks < FORGOTTEN_LOOKS; looks++) {
      const request = await marketplace.request(this.#record.id);
      const seen = request && (await marketplace.requestState(this.#record.id));
      if (request && seen) {
        await this.#change({ request });
        return OF_CHAIN[seen];
      }
      await this.#wake.wait(marketplace.clock, marketplace.clock.now() + POLL_S, signal);
    }
    throw new MarketError('REQUEST_UNKNOWN', 'The chain does not know the request', { id: this.#record.id });
  }

  /** Takes back what is left of the money. */
  async #settle(signal: AbortSignal): Promise<undefined> {
    const { marketplace } = this.#c;
    const { id } = this.#record;
    while (!this.#record.settled && (await this.#isOwed())) {
      this.#wake.clear();
      try {
        await marketplace.withdrawFunds(id, { signal });
        break;
      } catch (error) {
        if (isRevert(error, 'Marketplace_NothingToWithdraw')) break;
        if (!isRevert(error, 'Marketplace_InvalidState')) throw error;
        await this.#wake.wait(marketplace.clock, marketplace.clock.now() + SKEW_POLL_S, signal);
      }
    }
    if (!this.#record.settled) await this.#change({ settled: true });
    return undefined;
  }

  /** Our contracts list a request until it is withdrawn, so that nothing is sent in vain; others forget it before. */
  async #isOwed(): Promise<boolean> {
    const { marketplace } = this.#c;
    if (!marketplace.configuration.rules) return true;
    return (await marketplace.myRequests()).includes(this.#record.id);
  }

  async #countSlots(): Promise<void> {
    const { id, request } = this.#record;
    const ids = Array.from({ length: Number(request?.ask.slots ?? 0) }, (_, index) => slotIdOf(id, BigInt(index)));
    const states = await this.#c.marketplace.slotStates(ids);
    this.#filledSlots = states.filter((state) => state === 'filled').length;
  }

  async #learnTimes(): Promise<void> {
    const { marketplace } = this.#c;
    const { id, expiresAt, endsAt } = this.#record;
    if (expiresAt !== undefined && endsAt !== undefined) return;
    const expiry = Number(await marketplace.requestExpiry(id));
    await this.#change({ expiresAt: expiry, endsAt: Number(await marketplace.requestEnd(id)) });
  }

  #request(): StorageRequest {
    const { request, id } = this.#record;
    if (!request) throw new MarketError('REQUEST_UNKNOWN', 'The journal does not know the request', { id });
    return request;
  }

  async #enter(state: PurchaseState): Promise<void> {
    const error = state === 'errored' ? (this.#record.error ?? FAILED) : state === 'cancelled' ? CANCELLED : undefined;
    // What the chain had forgotten it may store at another time.
    const times = state === 'pending' ? { expiresAt: undefined, endsAt: undefined } : {};
    await this.#change({ ...times, state, error });
    this.#c.logger.info('Purchase', { id: this.#record.id, state, error });
    this.#c.entered(state);
  }

  #failed(error: unknown, state: PurchaseState, failures: number): PurchaseState | undefined {
    // Nothing was sent: for want of coins for gas, say.
    const refused = state === 'pending' && failures + 1 >= REFUSALS_MAX && isCodexError(error, 'TRANSACTION_REFUSED');
    // After these trying again would change nothing.
    const ends = refused || isCodexError(error, 'FUNDS_MISSING', 'REQUEST_UNKNOWN');
    const definite = revertOf(error) ?? (ends ? error.message : undefined);
    if (definite === undefined || state === 'submitted' || state === 'started') return undefined;
    this.#record = { ...this.#record, error: definite };
    return 'errored';
  }

  async #change(changes: Partial<PurchaseRecord>): Promise<void> {
    const record = { ...this.#record, ...changes };
    await this.#c.save(record);
    this.#record = record;
  }
}
