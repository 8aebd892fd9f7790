/** What JSON can say; amounts are decimal strings. */
export type Json = string | number | boolean | null | readonly Json[] | { readonly [key: string]: Json };

/** What a batch puts under its keys; `undefined` deletes. */
export type RecordChanges = ReadonlyMap<string, Json | undefined>;

/**
 * Small JSON records by key: availabilities, journals of purchases, watched slots. They are all in memory, so that reading is immediate;
 * `write` makes a batch last, whole or not at all.
 */
export interface RecordStore {
  get(key: string): Json | undefined;
  /** Keys that begin with `prefix`, with their records, in the order of keys. */
  list(prefix: string): readonly (readonly [key: string, record: Json])[];
  /** Resolves when the batch would survive a crash; readers see it then. Batches are written in the order of the calls. */
  write(changes: RecordChanges): Promise<void>;
}

/** The records themselves; both stores keep theirs in one. */
export class RecordTable {
  readonly #records = new Map<string, Json>();

  get size(): number {
    return this.#records.size;
  }

  get(key: string): Json | undefined {
    return this.#records.get(key);
  }

  list(prefix: string): readonly (readonly [string, Json])[] {
    return [...this.#records].filter(([key]) => key.startsWith(prefix)).sort(([a], [b]) => (a < b ? -1 : 1));
  }

  apply(changes: RecordChanges): void {
    for (const [key, record] of changes) {
      if (record === undefined) this.#records.delete(key);
      else this.#records.set(key, record);
    }
  }
}
