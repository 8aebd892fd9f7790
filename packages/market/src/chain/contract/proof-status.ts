import { marketplaceAbi } from '@codex/contracts';
import type { Clock } from '@codex/runtime';
import { keccak256 } from 'viem';
import { MarketError } from '../../errors.ts';
import type { BlockTrail } from '../blocks/block-trail.ts';
import { parseHeader, toQuantity } from '../blocks/header.ts';
import type { Address, ChainClock, Hex, ProofStatus, SlotId } from '../marketplace.ts';
import type { RpcPool } from '../rpc/rpc-pool.ts';
import { answerOf, type ContractReader, type Said } from './contract-reader.ts';

export interface ProofStatusComponents {
  readonly reader: ContractReader;
  readonly pool: RpcPool;
  readonly trail: BlockTrail;
  readonly chainClock: ChainClock;
  readonly clock: Clock;
}

export interface ProofStatusInit {
  readonly marketplace: Address;
  readonly proofs: { readonly period: bigint; readonly downtime: number; readonly downtimeProduct: number };
}

/** Blocks that the pointer walks over (12 §6). */
const POINTERS = 256n;
/** The number of `Filled` among the states of a slot (12 §1). */
const FILLED = 1;
/** At a period's beginning a host asks for all of its slots: what is asked for within this is one call. */
const GATHER_MS = 20;
/** Slots of one call: four views each, whose gas nodes limit. */
const SLOTS_AT_ONCE = 32;
const VIEWS = ['isProofRequired', 'willProofBeRequired', 'getPointer', 'getChallenge'] as const;

/** Slots that are about to be asked for, and their statuses; undefined where this chain cannot be asked so. */
interface Gathering {
  readonly ids: Set<SlotId>;
  readonly statuses: Promise<ReadonlyMap<SlotId, () => ProofStatus> | undefined>;
}

/** Whether a slot owes a proof, as a transaction in the next block would find it. */
export class ProofStatuses {
  readonly #c: ProofStatusComponents;
  readonly #init: ProofStatusInit;
  #gathering: Gathering | undefined;

  constructor(components: ProofStatusComponents, init: ProofStatusInit) {
    this.#c = components;
    this.#init = init;
  }

  /** Errors: `MARKET_REVERTED`, `CHAIN_REFUSED`, `CHAIN_UNREACHABLE`. */
  async of(id: SlotId): Promise<ProofStatus> {
    if (this.#c.reader.tag === 'pending') {
      this.#gathering ??= this.#gather();
      this.#gathering.ids.add(id);
      const status = (await this.#gathering.statuses)?.get(id);
      if (status) return status();
    }
    return this.#evaluate(id);
  }

  #gather(): Gathering {
    const ids = new Set<SlotId>();
    const ask = async () => {
      await this.#c.clock.sleep(GATHER_MS);
      this.#gathering = undefined;
      return this.#ask([...ids]);
    };
    return { ids, statuses: ask() };
  }

  async #ask(ids: readonly SlotId[]): Promise<ReadonlyMap<SlotId, () => ProofStatus> | undefined> {
    const { reader } = this.#c;
    const statuses = new Map<SlotId, () => ProofStatus>();
    for (let at = 0; at < ids.length; at += SLOTS_AT_ONCE) {
      const page = ids.slice(at, at + SLOTS_AT_ONCE);
      const block = await reader.readTogether(page.flatMap((id) => VIEWS.map((name) => this.#view(name, id))));
      if (!block || reader.tag !== 'pending') return undefined;
      const period = block.timestamp / this.#init.proofs.period;
      for (const [i, id] of page.entries()) {
        const said = block.said.slice(i * VIEWS.length, (i + 1) * VIEWS.length);
        // What is wrong with one slot is nothing to the others.
        statuses.set(id, () => statusOf(period, said));
      }
    }
    return statuses;
  }

  /** Without a pending block: what the newest block says, moved on by one block, and by the time that has passed since. */
  async #evaluate(id: SlotId): Promise<ProofStatus> {
    const { reader, trail, chainClock } = this.#c;
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

    const now = BigInt(chainClock.now());
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

function statusOf(period: bigint, said: readonly Said[]): ProofStatus {
  const [required, upcoming, pointer, challenge] = VIEWS.map((name, i) => answerOf<unknown>(name, said[i]!));
  return {
    period,
    required: required as boolean,
    upcoming: upcoming as boolean,
    pointer: Number(pointer),
    challenge: challenge as Hex,
  };
}
