import { open, type RootDatabase } from 'lmdb';
import { StoreError } from '../errors.ts';

export type Entry = readonly [key: Uint8Array, value: Uint8Array];

/** A key in a map: one character per byte, so that strings sort as the bytes do. */
export function latin1(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1');
}

/** The first key behind all that begin with `prefix`: a last byte of 255 has no successor, the one before it has. */
function behind(prefix: Uint8Array): Uint8Array {
  const last = prefix.findLastIndex((byte) => byte < 255);
  const key = Buffer.from(prefix.subarray(0, last + 1));
  key[last]!++;
  return key;
}

/**
 * Address space for the index, which takes no memory by itself. A map that has to grow is mapped anew, and the pages of the
 * old one stay resident beside it. It still grows when the index does (about 250 bytes per block: 4 GiB are 1 TiB of data).
 */
const MAP_BYTES = 4 * 1024 ** 3;

/** null = deleted. */
type Changes = Map<string, Uint8Array | null>;

/**
 * Ordered keys and values, changed in memory and written in generations. Reads see every change at once. A commit takes
 * all changes so far and writes them in one transaction; as changes are made synchronously, what stands on disk is
 * always a state that existed. Values must not be altered after they were put, except through `mutable`.
 */
export class Tables {
  readonly #db: RootDatabase<Buffer, Uint8Array>;
  #current: Changes = new Map();
  #flying: Changes | undefined;
  #closed = false;

  private constructor(db: RootDatabase<Buffer, Uint8Array>) {
    this.#db = db;
  }

  static open(path: string): Tables {
    return new Tables(
      // Without overlappingSync a commit resolves when it is durable. Event turn batching would wrap our batches in one
      // of its own, whose failure nobody could catch.
      open<Buffer, Uint8Array>({
        path,
        noSubdir: false,
        keyEncoding: 'binary',
        encoding: 'binary',
        overlappingSync: false,
        mapSize: MAP_BYTES,
        eventTurnBatching: false,
      }),
    );
  }

  /** Changes that no commit has taken yet. */
  get changes(): number {
    return this.#current.size;
  }

  get(key: Uint8Array): Uint8Array | undefined {
    this.#checkOpen();
    const name = latin1(key);
    const changed = this.#current.get(name) ?? (this.#current.has(name) ? null : this.#flying?.get(name));
    if (changed === null) return undefined;
    return changed ?? this.#db.get(key);
  }

  put(key: Uint8Array, value: Uint8Array): void {
    this.#current.set(latin1(key), value);
  }

  delete(key: Uint8Array): void {
    this.#current.set(latin1(key), null);
  }

  /** A value that may be altered until the caller yields; made with `length` zeros when it is missing. */
  mutable(key: Uint8Array, length: number): Uint8Array {
    const name = latin1(key);
    const own = this.#current.get(name);
    if (own) return own;
    const known = this.get(key);
    // Not `slice`: that of a Buffer shares its memory, and what is being committed must not change.
    const value = known ? new Uint8Array(known) : new Uint8Array(length);
    this.#current.set(name, value);
    return value;
  }

  /** Up to `limit` entries with `from` ≤ key < `to`, in order. */
  page(from: Uint8Array, to: Uint8Array, limit: number): Entry[] {
    this.#checkOpen();
    const changed = new Map<string, Uint8Array | null>();
    const [first, end] = [latin1(from), latin1(to)];
    for (const changes of [this.#flying, this.#current]) {
      if (!changes) continue;
      for (const [name, value] of changes) if (name >= first && name < end) changed.set(name, value);
    }
    const entries: [string, Uint8Array][] = [];
    for (const { key, value } of this.#db.getRange({ start: from, end: to, limit: limit + changed.size })) {
      const name = latin1(key);
      if (!changed.has(name)) entries.push([name, value]);
    }
    for (const [name, value] of changed) if (value) entries.push([name, value]);
    entries.sort(([a], [b]) => (a < b ? -1 : 1));
    return entries.slice(0, limit).map(([name, value]) => [Buffer.from(name, 'latin1'), value]);
  }

  /** All entries whose key begins with `prefix`, in pages, each as it is when it is read. */
  *entries(prefix: Uint8Array, pageSize = 256): Generator<Entry> {
    const to = behind(prefix);
    for (let from = prefix; ; ) {
      const page = this.page(from, to, pageSize);
      yield* page;
      const last = page.at(-1);
      if (!last || page.length < pageSize) return;
      from = Buffer.concat([last[0], Buffer.of(0)]);
    }
  }

  /**
   * Writes all changes so far in one transaction. `before` runs after they were taken and must make durable what they
   * point to. After a failure the changes are kept, for the next commit.
   */
  async commit(before: () => Promise<void>): Promise<void> {
    this.#checkOpen();
    const taken = this.#current;
    this.#flying = taken;
    this.#current = new Map();
    try {
      await before();
      await this.#write(taken);
      this.#db.resetReadTxn();
    } catch (error) {
      for (const [name, value] of taken) if (!this.#current.has(name)) this.#current.set(name, value);
      throw error;
    } finally {
      this.#flying = undefined;
    }
  }

  /** One transaction. LMDB's promises come in several, all of which fail together; the reason is a promise as well. */
  async #write(changes: Changes): Promise<void> {
    let last: PromiseLike<unknown> | undefined;
    const observe = (promise: PromiseLike<unknown>) => {
      if (promise === last) return;
      last = promise;
      promise.then(undefined, () => {});
    };
    try {
      await this.#db.batch(() => {
        for (const [name, value] of changes) {
          const key = Buffer.from(name, 'latin1');
          observe(value ? this.#db.put(key, value as Buffer) : this.#db.remove(key));
        }
      });
    } catch (error) {
      const reason = (error as { commitError?: Promise<never> }).commitError;
      const late = new Promise<unknown>((resolve) => setImmediate(resolve, error));
      throw reason ? await Promise.race([reason.catch((cause: unknown) => cause), late]) : error;
    }
  }

  close(): Promise<void> {
    this.#closed = true;
    return this.#db.close();
  }

  #checkOpen(): void {
    if (this.#closed) throw new StoreError('STORE_CLOSED', 'The repository is closed');
  }
}
