import { type AbortOptions, type Cancel, raceSignal, Semaphore } from '@codex/runtime';
import { MarketError } from '../../errors.ts';
import type { TrailChange } from '../blocks/block-trail.ts';
import { isHex, parseHeader, toQuantity } from '../blocks/header.ts';
import { revertDataOf, reverted } from '../contract/reverts.ts';
import type { Hex, Sent } from '../marketplace.ts';
import { RpcRefusal } from '../rpc/rpc-pool.ts';
import { type Entry, IN_FLIGHT_MAX, type Intent } from './journal.ts';
import { Patience, type PatienceInit } from './patience.ts';
import { type Receipt, receiptCalls, receiptOf, receiptsIn } from './receipt.ts';
import { Transmitter, type TransmitterComponents, type TransmitterInit } from './transmitter.ts';

export interface TransactionSenderInit extends TransmitterInit, PatienceInit {
  /** After so long, with its nonce used and no receipt, a transaction is given up for a new one. */
  readonly lostAfterMs?: number | undefined;
}

/** Receipts are asked for when there is a new block. Some chains make one for each transaction: is there one soon after it was sent … */
const CHECK_MS = 100;
/** … or later, though there should be none yet? */
const CHECK_MAX_MS = 4_000;
/** Where blocks come at a pace, or are told, that is asked only when one is late. */
const LATE = 1.25;
/** Between two looks at what seems amiss. */
const LOOK_MS = 400;
/** Some providers show receipts much later than blocks: a transaction is not called lost before this. */
const LOST_MS = 20_000;
/** Looks in a row that must agree on what cannot be taken back: that a nonce was used by somebody else, or is missing. */
const LOOKS_MIN = 5;
/** A failed transaction that used up so much of its gas may have failed for want of it. */
const USED_UP_PERCENT = 95n;
const GAS_RETRIES_MAX = 2;

/**
 * Sends what is wanted, once: nonces are counted here, each transaction is in the journal before it is on the wire, and from then on it is
 * seen through. It is sent again when nodes forget it or its block falls out of the chain, and with higher fees when it gets stuck; it
 * gets another nonce only when its own was provably used by somebody else, or when it failed for want of gas.
 */
export class TransactionSender {
  readonly #c: TransmitterComponents;
  readonly #init: TransactionSenderInit;
  readonly #transmitter: Transmitter;
  readonly #sending = new Semaphore(1);
  readonly #checking = new Semaphore(1);
  readonly #outcomes = new WeakMap<Entry, PromiseWithResolvers<Sent>>();
  readonly #looks = new Map<Entry, { readonly since: number; count: number }>();
  readonly #gasRetries = new Map<Entry, number>();
  readonly #patience: Patience;
  readonly #ended = new AbortController();
  #gapLooks = 0;
  #next = 0;
  #isCheckDue = false;
  #checkMs = CHECK_MS;
  #timer: Cancel | undefined;
  #off: Cancel | undefined;

  constructor(components: TransmitterComponents, init: TransactionSenderInit) {
    this.#c = components;
    this.#init = init;
    this.#patience = new Patience(components, init);
    this.#transmitter = new Transmitter(components, init, { signal: this.#ended.signal });
  }

  /** Takes up what the journal holds. */
  start(): void {
    const { journal, trail, logger } = this.#c;
    this.#next = journal.nextNonce;
    const { inFlight } = journal;
    if (inFlight.length > 0)
      logger.notice('Transactions of an earlier run are on their way', { count: inFlight.length });
    this.#off = trail.onChange((change) => this.#changed(change));
    this.#lookForDropped();
    this.#check();
  }

  async close(): Promise<void> {
    this.#off?.();
    this.#timer?.();
    const closed = new MarketError('CHAIN_UNREACHABLE', 'The connection to the chain is closed');
    this.#ended.abort(closed);
    for (const entry of this.#c.journal.inFlight) this.#outcome(entry).reject(closed);
    // Whatever is being written is written to its end.
    await this.#sending.run(() => {});
    await this.#checking.run(() => {});
  }

  /** Tokens that transactions on their way will take. */
  get spending(): bigint {
    return this.#c.journal.inFlight.reduce((sum, { intent }) => sum + intent.spends, 0n);
  }

  /**
   * Resolves when the intent is in a block. One that is on its way already, even from before a restart, is not sent again but waited for.
   * An aborted signal ends the waiting, not the transaction. Errors: `MARKET_REVERTED`, `TRANSACTION_REFUSED`, `CHAIN_REFUSED`, `CHAIN_UNREACHABLE`
   * (nothing was sent).
   */
  async send(what: string, intent: Intent, { signal }: AbortOptions = {}): Promise<Sent> {
    const entry = await this.dispatch(what, intent, { signal });
    return this.settled(entry, { signal });
  }

  /** Whether an intent is on its way, or came into a block unheard. */
  isKnown(key: string): boolean {
    return this.#c.journal.unclaimed(key) !== undefined;
  }

  /** Sends, and returns when the transaction has its nonce. Errors: as `send`. */
  dispatch(what: string, intent: Intent, { signal }: AbortOptions = {}): Promise<Entry> {
    this.#ended.signal.throwIfAborted();
    return this.#sending.run(
      () => this.#c.journal.unclaimed(intent.key) ?? this.#dispatch(what, intent, signal),
      signal ? { signal } : {},
    );
  }

  async settled(entry: Entry, { signal }: AbortOptions = {}): Promise<Sent> {
    const sent = entry.settled ?? (await raceSignal(this.#outcome(entry).promise, signal));
    entry.isClaimed = true;
    const { transactionHash, blockNumber, timestamp, fee } = sent;
    return { transactionHash, blockNumber, timestamp, fee };
  }

  async #dispatch(what: string, intent: Intent, signal: AbortSignal | undefined): Promise<Entry> {
    const { journal, metrics } = this.#c;
    if (journal.inFlight.length >= IN_FLIGHT_MAX) {
      throw new MarketError('TRANSACTION_REFUSED', `${what}: too many transactions are on their way`, { call: what });
    }
    const { gas, fees, count } = await this.#transmitter.prepare(what, intent, signal);
    const nonce = Math.max(this.#next, count);
    const entry: Entry = { intent, nonce, gas, attempts: [], isClaimed: false };
    entry.attempts = [await this.#transmitter.sign(what, entry, fees)];
    signal?.throwIfAborted();
    await journal.add(entry);
    this.#next = nonce + 1;
    this.#outcome(entry);
    metrics.transactionsSent.inc();
    // Where a nonce below it is missing, no block will take it.
    if (count >= nonce) this.#patience.begin(entry);
    await this.#first(what, entry);
    this.#checkMs = CHECK_MS;
    this.#arm();
    return entry;
  }

  /** Takes back what was certainly refused. Error: `TRANSACTION_REFUSED`. */
  async #first(what: string, entry: Entry): Promise<void> {
    const refused = await this.#transmitter.broadcast(what, entry);
    if (!refused) return;
    await this.#c.journal.remove(entry);
    this.#forget(entry);
    // Nobody has a higher one: this is done by one at a time.
    this.#next = entry.nonce;
    const data = { call: what, reason: refused.message, rpcCode: refused.code };
    throw new MarketError('TRANSACTION_REFUSED', `${what}: ${refused.message}`, data);
  }

  async #again(entry: Entry): Promise<void> {
    const refused = await this.#transmitter.broadcast(entry.intent.key, entry);
    if (refused) this.#c.logger.warn('A transaction is refused; it is sent again', { reason: refused.message });
  }

  #changed({ dropped }: TrailChange): void {
    if (dropped.length > 0) this.#lookForDropped();
    this.#check();
  }

  /** Transactions whose blocks fell out of the chain are on their way again. */
  #lookForDropped(): void {
    const { journal, trail, logger } = this.#c;
    for (const entry of journal.settled) {
      const { blockNumber, blockHash } = entry.settled!;
      if (blockNumber < trail.lowest.number || trail.at(blockNumber)?.hash === blockHash) continue;
      logger.notice('The block of a transaction fell out of the chain', { nonce: entry.nonce, block: blockNumber });
      entry.settled = undefined;
      // Whoever was told stays told; whoever asks from now on waits.
      this.#outcomes.delete(entry);
      this.#transmitter.forget(entry);
    }
  }

  /** Looks after what is on its way; once more if it is asked to while it does. */
  #check(): void {
    if (this.#isCheckDue || this.#ended.signal.aborted) return;
    this.#isCheckDue = true;
    void this.#checking.run(async () => {
      this.#isCheckDue = false;
      try {
        await this.#look();
      } catch (error) {
        if (!this.#ended.signal.aborted) this.#c.logger.warn('Cannot look after transactions', { error });
      }
      this.#arm();
    });
  }

  #arm(): void {
    this.#timer?.();
    const { clock, journal, trail } = this.#c;
    if (this.#ended.signal.aborted || journal.inFlight.length === 0) return;
    this.#timer = clock.schedule(this.#checkMs, () => {
      void (trail.isTold ? Promise.resolve() : trail.poll()).then(() => this.#check());
    });
    const lateMs = (trail.paceMs ?? 0) * LATE;
    this.#checkMs = Math.max(Math.min(this.#checkMs * 2, CHECK_MAX_MS), lateMs);
  }

  async #look(): Promise<void> {
    const { journal, trail, metrics } = this.#c;
    metrics.transactionsPending.set(journal.inFlight.length);
    const { number } = trail.tip;
    const due = journal.inFlight.filter((entry) => this.#isDue(entry));
    if (due.length === 0) return;
    // One question as long as the first is in no block: the others wait for its nonce.
    const [first, ...others] = due;
    // The second time nobody is asked who is behind.
    const receipts = await this.#receipts([first!], this.#patience.isDoubted(first!, number));
    if (receipts.size > 0 && others.length > 0) {
      for (const [hash, receipt] of await this.#receipts(others)) receipts.set(hash, receipt);
    }
    const missing = due.filter((entry) => !receiptOf(entry, receipts));
    for (const entry of due) {
      const receipt = receiptOf(entry, receipts);
      if (receipt) await this.#settle(entry, receipt);
    }
    if (missing.some((entry) => this.#isSuspicious(entry))) await this.#lookCloser();
    for (const entry of missing) {
      if (!entry.settled && !this.#patience.missed(entry, number)) this.#checkMs = LOOK_MS;
    }
    journal.prune(number);
  }

  /** Whether there may be news of it: a block since the last look, or something amiss. */
  #isDue(entry: Entry): boolean {
    return this.#isSuspicious(entry) || this.#patience.isOver(entry, this.#transmitter.sentAt(entry));
  }

  #isSuspicious(entry: Entry): boolean {
    const sentAt = this.#transmitter.sentAt(entry);
    return this.#gapLooks > 0 || this.#looks.has(entry) || this.#patience.isSuspicious(entry, sentAt);
  }

  async #receipts(entries: readonly Entry[], isChecked = false): Promise<Map<Hex, Receipt>> {
    const { pool, trail } = this.#c;
    const atLeast = isChecked ? () => trail.floor : undefined;
    return receiptsIn(await pool.batch(receiptCalls(entries), { signal: this.#ended.signal, atLeast }));
  }

  /** Why transactions are in no block. */
  async #lookCloser(): Promise<void> {
    const { journal, pool, signer, trail } = this.#c;
    const { inFlight } = journal;
    if (inFlight.length === 0) return;
    // The count is asked for before receipts: what it has counted must have one.
    const [counted, ...answers] = await pool.batch(
      [{ method: 'eth_getTransactionCount', params: [signer.address, 'latest'] }, ...receiptCalls(inFlight)],
      { signal: this.#ended.signal, atLeast: () => trail.floor },
    );
    const count = isHex(counted?.result) ? Number(counted.result) : 0;
    const receipts = receiptsIn(answers);
    await this.#lookForGap(inFlight[0]!, count);
    for (const [i, entry] of inFlight.entries()) {
      const receipt = receiptOf(entry, receipts);
      if (receipt) await this.#settle(entry, receipt);
      else if (count > entry.nonce) await this.#lookForLost(entry);
      else await this.#push(entry, i === 0);
    }
  }

  /** Its nonce was used, and not by any attempt at it: if it stays so, it will never be in a block and gets another nonce. */
  async #lookForLost(entry: Entry): Promise<void> {
    const now = this.#c.clock.monotonic();
    const look = this.#looks.get(entry) ?? { since: now, count: 0 };
    look.count++;
    this.#looks.set(entry, look);
    this.#checkMs = LOOK_MS;
    if (look.count < LOOKS_MIN || now - look.since < (this.#init.lostAfterMs ?? LOST_MS)) return;
    this.#c.logger.warn('The nonce of a transaction was used by another program', { nonce: entry.nonce });
    await this.#reissue(entry, entry.gas);
  }

  /** Nonces below the first on its way that nobody uses: after a re-organisation took a transaction away. They are used up by an empty one. */
  async #lookForGap(first: Entry, count: number): Promise<void> {
    this.#gapLooks = count < first.nonce ? this.#gapLooks + 1 : 0;
    if (this.#gapLooks > 0) this.#checkMs = LOOK_MS;
    if (this.#gapLooks < LOOKS_MIN) return;
    this.#gapLooks = 0;
    const { signer, journal, logger } = this.#c;
    const to = signer.address;
    const intent: Intent = { key: `gap ${count}`, to, data: '0x', gasPercent: 100, spends: 0n };
    await this.#sending.run(async () => {
      const entry: Entry = { intent, nonce: count, gas: 21_000n, attempts: [], isClaimed: true };
      const fees = await this.#transmitter.fees(this.#ended.signal);
      entry.attempts = [await this.#transmitter.sign('An empty transaction', entry, fees)];
      logger.warn('A nonce is missing in the chain; an empty transaction takes it', { nonce: count });
      await journal.add(entry);
      await this.#transmitter.broadcast('An empty transaction', entry);
    });
  }

  /** In no block yet: told again, or paid more for. Only the first is in nobody's way but its own. */
  async #push(entry: Entry, isFirst: boolean): Promise<void> {
    this.#looks.delete(entry);
    const sentAt = this.#transmitter.sentAt(entry);
    if (!sentAt) return this.#again(entry);
    if (isFirst && this.#patience.isReplaceDue(sentAt)) {
      // From now on it is the new price that is waited for.
      this.#transmitter.forget(entry);
      if (await this.#transmitter.bump(entry.intent.key, entry)) return this.#again(entry);
    }
    if (this.#patience.isAgainDue(sentAt)) await this.#again(entry);
  }

  async #settle(entry: Entry, receipt: Receipt): Promise<void> {
    const { trail, journal, pool } = this.#c;
    const { blockNumber, blockHash } = receipt;
    let header = trail.at(blockNumber);
    if (!header && blockNumber < trail.lowest.number) {
      const params = [toQuantity(blockNumber), false];
      header = parseHeader(await pool.request('eth_getBlockByNumber', params, { signal: this.#ended.signal }));
    }
    if (header?.hash !== blockHash) {
      // A back end that is ahead of what is known here, or one that has not heard of a re-organisation.
      void trail.poll();
      return;
    }
    if (!receipt.isSuccess) return this.#failed(entry, receipt, header.gasLimit);
    const { transactionHash, fee } = receipt;
    entry.settled = { transactionHash, blockNumber, blockHash, timestamp: header.timestamp, fee };
    await journal.save();
    this.#outcome(entry).resolve(entry.settled);
    this.#forget(entry);
  }

  async #failed(entry: Entry, receipt: Receipt, gasLimit: bigint): Promise<void> {
    const { journal, metrics, logger } = this.#c;
    metrics.transactionsReverted.inc();
    const { key } = entry.intent;
    const retries = this.#gasRetries.get(entry) ?? 0;
    const isUsedUp = receipt.gasUsed * 100n >= entry.gas * USED_UP_PERCENT;
    const more = entry.gas * 2n > gasLimit ? gasLimit : entry.gas * 2n;
    const found = await this.#replay(entry, receipt.blockNumber, isUsedUp ? more : entry.gas);
    // What the contract refuses with more gas, too, it does not refuse for want of it.
    if (isUsedUp && (found === undefined || found === '0x') && retries < GAS_RETRIES_MAX && entry.gas < gasLimit) {
      logger.notice('A transaction ran out of gas; it is sent again with more', { call: key, gas: entry.gas });
      this.#gasRetries.set(entry, retries + 1);
      return this.#reissue(entry, more);
    }
    await journal.remove(entry);
    const failure = reverted(key, found ?? '0x', {
      transactionHash: receipt.transactionHash,
      fee: receipt.fee.toString(),
    });
    logger.debug('A transaction failed in a block', { call: key, error: failure });
    this.#outcome(entry).reject(failure);
    this.#forget(entry);
  }

  /** With what the contract refuses it at the end of a block; undefined where it does not, `0x` where it does not say. */
  async #replay({ intent: { to, data } }: Entry, block: bigint, gas: bigint): Promise<Hex | undefined> {
    const { pool, signer } = this.#c;
    const call = { from: signer.address, to, data, gas: toQuantity(gas) };
    try {
      await pool.request('eth_call', [call, toQuantity(block)], { signal: this.#ended.signal });
      return undefined;
    } catch (error) {
      if (!(error instanceof RpcRefusal)) throw error;
      return revertDataOf(error.body) ?? '0x';
    }
  }

  /** Sends it as a new transaction: the old one can never be in a block, or has failed in one. */
  async #reissue(entry: Entry, gas: bigint): Promise<void> {
    const { signal } = this.#ended;
    await this.#sending.run(async () => {
      const fees = await this.#transmitter.fees(signal);
      const nonce = Math.max(this.#next, await this.#transmitter.count(signal));
      const attempt = await this.#transmitter.sign(entry.intent.key, { ...entry, nonce, gas }, fees);
      entry.nonce = nonce;
      entry.gas = gas;
      entry.attempts = [attempt];
      await this.#c.journal.save();
      this.#next = nonce + 1;
      this.#looks.delete(entry);
      this.#transmitter.forget(entry);
      this.#patience.begin(entry);
      await this.#again(entry);
      this.#checkMs = CHECK_MS;
    });
  }

  #outcome(entry: Entry): PromiseWithResolvers<Sent> {
    let outcome = this.#outcomes.get(entry);
    if (!outcome) {
      outcome = Promise.withResolvers<Sent>();
      // Nobody may be waiting.
      outcome.promise.catch(() => {});
      this.#outcomes.set(entry, outcome);
    }
    return outcome;
  }

  #forget(entry: Entry): void {
    this.#transmitter.forget(entry);
    this.#looks.delete(entry);
    this.#gasRetries.delete(entry);
  }
}
