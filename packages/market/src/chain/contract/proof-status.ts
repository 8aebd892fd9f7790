import { marketplaceAbi } from '@codex/contracts';
import { keccak256 } from 'viem';
import { MarketError } from '../../errors.ts';
import type { BlockTrail } from '../blocks/block-trail.ts';
import { parseHeader, toQuantity } from '../blocks/header.ts';
import type { Address, ChainClock, Hex, ProofStatus, SlotId } from '../marketplace.ts';
import type { RpcPool } from '../rpc/rpc-pool.ts';
import { answerOf, type ContractReader } from './contract-reader.ts';

export interface ProofStatusComponents {
  readonly reader: ContractReader;
  readonly pool: RpcPool;
  readonly trail: BlockTrail;
  readonly clock: ChainClock;
}

export interface ProofStatusInit {
  readonly marketplace: Address;
  readonly proofs: { readonly period: bigint; readonly downtime: number; readonly downtimeProduct: number };
}

/** Blocks that the pointer walks over (12 §6). */
const POINTERS = 256n;
/** The number of `Filled` among the states of a slot (12 §1). */
const FILLED = 1;

/** Whether a slot owes a proof, as a transaction in the next block would find it. */
export class ProofStatuses {
  readonly #c: ProofStatusComponents;
  readonly #init: ProofStatusInit;

  constructor(components: ProofStatusComponents, init: ProofStatusInit) {
    this.#c = components;
    this.#init = init;
  }

  /** Errors: `MARKET_REVERTED`, `CHAIN_REFUSED`, `CHAIN_UNREACHABLE`. */
  async of(id: SlotId): Promise<ProofStatus> {
    const { reader } = this.#c;
    if (reader.tag === 'pending') {
      const names = ['isProofRequired', 'willProofBeRequired', 'getPointer', 'getChallenge'];
      const block = await reader.readTogether(names.map((name) => this.#view(name, id)));
      if (block && reader.tag === 'pending') {
        const [required, upcoming, pointer, challenge] = names.map((name, i) =>
          answerOf<unknown>(name, block.said[i]!),
        );
        return {
          period: block.timestamp / this.#init.proofs.period,
          required: required as boolean,
          upcoming: upcoming as boolean,
          pointer: Number(pointer),
          challenge: challenge as Hex,
        };
      }
    }
    return this.#evaluate(id);
  }

  /** Without a pending block: what the newest block says, moved on by one block, and by the time that has passed since. */
  async #evaluate(id: SlotId): Promise<ProofStatus> {
    const { reader, trail, clock } = this.#c;
    const { period, downtime, downtimeProduct } = this.#init.proofs;
    const { number, timestamp } = trail.tip;
    const names = ['slotState', 'slotProbability', 'isProofRequired', 'willProofBeRequired', 'getPointer'];
    const said = await reader.readAt(
      names.map((name) => this.#view(name, id)),
      number,
    );
    const isFilled = answerOf<number>('slotState', said[0]!) === FILLED;
    // Nobody ever had the slot: there is nothing to prove.
    const probability = isFilled ? answerOf<bigint>('slotProbability', said[1]!) : 0n;
    const isDemandedNow = isFilled && (answerOf(names[2]!, said[2]!) || answerOf<boolean>(names[3]!, said[3]!));
    const pointerNow = BigInt(answerOf<number>('getPointer', said[4]!));

    const now = BigInt(clock.now());
    const periodNow = timestamp / period;
    const periodNext = (now > timestamp ? now : timestamp) / period;
    const passed = periodNext - periodNow;
    const pointer = (pointerNow + 1n + passed * BigInt(downtimeProduct)) % POINTERS;
    const challenge = await this.#challenge(number, pointer);
    // As long as the pointer's block is the same, so is the answer. Another block's hash decides anew; a period that has begun since the newest
    // block is later than the one of the filling.
    const isSame = passed === 0n && pointer !== 0n;
    const isDrawn = probability > 0n && BigInt(challenge) % probability === 0n;
    const isDemanded = isSame ? isDemandedNow : isFilled && isDrawn;
    return {
      period: periodNext,
      required: isDemanded && pointer >= BigInt(downtime),
      upcoming: isDemanded && pointer < BigInt(downtime),
      pointer: Number(pointer),
      challenge,
    };
  }

  /** The hash of the hash of the block that the pointer shows, seen from the block after `head`. */
  async #challenge(head: bigint, pointer: bigint): Promise<Hex> {
    const { trail, pool } = this.#c;
    const number = head - pointer;
    const header =
      trail.at(number) ?? parseHeader(await pool.request('eth_getBlockByNumber', [toQuantity(number), false]));
    if (!header)
      throw new MarketError('CHAIN_REFUSED', 'The block of a challenge is not known', { number: number.toString() });
    return keccak256(header.hash);
  }

  #view(name: string, id: SlotId) {
    return { address: this.#init.marketplace, abi: marketplaceAbi, name, args: [id] };
  }
}
