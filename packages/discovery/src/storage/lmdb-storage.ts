import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { join } from 'node:path';
import { open, type RootDatabase } from 'lmdb';
import { DiscoveryError } from '../errors.ts';
import type { DiscoveryStorage, StoredChange, StoredEntry } from './storage.ts';

/** Entries that are read at once, some 0.1 KB each: well under a millisecond. */
const PAGE_ENTRIES = 500;
/** Address space, which takes no memory by itself; ten times what the limits of discovery let it hold. */
const MAP_BYTES = 512 * 1024 ** 2;

/** Of the first of the two pages with which every LMDB file begins: its stamp, and the size of a page. */
const HEAD_BYTES = 64;
const STAMP_AT = 24;
const STAMP = 0xbeefc0de;
const PAGE_SIZE_AT = 48;

/** A directory with an LMDB file: what was written survives `kill -9` and power loss. One process at a time. */
export class LmdbStorage implements DiscoveryStorage {
  readonly #db: RootDatabase<Buffer, Uint8Array>;
  #closing: Promise<void> | undefined;

  private constructor(db: RootDatabase<Buffer, Uint8Array>) {
    this.#db = db;
  }

  /** Makes the directory when it is missing. Errors: STORAGE_DAMAGED, and what LMDB says of the directory. */
  static open(directory: string): LmdbStorage {
    checkFile(join(directory, 'data.mdb'));
    return new LmdbStorage(
      open<Buffer, Uint8Array>({
        path: directory,
        noSubdir: false,
        keyEncoding: 'binary',
        encoding: 'binary',
        // Without it a write resolves when it is durable.
        overlappingSync: false,
        mapSize: MAP_BYTES,
        eventTurnBatching: false,
      }),
    );
  }

  async *entries(): AsyncIterable<readonly StoredEntry[]> {
    for (let start: Uint8Array | undefined; ; ) {
      const page: StoredEntry[] = [];
      for (const { key, value } of this.#db.getRange({ ...(start && { start }), limit: PAGE_ENTRIES })) {
        page.push([Uint8Array.from(key), Uint8Array.from(value)]);
      }
      if (page.length > 0) yield page;
      const last = page.at(-1);
      if (!last || page.length < PAGE_ENTRIES) return;
      start = Buffer.concat([last[0], Buffer.of(0)]);
      await new Promise((resolve) => setImmediate(resolve));
    }
  }

  async write(changes: readonly StoredChange[]): Promise<void> {
    if (changes.length === 0) return;
    const copies = changes.map(([key, value]) => [Buffer.from(key), value && Buffer.from(value)] as const);
    let failure: unknown;
    await this.#db.batch(() => {
      for (const [key, value] of copies) {
        const written = value ? this.#db.put(key, value) : this.#db.remove(key);
        // All of a batch fail together; each would be an unhandled rejection of its own.
        written.catch((error: unknown) => {
          failure ??= error;
        });
      }
    });
    if (failure) throw failure;
  }

  close(): Promise<void> {
    this.#closing ??= this.#db.close();
    return this.#closing;
  }
}

/** LMDB would end the process on a file that is none of its own, or that was cut. */
function checkFile(path: string): void {
  let file: number;
  try {
    file = openSync(path, 'r');
  } catch {
    // A new one, or none that LMDB could open either.
    return;
  }
  try {
    const { size } = fstatSync(file);
    const head = Buffer.alloc(HEAD_BYTES);
    readSync(file, head, 0, HEAD_BYTES, 0);
    const whole = head.readUInt32LE(STAMP_AT) === STAMP && size >= 2 * head.readUInt32LE(PAGE_SIZE_AT);
    if (size > 0 && !whole) throw new DiscoveryError('STORAGE_DAMAGED', `${path} is no LMDB file`, { path });
  } finally {
    closeSync(file);
  }
}
