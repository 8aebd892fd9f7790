import type { RequestId } from '../chain/marketplace.ts';
import { type SlotItem, slotKey } from './slot-item.ts';

/** The reference keeps 128 and never hears of the others again; these are half a MB, and the worst are let go. */
const SLOTS_QUEUED_MAX = 2048;

/**
 * Below 0 when `a` goes before `b`. The weights 16, 8, 4, 2 of 14 §4 make one criterion stronger than all that follow: unseen, then the higher profit,
 * the lower collateral, the later expiry. Then the lot decides.
 */
export function comparePriority(a: SlotItem, b: SlotItem): number {
  if (a.seen !== b.seen) return a.seen ? 1 : -1;
  if (a.profit !== b.profit) return a.profit > b.profit ? -1 : 1;
  if (a.collateral !== b.collateral) return a.collateral < b.collateral ? -1 : 1;
  return b.expiry - a.expiry || a.lot - b.lot;
}

/**
 * Slots that wait to be looked at, the best first. When it is full the worst is let go, be it the new one. It is paused while nothing in it is unseen.
 */
export class SlotQueue {
  readonly #limit: number;
  /** In order of priority; moving some of them is cheaper than a heap's care for deletions. */
  #items: SlotItem[] = [];
  readonly #keys = new Set<string>();

  constructor(limit = SLOTS_QUEUED_MAX) {
    this.#limit = limit;
  }

  get size(): number {
    return this.#items.length;
  }

  /** In order of priority. */
  get items(): readonly SlotItem[] {
    return this.#items;
  }

  get paused(): boolean {
    return this.#items.every(({ seen }) => seen);
  }

  has(requestId: RequestId, slotIndex: number): boolean {
    return this.#keys.has(slotKey(requestId, slotIndex));
  }

  /** False when the slot is queued already, or is worse than all of a full queue. */
  push(item: SlotItem): boolean {
    const key = slotKey(item.requestId, item.slotIndex);
    if (this.#keys.has(key)) return false;
    const at = this.#placeOf(item);
    if (at >= this.#limit) return false;
    this.#items.splice(at, 0, item);
    this.#keys.add(key);
    if (this.#items.length > this.#limit) this.#remove(this.#items.length - 1);
    return true;
  }

  /** Takes the best one that is unseen, not deferred beyond `now` (Unix seconds), and `eligible`. */
  pop(now: number, eligible: (item: SlotItem) => boolean = () => true): SlotItem | undefined {
    const at = this.#items.findIndex((item) => !item.seen && item.deferredUntil <= now && eligible(item));
    return at < 0 ? undefined : this.#remove(at);
  }

  /** When the next deferred one becomes due after `now`; undefined when none is deferred. Unix seconds. */
  nextDue(now: number): number | undefined {
    const due = this.#items.filter(({ seen, deferredUntil }) => !seen && deferredUntil > now);
    return due.length === 0 ? undefined : Math.min(...due.map(({ deferredUntil }) => deferredUntil));
  }

  /** Nothing of a request is deferred any more. */
  hasten(requestId: RequestId): void {
    this.#items = this.#items.map((item) => (item.requestId === requestId ? { ...item, deferredUntil: 0 } : item));
  }

  delete(requestId: RequestId, slotIndex: number): SlotItem | undefined {
    const at = this.#items.findIndex((item) => item.requestId === requestId && item.slotIndex === slotIndex);
    return at < 0 ? undefined : this.#remove(at);
  }

  deleteRequest(requestId: RequestId): void {
    for (let at = this.#items.length - 1; at >= 0; at--) {
      if (this.#items[at]!.requestId === requestId) this.#remove(at);
    }
  }

  /** Lets go what cannot be filled any more. `now`: Unix seconds. */
  deleteExpired(now: number): void {
    for (let at = this.#items.length - 1; at >= 0; at--) if (this.#items[at]!.expiry <= now) this.#remove(at);
  }

  /** Everything is looked at again: what is offered has changed. */
  clearSeen(): void {
    this.#items = this.#items.map((item) => (item.seen ? { ...item, seen: false } : item)).sort(comparePriority);
  }

  /** Behind all that are not worse. */
  #placeOf(item: SlotItem): number {
    let low = 0;
    let high = this.#items.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (comparePriority(item, this.#items[middle]!) < 0) high = middle;
      else low = middle + 1;
    }
    return low;
  }

  #remove(at: number): SlotItem {
    const [item] = this.#items.splice(at, 1);
    this.#keys.delete(slotKey(item!.requestId, item!.slotIndex));
    return item!;
  }
}
