import type { Random } from '@codex/runtime';
import type { RequestId, SlotId } from '../chain/marketplace.ts';
import type { Json, RecordStore } from '../storage/records.ts';

export interface WatchedSlot {
  readonly slotId: SlotId;
  readonly requestId: RequestId;
  /** End of the request, Unix seconds; undefined until the chain has told. */
  readonly end: number | undefined;
}

/** Known slots, watched or waiting for a place, some 200 bytes each: more are not taken up. */
export const SLOTS_KNOWN_MAX = 100_000;
const WATCHED = 'watched/';

/**
 * Filled slots of this validator's group, kept across restarts. Up to a limit they are watched; the others wait, and chance decides who takes a
 * place that becomes free: validators with the same limit watch different ones.
 */
export class WatchList {
  readonly #records: RecordStore;
  readonly #random: Random;
  readonly #watchedMax: number;
  readonly #known = new Map<SlotId, WatchedSlot>();
  readonly #watched = new Set<SlotId>();
  /** An array, so that chance can pick. */
  #waiting: SlotId[] = [];
  readonly #changes = new Map<string, Json | undefined>();

  /** `watchedMax`: 0 is as many as are known. */
  constructor(records: RecordStore, random: Random, watchedMax: number) {
    this.#records = records;
    this.#random = random;
    this.#watchedMax = watchedMax === 0 ? SLOTS_KNOWN_MAX : watchedMax;
    for (const [, record] of records.list(WATCHED)) {
      const { slotId, requestId, end } = record as unknown as WatchedSlot & { end: number | null };
      this.#known.set(slotId, { slotId, requestId, end: end ?? undefined });
      this.#waiting.push(slotId);
    }
    this.#refill();
  }

  get watched(): readonly SlotId[] {
    return [...this.#watched];
  }

  /** Known slots that wait for a place. */
  get waiting(): number {
    return this.#waiting.length;
  }

  /** False when there are too many. */
  add(slotId: SlotId, requestId: RequestId, end: number | undefined): boolean {
    if (this.#known.has(slotId)) return true;
    if (this.#known.size >= SLOTS_KNOWN_MAX) return false;
    this.#set({ slotId, requestId, end });
    this.#waiting.push(slotId);
    this.#refill();
    return true;
  }

  delete(slotId: SlotId): void {
    this.#drop((slot) => slot.slotId === slotId);
  }

  deleteRequest(requestId: RequestId): void {
    this.#drop((slot) => slot.requestId === requestId);
  }

  /** `now`: Unix seconds. */
  deleteEnded(now: number): void {
    this.#drop(({ end }) => end !== undefined && end < now);
  }

  /** Requests of which the end is not known. */
  endless(): readonly RequestId[] {
    return [...new Set([...this.#known.values()].filter(({ end }) => end === undefined).map((slot) => slot.requestId))];
  }

  learnEnd(requestId: RequestId, end: number): void {
    for (const slot of this.#known.values()) if (slot.requestId === requestId) this.#set({ ...slot, end });
  }

  endOf(requestId: RequestId): number | undefined {
    for (const slot of this.#known.values()) if (slot.requestId === requestId) return slot.end;
    return undefined;
  }

  /** Makes all changes since the last time last. */
  async save(): Promise<void> {
    const changes = new Map(this.#changes);
    await this.#records.write(changes);
    for (const [key, record] of changes) if (this.#changes.get(key) === record) this.#changes.delete(key);
  }

  #set(slot: WatchedSlot): void {
    this.#known.set(slot.slotId, slot);
    this.#changes.set(WATCHED + slot.slotId, { ...slot, end: slot.end ?? null });
  }

  #drop(gone: (slot: WatchedSlot) => boolean): void {
    let waiting = false;
    for (const slot of [...this.#known.values()]) {
      if (!gone(slot)) continue;
      this.#known.delete(slot.slotId);
      this.#changes.set(WATCHED + slot.slotId, undefined);
      if (!this.#watched.delete(slot.slotId)) waiting = true;
    }
    if (waiting) this.#waiting = this.#waiting.filter((slotId) => this.#known.has(slotId));
    this.#refill();
  }

  #refill(): void {
    while (this.#watched.size < this.#watchedMax && this.#waiting.length > 0) {
      const at = this.#random.int(this.#waiting.length);
      const slotId = this.#waiting[at]!;
      this.#waiting[at] = this.#waiting[this.#waiting.length - 1]!;
      this.#waiting.pop();
      this.#watched.add(slotId);
    }
  }
}
