import { writeFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { StoreError } from '../errors.ts';

/**
 * Keeps a directory for one process. The lock is the exclusive lock that SQLite takes on an empty database file: the
 * kernel drops it with the process, however that ends, and it also holds between containers on one machine. On network
 * file systems it is as good as their POSIX locks.
 */
export class DirectoryLock {
  readonly #database: DatabaseSync;

  private constructor(database: DatabaseSync) {
    this.#database = database;
  }

  /** Error: `DATA_DIR_LOCKED`, with the process id of the holder when that is known. */
  static async acquire(directory: string): Promise<DirectoryLock> {
    const owner = join(directory, 'lock.pid');
    let database: DatabaseSync | undefined;
    try {
      database = new DatabaseSync(join(directory, 'lock'));
      database.exec('PRAGMA busy_timeout = 0; PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE');
    } catch (error) {
      database?.close();
      if (!/locked/.test((error as Error).message)) throw error;
      const pid = await readFile(owner, 'utf8').catch(() => '');
      const by = pid ? ` by process ${pid}` : '';
      throw new StoreError('DATA_DIR_LOCKED', `The repository ${directory} is in use${by}`, { directory, pid });
    }
    writeFileSync(owner, String(process.pid), { mode: 0o600 });
    return new DirectoryLock(database);
  }

  release(): void {
    this.#database.close();
  }
}
