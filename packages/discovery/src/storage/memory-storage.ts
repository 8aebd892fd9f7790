import type { DiscoveryStorage, StoredChange, StoredEntry } from './storage.ts';

/** Keeps everything for as long as the object lives: for tests, simulators and nodes without a directory. */
export class MemoryStorage implements DiscoveryStorage {
  /** By key in hex, which sorts as the bytes do. */
  readonly #entries = new Map<string, StoredEntry>();

  async *entries(): AsyncIterable<readonly StoredEntry[]> {
    const keys = [...this.#entries.keys()].sort();
    if (keys.length > 0) yield keys.map((key) => this.#entries.get(key)!);
  }

  write(changes: readonly StoredChange[]): Promise<void> {
    for (const [key, value] of changes) {
      const name = Buffer.from(key).toString('hex');
      if (value) this.#entries.set(name, [Uint8Array.from(key), Uint8Array.from(value)]);
      else this.#entries.delete(name);
    }
    return Promise.resolve();
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}
