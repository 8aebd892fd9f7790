import { createHash } from 'node:crypto';
import { type FileHandle, mkdir, open, readFile, rename } from 'node:fs/promises';
import { dirname } from 'node:path';
import { Semaphore } from '@codex/runtime';
import { MarketError } from '../errors.ts';
import { type Json, type RecordChanges, type RecordStore, RecordTable } from './records.ts';

/** A log of more lines than this, and of many more than there are records, is written anew when it is opened or written to. */
const COMPACT_FROM_LINES = 4096;
const COMPACT_FACTOR = 4;
/** Encoded at once: a fraction of a millisecond. */
const COMPACT_LINE_RECORDS = 128;
/** Hexadecimal digits of a line's digest: tells a torn line from a whole one, nothing more. */
const DIGEST_DIGITS = 16;

/**
 * Records in one file: a line for each batch, with its digest, appended and synced. A batch that a crash has torn is cut off when the file
 * is opened again; it had not been acknowledged.
 */
export class FileRecords implements RecordStore {
  readonly #path: string;
  readonly #table: RecordTable;
  readonly #turn = new Semaphore(1);
  #file: FileHandle | undefined;
  #lines: number;
  #failed: unknown;

  private constructor(path: string, table: RecordTable, file: FileHandle, lines: number) {
    this.#path = path;
    this.#table = table;
    this.#file = file;
    this.#lines = lines;
  }

  /** Opens or makes the file. Error: `RECORDS_UNUSABLE`. */
  static async open(path: string): Promise<FileRecords> {
    try {
      await mkdir(dirname(path), { recursive: true });
      const { table, lines, endBytes } = replay(await contents(path));
      // Mode 0600: the journal tells what its owner buys and sells.
      const file = await open(path, 'a', 0o600);
      await file.truncate(endBytes);
      await file.sync();
      await syncDirectory(dirname(path));
      return new FileRecords(path, table, file, lines);
    } catch (error) {
      throw unusable(path, error);
    }
  }

  get(key: string): Json | undefined {
    return this.#table.get(key);
  }

  list(prefix: string): readonly (readonly [string, Json])[] {
    return this.#table.list(prefix);
  }

  /** Error: `RECORDS_UNUSABLE`; after it nothing can be written any more until the file is opened again. */
  write(changes: RecordChanges): Promise<void> {
    return this.#turn.run(async () => {
      if (!this.#file) throw unusable(this.#path, this.#failed);
      if (changes.size === 0) return;
      try {
        const line = encode(changes);
        await this.#file.appendFile(line);
        await this.#file.datasync();
        this.#lines++;
        this.#table.apply(changes);
        if (this.#lines > COMPACT_FROM_LINES && this.#lines > COMPACT_FACTOR * this.#table.size) await this.#compact();
      } catch (error) {
        // What is on the disk is unknown now: a later batch behind a torn line would be lost.
        this.#failed = error;
        await this.#file?.close().catch(() => {});
        this.#file = undefined;
        throw unusable(this.#path, error);
      }
    });
  }

  close(): Promise<void> {
    return this.#turn.run(async () => {
      await this.#file?.close();
      this.#file = undefined;
      this.#failed ??= new Error('closed');
    });
  }

  /** Writes all that there is beside the file, and puts it in its place. */
  async #compact(): Promise<void> {
    const records = this.#table.list('');
    const beside = `${this.#path}.new`;
    const file = await open(beside, 'w', 0o600);
    this.#lines = 0;
    try {
      for (let at = 0; at < records.length; at += COMPACT_LINE_RECORDS, this.#lines++) {
        await file.appendFile(encode(new Map(records.slice(at, at + COMPACT_LINE_RECORDS))));
      }
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(beside, this.#path);
    await syncDirectory(dirname(this.#path));
    await this.#file?.close();
    this.#file = await open(this.#path, 'a', 0o600);
  }
}

const digestOf = (text: string): string => createHash('sha256').update(text).digest('hex').slice(0, DIGEST_DIGITS);

function encode(changes: RecordChanges): string {
  // A deletion is a key alone.
  const pairs = [...changes].map(([key, record]) => (record === undefined ? [key] : [key, record]));
  const text = JSON.stringify(pairs);
  return `${digestOf(text)} ${text}\n`;
}

function replay(log: Buffer): { table: RecordTable; lines: number; endBytes: number } {
  const table = new RecordTable();
  let lines = 0;
  let endBytes = 0;
  for (;;) {
    const newline = log.indexOf(0x0a, endBytes);
    if (newline < 0) break;
    const line = log.toString('utf8', endBytes, newline);
    const text = line.slice(DIGEST_DIGITS + 1);
    if (line.slice(0, DIGEST_DIGITS) !== digestOf(text)) {
      // A crash tears the last line only.
      if (newline + 1 < log.length) throw new Error(`line ${lines + 1} is damaged`);
      break;
    }
    const pairs = JSON.parse(text) as [string, Json?][];
    table.apply(new Map(pairs.map(([key, record]) => [key, record])));
    lines++;
    endBytes = newline + 1;
  }
  return { table, lines, endBytes };
}

async function contents(path: string): Promise<Buffer> {
  try {
    return await readFile(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return Buffer.alloc(0);
    throw error;
  }
}

/** Makes a new name in the directory last. */
async function syncDirectory(directory: string): Promise<void> {
  const handle = await open(directory, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

const unusable = (path: string, cause: unknown): MarketError =>
  new MarketError(
    'RECORDS_UNUSABLE',
    `The records in ${path} cannot be read or written: ${String(cause)}`,
    { path },
    { cause },
  );
