import type { AbortOptions, Clock, Logger } from '@codex/runtime';
import { isCodexError } from '@codex/runtime';
import { keccak256 } from 'viem';
import { MarketError } from '../../errors.ts';
import type { BlockTrail } from '../blocks/block-trail.ts';
import { isHex } from '../blocks/header.ts';
import { refusal, revertDataOf } from '../contract/reverts.ts';
import type { ChainMetrics } from '../metrics.ts';
import type { RpcAnswer, RpcCall, RpcErrorBody } from '../rpc/json-rpc.ts';
import { type RpcPool, RpcRefusal } from '../rpc/rpc-pool.ts';
import { bumpedFees, type FeesInit, feeCapOf, Price } from './fees.ts';
import type { Attempt, Entry, Intent, Journal } from './journal.ts';
import type { SentAt } from './patience.ts';
import { saidOf } from './refusals.ts';
import type { Fees, Signer } from './signer.ts';

export interface TransmitterComponents {
  readonly pool: RpcPool;
  readonly trail: BlockTrail;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: ChainMetrics;
  readonly signer: Signer;
  readonly journal: Journal;
}

export interface TransmitterInit extends FeesInit {
  readonly chainId: number;
  /** Block at which gas is estimated; `latest` where the chain knows no pending one. */
  readonly tag: () => 'pending' | 'latest';
}

/** What a new transaction needs to know. */
export interface Prepared {
  readonly gas: bigint;
  readonly fees: Fees;
  /** Transactions of the account, those in no block included. */
  readonly count: number;
}

/** A transaction is never made dearer than so many times its first price. */
const DEARER_MAX = 64n;
/** Prices that are tried when a node says that one is too low. */
const BUMPS_MAX = 8;

/** Brings transactions on their way: what they may use, who they are from, what they cost, and what nodes say to them. */
export class Transmitter {
  readonly #c: TransmitterComponents;
  readonly #init: TransmitterInit;
  readonly #signal: AbortSignal;
  readonly #price: Price;
  readonly #sentAt = new Map<Entry, { first: number; last: number }>();

  constructor(components: TransmitterComponents, init: TransmitterInit, { signal }: Required<AbortOptions>) {
    this.#c = components;
    this.#init = init;
    this.#signal = signal as AbortSignal;
    this.#price = new Price(components, init);
  }

  /** When its price was set, and when it was sent last, on the monotonic clock; undefined: not since it fell out of the chain, or the start. */
  sentAt(entry: Entry): SentAt | undefined {
    return this.#sentAt.get(entry);
  }

  forget(entry: Entry): void {
    this.#sentAt.delete(entry);
  }

  /** All that a new transaction needs to know, in one question. Errors: `MARKET_REVERTED`, `CHAIN_REFUSED`, `CHAIN_UNREACHABLE`. */
  async prepare(what: string, intent: Intent, signal: AbortSignal | undefined): Promise<Prepared> {
    const { pool, signer, trail } = this.#c;
    const { to, data, gasPercent } = intent;
    const estimate = { method: 'eth_estimateGas', params: [{ from: signer.address, to, data }, this.#init.tag()] };
    const isPriceKnown = this.#price.isFresh();
    const calls = [estimate, ...this.#counts(), ...(isPriceKnown ? [] : [this.#price.call])];
    const [estimated, ...answers] = await pool.batch(calls, { signal, atLeast: () => trail.floor });
    if (estimated?.error) throw refusal(what, estimated.error);
    if (!isHex(estimated?.result)) throw refusal(what, { code: -32603, message: 'no estimate of gas' });
    const padded = (BigInt(estimated.result) * BigInt(gasPercent) + 99n) / 100n;
    const { gasLimit } = trail.tip;
    if (!isPriceKnown) this.#price.learn(answers.pop());
    return { gas: padded > gasLimit ? gasLimit : padded, fees: this.#price.fees(), count: countOf(answers) };
  }

  /** What the network asks for now. Error: `CHAIN_UNREACHABLE`. */
  fees(signal: AbortSignal | undefined): Promise<Fees> {
    return this.#price.ask({ signal });
  }

  /** Transactions that the chain has counted, those in no block included. Error: `CHAIN_UNREACHABLE`. */
  async count(signal: AbortSignal | undefined): Promise<number> {
    const { pool, trail } = this.#c;
    return countOf(await pool.batch(this.#counts(), { signal, atLeast: () => trail.floor }));
  }

  #counts(): RpcCall[] {
    // Chains without a pending block may still count with it.
    const tags = this.#init.tag() === 'pending' ? ['pending'] : ['latest', 'pending'];
    return tags.map((tag) => ({ method: 'eth_getTransactionCount', params: [this.#c.signer.address, tag] }));
  }

  /** Error: `TRANSACTION_REFUSED`. */
  async sign(what: string, { nonce, gas, intent }: Entry, fees: Fees): Promise<Attempt> {
    const { chainId } = this.#init;
    try {
      const raw = await this.#c.signer.sign({ chainId, nonce, to: intent.to, data: intent.data, gas, fees });
      return { raw, hash: keccak256(raw), fees };
    } catch (error) {
      if (isCodexError(error)) throw error;
      const reason = (error as Error).message;
      throw new MarketError('TRANSACTION_REFUSED', `${what}: it was not signed: ${reason}`, { call: what, reason });
    }
  }

  /** Sends the newest attempt. Never throws: an answer is that of a back end that certainly refused the first attempt. */
  async broadcast(what: string, entry: Entry): Promise<RpcErrorBody | undefined> {
    const { pool, clock, logger } = this.#c;
    const now = clock.monotonic();
    const before = this.#sentAt.get(entry);
    this.#sentAt.set(entry, { first: before?.first ?? now, last: now });
    for (let bumps = 0; ; bumps++) {
      const { raw } = entry.attempts.at(-1)!;
      try {
        await pool.request('eth_sendRawTransaction', [raw], { signal: this.#signal });
        return undefined;
      } catch (error) {
        if (!(error instanceof RpcRefusal)) {
          logger.warn('A transaction could not be sent; it will be', { call: what, nonce: entry.nonce, error });
          return undefined;
        }
        const said = saidOf(error.body);
        // Known, or its nonce is used: perhaps by itself. Receipts tell.
        if (said === 'known' || said === 'used' || revertDataOf(error.body) !== undefined) return undefined;
        if (said === 'underpriced' && bumps < BUMPS_MAX && (await this.bump(what, entry))) continue;
        if (!before && !error.uncertain && entry.attempts.length === 1) return error.body;
        logger.warn('A transaction was refused; it is sent again', { call: what, reason: error.message });
        return undefined;
      }
    }
  }

  /** Signs it anew with higher fees. False: it would become too dear. */
  async bump(what: string, entry: Entry): Promise<boolean> {
    const { journal, logger, metrics } = this.#c;
    const first = entry.attempts[0]!;
    const newest = entry.attempts.at(-1)!;
    const current = await this.fees(this.#signal).catch(() => newest.fees);
    const fees = bumpedFees(newest.fees, current);
    if (feeCapOf(fees) > feeCapOf(first.fees) * DEARER_MAX) return false;
    const attempt = await this.sign(what, entry, fees);
    entry.attempts = [...entry.attempts, attempt];
    await journal.save();
    metrics.transactionsReplaced.inc();
    logger.info('Paying more for a transaction', { call: what, nonce: entry.nonce, feeCap: feeCapOf(fees) });
    return true;
  }
}

function countOf(answers: readonly RpcAnswer[]): number {
  return Math.max(0, ...answers.map(({ result }) => (isHex(result) ? Number(result) : 0)));
}
