import type { AbortOptions, Clock } from '@codex/runtime';
import type { BlockTrail } from '../blocks/block-trail.ts';
import { isHex } from '../blocks/header.ts';
import type { RpcAnswer, RpcCall } from '../rpc/json-rpc.ts';
import type { RpcPool } from '../rpc/rpc-pool.ts';
import type { Fees } from './signer.ts';

export interface FeesInit {
  /** Wei; where the network names none. */
  readonly maxPriorityFeePerGas?: bigint | undefined;
}

/** One gwei, as the reference gives (16 §5). */
const PRIORITY_FEE = 1_000_000_000n;
/** The base fee can double within six blocks; more is waited out. */
const BASE_FEE_FACTOR = 2n;
/** Nodes take a replacement only if each of its fees is higher by a tenth at least; an eighth is safe (16, Do better). */
const BUMP_NUMERATOR = 1125n;
const BUMP_DENOMINATOR = 1000n;

/** What nodes recommend changes slowly; what blocks themselves cost is in their headers. */
const NAMED_FRESH_MS = 60_000;

export interface PriceComponents {
  readonly pool: RpcPool;
  readonly trail: Pick<BlockTrail, 'tip'>;
  readonly clock: Clock;
}

/** What the network asks for a unit of gas. */
export class Price {
  readonly #c: PriceComponents;
  readonly #init: FeesInit;
  #named: { readonly method: string; readonly value: bigint | undefined; readonly at: number } | undefined;

  constructor(components: PriceComponents, init: FeesInit) {
    this.#c = components;
    this.#init = init;
  }

  /** Asks for what is not in headers. */
  get call(): RpcCall {
    const { baseFeePerGas } = this.#c.trail.tip;
    return { method: baseFeePerGas === undefined ? 'eth_gasPrice' : 'eth_maxPriorityFeePerGas' };
  }

  isFresh(): boolean {
    const named = this.#named;
    return named?.method === this.call.method && this.#c.clock.monotonic() - named.at < NAMED_FRESH_MS;
  }

  learn(answer: RpcAnswer | undefined): void {
    const value = isHex(answer?.result) ? BigInt(answer.result) : undefined;
    this.#named = { method: this.call.method, value, at: this.#c.clock.monotonic() };
  }

  fees(): Fees {
    const { baseFeePerGas } = this.#c.trail.tip;
    const named = this.#named?.value;
    if (baseFeePerGas === undefined) return { gasPrice: named ?? PRIORITY_FEE };
    const priority = named ?? this.#init.maxPriorityFeePerGas ?? PRIORITY_FEE;
    return { maxFeePerGas: baseFeePerGas * BASE_FEE_FACTOR + priority, maxPriorityFeePerGas: priority };
  }

  /** Asked anew. Errors: those of `RpcPool.batch`. */
  async ask(options: AbortOptions): Promise<Fees> {
    const [answer] = await this.#c.pool.batch([this.call], options);
    this.learn(answer);
    return this.fees();
  }
}

const bump = (fee: bigint) => (fee * BUMP_NUMERATOR + BUMP_DENOMINATOR - 1n) / BUMP_DENOMINATOR;
const larger = (a: bigint, b: bigint) => (a > b ? a : b);

/** Fees with which a node takes a transaction in the place of one with `fees`, and not below what the network asks for. */
export function bumpedFees(fees: Fees, current: Fees): Fees {
  if ('gasPrice' in fees) {
    return { gasPrice: larger(bump(fees.gasPrice), 'gasPrice' in current ? current.gasPrice : current.maxFeePerGas) };
  }
  const now = 'gasPrice' in current ? { maxFeePerGas: current.gasPrice, maxPriorityFeePerGas: 0n } : current;
  return {
    maxFeePerGas: larger(bump(fees.maxFeePerGas), now.maxFeePerGas),
    maxPriorityFeePerGas: larger(bump(fees.maxPriorityFeePerGas), now.maxPriorityFeePerGas),
  };
}

/** The most that a unit of gas may cost with these. */
export const feeCapOf = (fees: Fees): bigint => ('gasPrice' in fees ? fees.gasPrice : fees.maxFeePerGas);
