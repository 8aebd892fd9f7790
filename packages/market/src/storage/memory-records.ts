import { type Json, type RecordChanges, type RecordStore, RecordTable } from './records.ts';

/** Records that last as long as the object. */
export class MemoryRecords implements RecordStore {
  readonly #table = new RecordTable();

  get(key: string): Json | undefined {
    return this.#table.get(key);
  }

  list(prefix: string): readonly (readonly [string, Json])[] {
    return this.#table.list(prefix);
  }

  async write(changes: RecordChanges): Promise<void> {
    this.#table.apply(changes);
  }
}
