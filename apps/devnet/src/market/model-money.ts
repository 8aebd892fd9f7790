import type { MarketplaceConfig, MarketplaceRules } from '@codex/contracts';
import { type Address, type Bytes32, type Call, MarketplaceModel, type Request } from '@codex/contracts/model';
import { lowerCase } from './lower-case.ts';
import type { Sight } from './sight.ts';

export interface ModelMoneyInit {
  readonly config: MarketplaceConfig;
  readonly rules: MarketplaceRules;
  readonly marketplace: Address;
  /** Units of the token that somebody has at first, by address in lower case. */
  readonly balances: ReadonlyMap<Address, bigint>;
}

const MAX = 2n ** 256n - 1n;
/**
 * What the model is told of a block's hash. Only challenges depend on it, and those decide nothing where a proof is due in
 * every period, and where the chain has said already whether a proof is right.
 */
const SOME_HASH: Bytes32 = `0x${'01'.repeat(32)}`;

/** The marketplace as its model has it: it gets the calls that the chain took, in the same seconds. */
export class ModelMoney {
  readonly #model: MarketplaceModel;

  constructor({ config, rules, marketplace, balances }: ModelMoneyInit) {
    this.#model = new MarketplaceModel({ ...config, rules }, marketplace);
    const { token } = this.#model.state;
    for (const [holder, amount] of balances) {
      token.mint(holder, amount);
      token.approve(holder, MAX);
    }
  }

  /** The error that the model has where the chain has none; undefined when both agree. Calls that were reverted moved nothing. */
  apply(sight: Sight): string | undefined {
    const call = sight.ok ? callOf(sight) : undefined;
    if (!call) return undefined;
    const block = { number: sight.block, timestamp: BigInt(sight.time), hashOf: () => SOME_HASH };
    const result = this.#model.apply(call, sight.from, block);
    return result.ok ? undefined : result.error;
  }

  balanceOf(holder: Address): bigint {
    return this.#model.state.token.balanceOf(holder);
  }
}

function callOf({ call, args }: Sight): Call | undefined {
  const id = args[0] as Bytes32;
  switch (call) {
    case 'requestStorage': {
      const request = args[0] as Request;
      return { name: call, request: { ...request, client: lowerCase(request.client) } };
    }
    case 'reserveSlot':
      return { name: call, requestId: id, index: BigInt(args[1] as bigint) };
    case 'fillSlot':
      return { name: call, requestId: id, index: BigInt(args[1] as bigint), proof: { valid: true } };
    case 'submitProof':
      return { name: call, slotId: id, proof: { valid: true } };
    case 'markProofAsMissing':
      return { name: call, slotId: id, period: BigInt(args[1] as bigint) };
    case 'freeSlot': {
      const [, reward, collateral] = args as readonly Address[];
      if (!reward || !collateral) return { name: call, slotId: id };
      return { name: call, slotId: id, recipients: [lowerCase(reward), lowerCase(collateral)] };
    }
    case 'withdrawFunds':
      return { name: call, requestId: id, ...(args[1] ? { recipient: lowerCase(args[1] as Address) } : {}) };
    default:
      return undefined;
  }
}
