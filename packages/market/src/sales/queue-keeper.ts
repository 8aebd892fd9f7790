import { Semaphore } from '@codex/runtime';
import type { Json, RecordStore } from '../storage/records.ts';
import { type SlotItem, slotItemRecord, slotKey, storedSlotItem } from './slot-item.ts';
import type { SlotQueue } from './slot-queue.ts';

const QUEUED = 'queued/';

/**
 * Keeps the queue across restarts: events that were heard are not told again. A slot that a sale has taken out stays in the records until the
 * sale has ended; before that a crash puts it back into the queue, where a sale from the books takes precedence.
 */
export class QueueKeeper {
  readonly #records: RecordStore;
  readonly #queue: SlotQueue;
  readonly #held = new Map<string, SlotItem>();
  readonly #turn = new Semaphore(1);
  #stored = new Map<string, SlotItem>();

  constructor(records: RecordStore, queue: SlotQueue) {
    this.#records = records;
    this.#queue = queue;
  }

  load(): void {
    for (const [, record] of this.#records.list(QUEUED)) {
      const item = storedSlotItem(record);
      this.#stored.set(slotKey(item.requestId, item.slotIndex), item);
      this.#queue.push(item);
    }
  }

  /** A sale has taken it out. */
  hold(item: SlotItem): void {
    this.#held.set(slotKey(item.requestId, item.slotIndex), item);
  }

  letGo(item: SlotItem): void {
    this.#held.delete(slotKey(item.requestId, item.slotIndex));
  }

  /** Writes what has changed since the last time. */
  save(): Promise<void> {
    return this.#turn.run(() => this.#save());
  }

  async #save(): Promise<void> {
    const wanted = new Map(this.#held);
    for (const item of this.#queue.items) wanted.set(slotKey(item.requestId, item.slotIndex), item);
    const changes = new Map<string, Json | undefined>();
    for (const [key, item] of wanted) {
      if (this.#stored.get(key) !== item) changes.set(QUEUED + key, slotItemRecord(item));
    }
    for (const key of this.#stored.keys()) if (!wanted.has(key)) changes.set(QUEUED + key, undefined);
    if (changes.size > 0) await this.#records.write(changes);
    this.#stored = wanted;
  }
}
