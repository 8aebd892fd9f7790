import { slotIdOf } from '@codex/contracts';
import { type Clock, type Counter, type Logger, type MetricsRegistry, type Random, Semaphore } from '@codex/runtime';
import type { Marketplace, RequestId, SlotId, TracedEvent } from '../chain/marketplace.ts';
import { MarketError } from '../errors.ts';
import { Backoff } from '../machine/backoff.ts';
import { revertOf } from '../machine/chain-errors.ts';
import type { RecordStore } from '../storage/records.ts';
import { checkValidatorOptions, isWatchable, type ValidatorOptions } from './groups.ts';
import { WatchList } from './watch-list.ts';

export interface ValidationComponents {
  readonly marketplace: Marketplace;
  readonly records: RecordStore;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly metrics: MetricsRegistry;
}

/** Asked about together: the client makes few calls of them. */
const CHECK_SLOTS_MAX = 500;
/** Under way at once, with consecutive nonces; no mark waits for the block of another. */
const MARKS_AT_ONCE = 8;
/** Before the window closes a mark must be on its way: a block or so. */
const MARK_MARGIN_S = 3;
/** Of validators that see the same miss not all should send in the same block: each waits up to this part of the window. */
const SPREAD = 1 / 4;
const SPREAD_MAX_MS = 4000;
/** Between two attempts: the window is short. */
const RETRY_MS = 2000;

/** Watches filled slots, and reports proofs that are missing when a period has ended (15). */
export class Validation {
  readonly #c: ValidationComponents;
  readonly #options: ValidatorOptions;
  readonly #list: WatchList;
  readonly #running = new Set<Promise<void>>();
  readonly #stopped = new AbortController();
  readonly #marks = new Semaphore(MARKS_AT_ONCE);
  readonly #marked: Counter;
  readonly #missedRounds: Counter;

  /** Error: `VALIDATOR_INVALID`. */
  constructor(components: ValidationComponents, options: ValidatorOptions) {
    checkValidatorOptions(options);
    const { metrics, records, random } = components;
    this.#c = components;
    this.#options = options;
    this.#list = new WatchList(records, random, options.maxSlots);
    this.#marked = metrics.counter({ name: 'codex_validator_marks', help: 'missing proofs that were reported' });
    this.#missedRounds = metrics.counter({
      name: 'codex_validator_rounds_missed',
      help: 'periods whose window closed before all slots were checked',
    });
    metrics.gauge({
      name: 'codex_validator_slots',
      help: 'slots that are watched',
      collect: () => this.#list.watched.length,
    });
  }

  get watched(): readonly SlotId[] {
    return this.#list.watched;
  }

  start(): void {
    const { marketplace, logger } = this.#c;
    const { signal } = this.#stopped;
    const from = marketplace.clock.now() - Number(marketplace.configuration.requestDurationLimit);
    const following = marketplace.follow((events) => this.#heard(events), { name: 'validation', from, signal });
    for (const work of [following, this.#rounds(signal)]) {
      const running = work.catch((error) => {
        if (!signal.aborted) logger.error('Validation broke off', { error });
      });
      this.#running.add(running);
    }
  }

  async stop(): Promise<void> {
    this.#stopped.abort(new MarketError('MARKET_STOPPED', 'Validation was stopped'));
    await Promise.all(this.#running);
  }

  async #rounds(signal: AbortSignal): Promise<never> {
    const { marketplace, clock, random, logger } = this.#c;
    const { clock: chain, configuration } = marketplace;
    const length = Number(configuration.proofs.period);
    const closesAt = (period: number) => (period + 1) * length + Number(configuration.proofs.timeout) - MARK_MARGIN_S;
    // The window of the last one may be open still: after a restart, and after a round that took longer than a period.
    const last = () => Math.floor(chain.now() / length) - 1;
    const first = chain.now() < closesAt(last()) ? last() : last() + 1;
    for (let period = first; ; period = Math.max(period + 1, last())) {
      await chain.waitUntil((period + 1) * length + 1, { signal });
      const closes = closesAt(period);
      const backoff = new Backoff(clock, random);
      for (let done = false; !done; ) {
        if (chain.now() >= closes) {
          this.#missedRounds.inc();
          logger.warn('A period was not checked in time', { period });
          break;
        }
        try {
          await this.#round(period, closes, signal);
          done = true;
        } catch (error) {
          signal.throwIfAborted();
          logger.warn('A round failed; trying again', { period, error });
          await backoff.wait({ signal, longestMs: RETRY_MS });
        }
      }
    }
  }

  async #round(period: number, closes: number, signal: AbortSignal): Promise<void> {
    const { marketplace, random } = this.#c;
    const { clock: chain } = marketplace;
    this.#list.deleteEnded(chain.now());
    const slots = [...this.#list.watched];
    for (let i = slots.length - 1; i > 0; i--) {
      const j = random.int(i + 1);
      [slots[i], slots[j]] = [slots[j]!, slots[i]!];
    }
    const marks: Promise<void>[] = [];
    try {
      for (let at = 0; at < slots.length && chain.now() < closes; at += CHECK_SLOTS_MAX) {
        const part = slots.slice(at, at + CHECK_SLOTS_MAX);
        for (const slotId of await marketplace.canMarkAsMissing(part, BigInt(period))) {
          marks.push(this.#marks.run(() => this.#mark(slotId, period, closes, signal)));
        }
      }
    } finally {
      await Promise.all(marks);
    }
    await this.#learnEnds();
    await this.#list.save();
  }

  async #mark(slotId: SlotId, period: number, closes: number, signal: AbortSignal): Promise<void> {
    const { marketplace, clock, random, logger } = this.#c;
    const { clock: chain } = marketplace;
    const spreadMs = Math.min(SPREAD_MAX_MS, SPREAD * 1000 * (closes - chain.now()));
    try {
      await clock.sleep(random.float() * Math.max(0, spreadMs), { signal });
      const backoff = new Backoff(clock, random);
      while (chain.now() < closes) {
        try {
          // Another validator may have been faster; also when an answer was lost.
          if ((await marketplace.canMarkAsMissing([slotId], BigInt(period))).length === 0) return;
          await marketplace.markAsMissing(slotId, BigInt(period), { signal });
          this.#marked.inc();
          return;
        } catch (error) {
          signal.throwIfAborted();
          if (revertOf(error) !== undefined) return;
          logger.warn('A missing proof could not be reported; trying again', { slotId, period, error });
          await backoff.wait({ signal, longestMs: RETRY_MS });
        }
      }
    } catch (error) {
      if (!signal.aborted) throw error;
    }
  }

  /** One call for each new request, so that slots are let go at its end without a call for each. */
  async #learnEnds(): Promise<void> {
    for (const requestId of this.#list.endless()) {
      this.#list.learnEnd(requestId, Number(await this.#c.marketplace.requestEnd(requestId)));
    }
  }

  async #heard(events: readonly TracedEvent[]): Promise<void> {
    for (const { event, undone } of events) {
      switch (event.type) {
        case 'slotFilled':
        case 'slotFreed': {
          const slotId = slotIdOf(event.requestId, event.slotIndex);
          if ((event.type === 'slotFilled') !== undone) this.#watch(slotId, event.requestId);
          else this.#list.delete(slotId);
          break;
        }
        case 'requestFailed':
        case 'requestCancelled':
          if (!undone) this.#list.deleteRequest(event.requestId);
          break;
      }
    }
    await this.#list.save();
  }

  #watch(slotId: SlotId, requestId: RequestId): void {
    if (!isWatchable(slotId, this.#options)) return;
    if (!this.#list.add(slotId, requestId, this.#list.endOf(requestId))) {
      this.#c.logger.warn('Too many slots to watch', { slotId });
    }
  }
}
