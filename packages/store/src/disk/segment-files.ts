import { join } from 'node:path';
import { StoreError } from '../errors.ts';
import type { StoreFile, StoreFs } from './store-fs.ts';

/** Files that are kept open for reading: 16 GiB of segments. */
const OPEN_FILES_MAX = 64;

export function segmentName(number: number): string {
  return `${String(number).padStart(8, '0')}.seg`;
}

/** The number in a segment's name; undefined for other files. */
export function segmentNumber(name: string): number | undefined {
  return /^\d{8}\.seg$/.test(name) ? Number(name.slice(0, 8)) : undefined;
}

interface OpenFile {
  readonly file: Promise<StoreFile>;
  readers: number;
  closing: boolean;
}

/** Reads segments through a bounded set of open files. */
export class SegmentFiles {
  readonly #fs: StoreFs;
  readonly #directory: string;
  /** Least recently used first. */
  readonly #open = new Map<number, OpenFile>();
  #closed = false;

  constructor(fs: StoreFs, directory: string) {
    this.#fs = fs;
    this.#directory = directory;
  }

  /** Reads until `target` is full; returns fewer bytes at the end of the file, 0 when there is no such segment. */
  async read(number: number, target: Uint8Array, position: number): Promise<number> {
    if (this.#closed) throw new StoreError('STORE_CLOSED', 'The repository is closed');
    const entry = this.#obtain(number);
    entry.readers++;
    try {
      return await (await entry.file).read(target, position);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
      this.#open.delete(number);
      return 0;
    } finally {
      entry.readers--;
      if (entry.closing) this.#closeUnused(entry);
    }
  }

  /** Closes the file of a segment that is to be removed. */
  async forget(number: number): Promise<void> {
    const entry = this.#open.get(number);
    if (entry) this.#drop(number, entry);
  }

  async close(): Promise<void> {
    this.#closed = true;
    for (const [number, entry] of [...this.#open]) {
      this.#drop(number, entry);
      await entry.file.catch(() => {});
    }
  }

  #obtain(number: number): OpenFile {
    let entry = this.#open.get(number);
    if (entry) {
      this.#open.delete(number);
    } else {
      const file = this.#fs.open(join(this.#directory, segmentName(number)), 'read');
      entry = { file, readers: 0, closing: false };
    }
    this.#open.set(number, entry);
    for (const [other, candidate] of this.#open) {
      if (this.#open.size <= OPEN_FILES_MAX) break;
      if (other !== number) this.#drop(other, candidate);
    }
    return entry;
  }

  #drop(number: number, entry: OpenFile): void {
    this.#open.delete(number);
    entry.closing = true;
    this.#closeUnused(entry);
  }

  #closeUnused(entry: OpenFile): void {
    if (entry.readers > 0) return;
    entry.file.then(
      (file) => file.close(),
      () => {},
    );
  }
}
