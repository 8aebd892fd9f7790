import { type AbortOptions, type Logger, Semaphore } from '@codex/runtime';
import { type Abi, decodeFunctionResult, encodeFunctionData } from 'viem';
import { MarketError } from '../../errors.ts';
import type { BlockTrail } from '../blocks/block-trail.ts';
import { toQuantity } from '../blocks/header.ts';
import type { Address, Hex } from '../marketplace.ts';
import type { RpcAnswer } from '../rpc/json-rpc.ts';
import { type RpcPool, RpcRefusal } from '../rpc/rpc-pool.ts';
import { oneBlockCall, readOneBlock } from './one-block.ts';
import { refusal, revertDataOf, reverted } from './reverts.ts';

export interface ContractReaderComponents {
  readonly pool: RpcPool;
  readonly trail: BlockTrail;
  readonly logger: Logger;
}

export interface View {
  readonly address: Address;
  readonly abi: Abi;
  readonly name: string;
  readonly args?: readonly unknown[];
}

export type Tag = 'pending' | 'latest';

/** What a view said: its value, or the revert data. */
export type Said<T = unknown> = { readonly value: T } | { readonly revert: Hex };

/** The views of one block, and which block that is. */
export interface OneBlock {
  readonly number: bigint;
  /** Seconds. */
  readonly timestamp: bigint;
  readonly said: readonly Said[];
}

/** Calls of one request: providers count them, and refuse longer batches. */
const BATCH_MAX = 50;
/** Requests of one read that are under way together. */
const PARALLEL_MAX = 4;
/** Refusals that a pending block is known to cause where there is none. */
const NO_PENDING =
  /pending|block tag|tag .*not supported|unsupported block|invalid block|unknown block|not implemented/i;

/** Asks contracts, as the account. No answer is older than what is known of the chain. */
export class ContractReader {
  readonly account: Address;
  readonly #c: ContractReaderComponents;
  #pending = true;
  #together = true;

  constructor(components: ContractReaderComponents, init: { readonly account: Address }) {
    this.#c = components;
    this.account = init.account;
  }

  /** The block in which the next transaction would be, if the chain knows it. */
  get tag(): Tag {
    return this.#pending ? 'pending' : 'latest';
  }

  /** Finds out whether the chain knows a pending block, with a view that any contract answers. Errors: as `readAll`. */
  async findPending(view: View, options: AbortOptions = {}): Promise<void> {
    await this.readAll([view], { ...options, tag: 'pending' });
  }

  /** Errors: `MARKET_REVERTED`, `CHAIN_REFUSED`, `CHAIN_UNREACHABLE`. */
  async read<T>(view: View, { tag = 'latest', ...options }: AbortOptions & { readonly tag?: Tag } = {}): Promise<T> {
    const [said] = await this.readAll([view], { ...options, tag });
    return answerOf<T>(view.name, said!);
  }

  /** Asks in batches, each of one end point. Errors: `CHAIN_REFUSED`, `CHAIN_UNREACHABLE`. */
  async readAll(
    views: readonly View[],
    { tag = 'latest', signal }: AbortOptions & { readonly tag?: Tag } = {},
  ): Promise<readonly Said[]> {
    const block = tag === 'pending' ? this.tag : tag;
    const answers = await this.#batches(views, block, signal);
    if (block === 'pending' && answers.some(({ error }) => error && this.#lacksPending(error))) {
      return this.readAll(views, { tag: 'latest', ...(signal && { signal }) });
    }
    return answers.map((answer, i) => interpret(views[i]!, answer));
  }

  /**
   * Asks in a single call, so that everything is of one block. The contract that is asked does not see who asks. Undefined: this chain
   * cannot do so. Errors: as `readAll`.
   */
  async readTogether(views: readonly View[], options: AbortOptions = {}): Promise<OneBlock | undefined> {
    if (!this.#together) return undefined;
    const { pool, trail, logger } = this.#c;
    const calls = views.map((view) => ({ to: view.address, data: dataOf(view) }));
    const params = [{ data: oneBlockCall(calls) }, this.tag];
    try {
      const result = await pool.request<Hex>('eth_call', params, { ...options, atLeast: () => trail.floor });
      const { number, timestamp, results } = readOneBlock(result, calls.length);
      const said = results.map(({ isSuccess, output }, i): Said => {
        const view = views[i]!;
        if (!isSuccess) return { revert: output.slice(0, 10) as Hex };
        return { value: hasResult(view) ? decode(view, output) : undefined };
      });
      return { number, timestamp, said };
    } catch (error) {
      if (!(error instanceof RpcRefusal) && !(error instanceof RangeError)) throw error;
      if (error instanceof RpcRefusal && this.tag === 'pending' && this.#lacksPending(error.body))
        return this.readTogether(views, options);
      this.#together = false;
      logger.notice('The chain does not answer several questions in one call', { reason: error.message });
      return undefined;
    }
  }

  /** The same at a block by its number, in batches that see who asks. Errors: as `readAll`. */
  async readAt(views: readonly View[], number: bigint, { signal }: AbortOptions = {}): Promise<readonly Said[]> {
    const answers = await this.#batches(views, toQuantity(number), signal);
    return answers.map((answer, i) => interpret(views[i]!, answer));
  }

  #lacksPending({ message }: { message: string }): boolean {
    if (!this.#pending || !NO_PENDING.test(message)) return false;
    this.#pending = false;
    this.#c.logger.notice('The chain knows no pending block: the latest one is asked', { reason: message });
    return true;
  }

  async #batches(views: readonly View[], block: Tag | Hex, signal: AbortSignal | undefined): Promise<RpcAnswer[]> {
    const { pool, trail } = this.#c;
    const calls = views.map((view) => {
      const call = { from: this.account, to: view.address, data: dataOf(view) };
      return { method: 'eth_call', params: [call, block] };
    });
    const pages: (typeof calls)[] = [];
    for (let at = 0; at < calls.length; at += BATCH_MAX) pages.push(calls.slice(at, at + BATCH_MAX));
    const places = new Semaphore(PARALLEL_MAX);
    const answers = await Promise.all(
      pages.map((page) => places.run(() => pool.batch(page, { signal, atLeast: () => trail.floor }))),
    );
    return answers.flat();
  }
}

/** Error: `MARKET_REVERTED`. */
export function answerOf<T>(name: string, said: Said): T {
  if ('revert' in said) throw reverted(name, said.revert);
  return said.value as T;
}

function interpret(view: View, { result, error }: RpcAnswer): Said {
  if (error) {
    const revert = revertDataOf(error);
    if (revert === undefined) throw refusal(view.name, error);
    return { revert };
  }
  return { value: hasResult(view) ? decode(view, result as Hex) : undefined };
}

function dataOf({ abi, name, args = [] }: View): Hex {
  return encodeFunctionData({ abi, functionName: name, args });
}

function hasResult({ abi, name }: View): boolean {
  return abi.some((item) => item.type === 'function' && item.name === name && item.outputs.length > 0);
}

/** What is no answer of the function, such as that of an address without a contract, is an error. */
function decode({ abi, name }: View, data: Hex): unknown {
  try {
    return decodeFunctionResult({ abi, functionName: name, data });
  } catch (error) {
    const message = `${name}: the answer is not one of the contract`;
    throw new MarketError('CHAIN_REFUSED', message, { call: name, reason: message }, { cause: error });
  }
}
