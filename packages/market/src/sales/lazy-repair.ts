import { slotIdOf } from '@codex/contracts';
import type { Ask, Marketplace, RequestId } from '../chain/marketplace.ts';

/** Requests of which it is remembered that their repair has begun: a host repairs far fewer at a time. */
const REPAIRS_REMEMBERED_MAX = 1024;

/**
 * When lost slots are repaired. Rebuilding one slot moves as much as rebuilding several at a time, so it is cheaper to wait until some are lost, at a risk
 * that the code has to bear (17 §1). Once so many are free, all that are free then are repaired, not only as many as bring the request below.
 */
export class LazyRepair {
  readonly #marketplace: Pick<Marketplace, 'slotStates'>;
  readonly #repairFrom: number;
  /** Slots that were free when there were enough of them, until they are filled or lost again. */
  readonly #due = new Map<RequestId, Set<number>>();

  /** `repairFrom`: slots of a request; 1: at once. */
  constructor(components: { readonly marketplace: Pick<Marketplace, 'slotStates'> }, repairFrom: number) {
    this.#marketplace = components.marketplace;
    this.#repairFrom = repairFrom;
  }

  /** Whether a free slot of a request that has started is to be repaired now. Error: `CHAIN_UNREACHABLE`. */
  async isDue(requestId: RequestId, slotIndex: number, { slots, maxSlotLoss }: Ask): Promise<boolean> {
    // With one more than tolerated all would be lost.
    const enough = Math.min(this.#repairFrom, Number(maxSlotLoss));
    if (enough <= 1 || this.#due.get(requestId)?.has(slotIndex)) return true;
    const ids = Array.from({ length: Number(slots) }, (_, index) => slotIdOf(requestId, BigInt(index)));
    const states = await this.#marketplace.slotStates(ids);
    const free = [...states.keys()].filter((index) => states[index] === 'repair' || states[index] === 'free');
    if (free.length < enough) return false;
    this.#remember(requestId, new Set(free));
    return true;
  }

  /** A slot was filled, or lost again. */
  changed(requestId: RequestId, slotIndex: number): void {
    const due = this.#due.get(requestId);
    due?.delete(slotIndex);
    if (due?.size === 0) this.#due.delete(requestId);
  }

  #remember(requestId: RequestId, slots: Set<number>): void {
    this.#due.delete(requestId);
    this.#due.set(requestId, slots);
    const [oldest] = this.#due.keys();
    if (oldest !== undefined && this.#due.size > REPAIRS_REMEMBERED_MAX) this.#due.delete(oldest);
  }
}
