import { requestIdOf, slotIdOf } from '@codex/contracts';
import { type Clock, type Logger, type MetricsRegistry, type Random, Semaphore } from '@codex/runtime';
import type { Address, Ask, Marketplace, RequestId, SlotId, TracedEvent } from '../chain/marketplace.ts';
import { MarketError } from '../errors.ts';
import { Backoff } from '../machine/backoff.ts';
import { Wake } from '../machine/wake.ts';
import type { RecordStore } from '../storage/records.ts';
import { DeadlineGate } from './deadline-gate.ts';
import type { HostStorage } from './host-storage.ts';
import { LazyRepair } from './lazy-repair.ts';
import { QueueKeeper } from './queue-keeper.ts';
import type { Reservations } from './reservations.ts';
import { Sale, type SaleInit } from './sale.ts';
import { ProofTimes, type SaleCounters, type SaleParts } from './sale-parts.ts';
import { isHostable, type SlotItem, slotCollateral, slotProfit } from './slot-item.ts';
import { SlotQueue } from './slot-queue.ts';

export interface SalesComponents {
  readonly marketplace: Marketplace;
  readonly storage: HostStorage;
  readonly reservations: Reservations;
  readonly records: RecordStore;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly metrics: MetricsRegistry;
}

/** Each kind of work has a limit of its own: one that waits minutes for a period keeps nobody from deciding. */
export interface SalesLimits {
  /** Slots that are looked at at once. */
  readonly decisionsMax: number;
  /** Slots that are reserved or fetched at once. */
  readonly transfersMax: number;
  /** Proofs at once: one takes all cores. */
  readonly proofsMax: number;
  /** Slots of one request: with more, the end of this host would be more than one loss. */
  readonly slotsPerRequestMax: number;
}

interface SalesInit {
  readonly limits?: Partial<SalesLimits>;
  /** Default: the account. */
  readonly rewardRecipient?: Address | undefined;
  /** Lost slots of a request from which on they are repaired; never more than it tolerates. Default: 1, at once. */
  readonly repairFrom?: number | undefined;
  /** Of a slot's proofs each one of so many is a wrong one, for tests. Default: 0, none. */
  readonly wrongProofEvery?: number;
}

const SALES_LIMITS: SalesLimits = { decisionsMax: 3, transfersMax: 4, proofsMax: 1, slotsPerRequestMax: 1 };
/** Each has a machine, timers and proofs to make: more than a host could prove in a period. */
const SALES_MAX = 1024;
/** Of a period, what proofs may take. */
const PROVING_SHARE = 0.75;
/** Until a proof was made nobody knows how many can be: these show it, and can be proved by any host. */
const UNPROVED_SALES_MAX = 4;
/** Between two comparisons of what the chain says is ours with what runs here. */
const RECONCILE_S = 180;
/** When all reservations of a slot are taken and never time out, it is looked at again after this. */
const LATER_S = 300;

/** A host: takes slots out of the queue as far as offers reach, and keeps every slot that the chain says is its own (14). */
export class Sales {
  readonly #c: SalesComponents;
  readonly #limits: SalesLimits;
  readonly #parts: SaleParts;
  readonly #queue = new SlotQueue();
  readonly #keeper: QueueKeeper;
  readonly #sales = new Map<SlotId, Sale>();
  readonly #running = new Set<Promise<void>>();
  readonly #stopped = new AbortController();
  readonly #changed = new Wake();
  #offImproved: (() => void) | undefined;

  constructor(components: SalesComponents, init: SalesInit = {}) {
    const { marketplace, storage, reservations, clock, random, logger, metrics } = components;
    this.#c = components;
    this.#limits = { ...SALES_LIMITS, ...init.limits };
    this.#keeper = new QueueKeeper(components.records, this.#queue);
    this.#parts = {
      marketplace,
      storage,
      reservations,
      clock,
      random,
      logger,
      transfers: new Semaphore(this.#limits.transfersMax),
      proofs: new DeadlineGate(this.#limits.proofsMax),
      proofTimes: new ProofTimes(),
      rewardRecipient: init.rewardRecipient,
      repairs: new LazyRepair(components, init.repairFrom ?? 1),
      wrongProofEvery: init.wrongProofEvery ?? 0,
      counters: counters(metrics),
    };
  }

  /** Goes on with all sales that the books or the chain know, and then with new ones. */
  start(): void {
    this.#keeper.load();
    this.#offImproved = this.#c.reservations.onImproved(() => {
      this.#queue.clearSeen();
      this.#changed.ring();
    });
    this.#keep(this.#work(), 'Sales broke off');
  }

  async stop(): Promise<void> {
    this.#offImproved?.();
    this.#stopped.abort(new MarketError('MARKET_STOPPED', 'Sales were stopped'));
    while (this.#running.size > 0) await Promise.all(this.#running);
  }

  /** The live sale of a slot. */
  get(slotId: SlotId): Sale | undefined {
    return this.#sales.get(slotId);
  }

  list(): readonly Sale[] {
    return [...this.#sales.values()];
  }

  get queued(): readonly SlotItem[] {
    return this.#queue.items;
  }

  async #work(): Promise<void> {
    const { marketplace, clock, random, logger } = this.#c;
    const { signal } = this.#stopped;
    const backoff = new Backoff(clock, random);
    // Before new slots are taken it must be known which there are: of one request a host has one.
    for (;;) {
      try {
        await this.#reconcile();
        break;
      } catch (error) {
        signal.throwIfAborted();
        logger.warn('Cannot list the slots of this host', { error });
        await backoff.wait({ signal });
      }
    }
    const from = marketplace.clock.now() - Number(marketplace.configuration.requestDurationLimit);
    this.#keep(
      marketplace.follow((events) => this.#heard(events), { name: 'sales', from, signal }),
      'Sales hear no events any more',
    );
    let reconcileAt = marketplace.clock.now() + RECONCILE_S;
    for (;;) {
      this.#changed.clear();
      const now = marketplace.clock.now();
      this.#dispatch(now);
      if (now >= reconcileAt) {
        await this.#reconcile().catch((error) => logger.warn('Cannot list the slots of this host', { error }));
        signal.throwIfAborted();
        reconcileAt = marketplace.clock.now() + RECONCILE_S;
      }
      const due = Math.min(reconcileAt, this.#queue.nextDue(now) ?? reconcileAt);
      await this.#changed.wait(marketplace.clock, due, signal);
    }
  }

  /** Begins sales of the best slots, as far as the limits go. */
  #dispatch(now: number): void {
    this.#queue.deleteExpired(now);
    const { decisionsMax, slotsPerRequestMax } = this.#limits;
    const perRequest = new Map<RequestId, number>();
    let deciding = 0;
    for (const { requestId, state } of this.#sales.values()) {
      perRequest.set(requestId, (perRequest.get(requestId) ?? 0) + 1);
      if (state === 'preparing') deciding++;
    }
    const mayTake = ({ requestId, slotIndex }: SlotItem) =>
      (perRequest.get(requestId) ?? 0) < slotsPerRequestMax && !this.#sales.has(slotIdOf(requestId, BigInt(slotIndex)));
    while (
      deciding < decisionsMax &&
      this.#sales.size < this.#salesMax() &&
      this.#parts.transfers.waiting < this.#limits.transfersMax
    ) {
      const item = this.#queue.pop(now, mayTake);
      if (!item) return;
      deciding++;
      const { requestId, slotIndex } = item;
      perRequest.set(requestId, (perRequest.get(requestId) ?? 0) + 1);
      this.#begin({ requestId, slotIndex, slotId: slotIdOf(requestId, BigInt(slotIndex)), initial: 'preparing' }, item);
    }
  }

  /** As many as could all be proved in one period, with something to spare for attempts that fail. */
  #salesMax(): number {
    const { expected } = this.#parts.proofTimes;
    if (expected === undefined) return UNPROVED_SALES_MAX;
    const periodS = Number(this.#c.marketplace.configuration.proofs.period);
    return Math.min(SALES_MAX, Math.max(1, Math.floor((PROVING_SHARE * this.#limits.proofsMax * periodS) / expected)));
  }

  #begin(init: Omit<SaleInit, 'onState'>, item?: SlotItem): void {
    const sale = new Sale(this.#parts, { ...init, onState: () => this.#changed.ring() });
    this.#sales.set(init.slotId, sale);
    if (item) this.#keeper.hold(item);
    const run = async () => {
      await sale.run(this.#stopped.signal);
      this.#sales.delete(init.slotId);
      if (item) this.#ended(sale, item);
      await this.#keeper.save();
      this.#changed.ring();
    };
    this.#keep(run(), 'A sale broke off');
  }

  #ended({ state, letGo }: Sale, item: SlotItem): void {
    this.#keeper.letGo(item);
    const now = this.#c.marketplace.clock.now();
    if (state !== 'ignored' || letGo === 'never' || item.expiry <= now) return;
    const later = letGo === 'later';
    this.#queue.push({ ...item, seen: !later, deferredUntil: later ? now + this.#laterS() : 0 });
  }

  /** After this a reservation of another host gives way. */
  #laterS(): number {
    const timeout = Number(this.#c.marketplace.configuration.rules?.reservationTimeout ?? 0n);
    return timeout > 0 ? timeout : LATER_S;
  }

  /** Every slot that the chain says is ours, and every reservation in the books, has a sale. */
  async #reconcile(): Promise<void> {
    const { marketplace, reservations } = this.#c;
    const mine = new Set(await marketplace.mySlots());
    for (const reservation of reservations.reservations()) {
      const { requestId, slotIndex } = reservation;
      const slotId = slotIdOf(requestId, BigInt(slotIndex));
      if (!this.#sales.has(slotId)) this.#begin({ requestId, slotId, slotIndex, reservation, initial: 'unknown' });
    }
    for (const slotId of mine) {
      if (this.#sales.has(slotId)) continue;
      const active = await marketplace.activeSlot(slotId);
      // In the meantime it may have been begun.
      if (!active || this.#sales.has(slotId)) continue;
      const { request } = active;
      this.#begin({
        requestId: requestIdOf(request),
        slotId,
        slotIndex: Number(active.slotIndex),
        request,
        initial: 'unknown',
      });
    }
    for (const sale of this.#sales.values()) if (sale.state === 'proving' && !mine.has(sale.slotId)) sale.wake();
  }

  async #heard(events: readonly TracedEvent[]): Promise<void> {
    for (const traced of events) await this.#hear(traced);
    await this.#keeper.save();
    this.#changed.ring();
  }

  async #hear({ event, undone }: TracedEvent): Promise<void> {
    const { requestId } = event;
    for (const sale of this.#sales.values()) if (sale.requestId === requestId) sale.wake();
    switch (event.type) {
      case 'storageRequested':
        if (undone) this.#queue.deleteRequest(requestId);
        else this.#offer(requestId, event.ask, Number(event.expiry));
        return;
      case 'slotFilled':
        this.#parts.repairs.changed(requestId, Number(event.slotIndex));
        if (undone) await this.#offerAgain(requestId, Number(event.slotIndex));
        else this.#queue.delete(requestId, Number(event.slotIndex));
        return;
      case 'slotFreed':
        this.#parts.repairs.changed(requestId, Number(event.slotIndex));
        if (undone) this.#queue.delete(requestId, Number(event.slotIndex));
        else await this.#offerAgain(requestId, Number(event.slotIndex));
        // Enough may be lost now.
        this.#queue.hasten(requestId);
        return;
      case 'slotReservationsFull': {
        const item = undone ? undefined : this.#queue.delete(requestId, Number(event.slotIndex));
        if (item) this.#queue.push({ ...item, deferredUntil: this.#c.marketplace.clock.now() + this.#laterS() });
        return;
      }
      default:
        if (!undone) this.#queue.deleteRequest(requestId);
    }
  }

  /** All slots of a new request. */
  #offer(requestId: RequestId, ask: Ask, expiry: number): void {
    const { marketplace } = this.#c;
    if (expiry <= marketplace.clock.now() || !isHostable(ask)) return;
    const seconds = Number(ask.duration);
    for (let index = 0; index < Number(ask.slots); index++) {
      this.#push(requestId, index, ask, { expiry, seconds, repair: false });
    }
  }

  /** A slot that was lost, or whose filling the chain took back. */
  async #offerAgain(requestId: RequestId, slotIndex: number): Promise<void> {
    const { marketplace } = this.#c;
    const request = await marketplace.request(requestId);
    const state = request && (await marketplace.requestState(requestId));
    if (!request || (state !== 'new' && state !== 'started') || !isHostable(request.ask)) return;
    const end = Number(await marketplace.requestEnd(requestId));
    const expiry = state === 'new' ? Number(await marketplace.requestExpiry(requestId)) : end;
    const seconds = end - marketplace.clock.now();
    this.#push(requestId, slotIndex, request.ask, { expiry, seconds, repair: true });
  }

  #push(
    requestId: RequestId,
    slotIndex: number,
    ask: Ask,
    { expiry, seconds, repair }: { expiry: number; seconds: number; repair: boolean },
  ): void {
    const { repairRewardPercentage } = this.#c.marketplace.configuration.collateral;
    this.#queue.push({
      requestId,
      slotIndex,
      slotSize: Number(ask.slotSize),
      profit: slotProfit(ask, seconds),
      collateral: slotCollateral(ask, repairRewardPercentage, repair),
      expiry,
      seen: false,
      deferredUntil: 0,
      lot: this.#c.random.float(),
    });
  }

  #keep(work: Promise<void>, failure: string): void {
    const running = work.catch((error) => {
      if (!this.#stopped.signal.aborted) this.#c.logger.error(failure, { error });
    });
    this.#running.add(running);
    running.finally(() => this.#running.delete(running));
  }
}

function counters(metrics: MetricsRegistry): SaleCounters {
  return {
    entered: metrics.counter({ name: 'codex_sales_states', help: 'states that sales came to', labels: ['state'] }),
    mismatch: metrics.counter({
      name: 'codex_reservations_availability_mismatch',
      help: 'availabilities that did not match their reservations',
    }),
    proved: metrics.counter({ name: 'codex_sales_proofs_submitted', help: 'proofs of slots that the chain has taken' }),
    missed: metrics.counter({ name: 'codex_sales_proofs_missed', help: 'proofs of slots that came too late' }),
  };
}
