import { randomUUID } from 'node:crypto';
import { type FileHandle, open, readFile, rm } from 'node:fs/promises';
// Processes meet on a real disk, so there is nothing here that virtual time could stand for; and who waits stays alive.
import { setTimeout as delay } from 'node:timers/promises';
import type { AbortOptions } from '@codex/runtime';

export interface LockTimes {
  /** How often a holder shows that it is alive. */
  readonly beatMs: number;
  /** How often the others look. */
  readonly pollMs: number;
  /** A holder that was silent for so long is dead: its lock is taken away. */
  readonly staleMs: number;
}

export const LOCK_TIMES: LockTimes = { beatMs: 1_000, pollMs: 100, staleMs: 6_000 };

/**
 * A file that tells other processes that somebody is at work. It spares them doing the same; it does not rule that out, as a process
 * that slept may be taken for dead. So what is done under it must be harmless when it is done twice.
 */
export class BuildLock {
  /** Names the holder. */
  readonly token: string;
  readonly #path: string;
  readonly #file: FileHandle;
  readonly #stopped = new AbortController();
  readonly #beating: Promise<void>;

  private constructor(path: string, token: string, file: FileHandle, times: LockTimes) {
    this.#path = path;
    this.token = token;
    this.#file = file;
    this.#beating = this.#beat(times.beatMs);
  }

  /** Waits until nobody holds the lock, and takes it. Once another one gave it back, `isDone` is asked; then there is nothing to take. */
  static async take(
    path: string,
    isDone: () => Promise<boolean>,
    { signal, times = LOCK_TIMES }: AbortOptions & { readonly times?: LockTimes | undefined } = {},
  ): Promise<BuildLock | undefined> {
    let seen: string | undefined;
    let silentMs = 0;
    for (;;) {
      signal?.throwIfAborted();
      if (await isDone()) return undefined;
      const lock = await BuildLock.#create(path, times);
      if (lock) return lock;
      const content = await contentOf(path);
      silentMs = content === seen ? silentMs + times.pollMs : 0;
      seen = content;
      if (silentMs >= times.staleMs) {
        await rm(path, { force: true });
        silentMs = 0;
      }
      // An abort rejects with an error of its own.
      await delay(times.pollMs, undefined, { signal }).catch(() => signal?.throwIfAborted());
    }
  }

  static async #create(path: string, times: LockTimes): Promise<BuildLock | undefined> {
    let file: FileHandle;
    try {
      file = await open(path, 'wx');
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'EEXIST') return undefined;
      throw error;
    }
    const token = randomUUID();
    try {
      await file.write(token, 0);
    } catch (error) {
      await file.close();
      await rm(path, { force: true });
      throw error;
    }
    return new BuildLock(path, token, file, times);
  }

  /** Whether nobody took the lock away. */
  async isHeld(): Promise<boolean> {
    return (await contentOf(this.#path))?.startsWith(this.token) ?? false;
  }

  async release(): Promise<void> {
    this.#stopped.abort();
    await this.#beating;
    await this.#file.close();
    if (await this.isHeld()) await rm(this.#path, { force: true });
  }

  /** Behind the token stands a number that grows. */
  async #beat(beatMs: number): Promise<void> {
    for (let beats = 1; !this.#stopped.signal.aborted; beats++) {
      try {
        await delay(beatMs, undefined, { signal: this.#stopped.signal, ref: false });
        await this.#file.write(String(beats), this.token.length);
      } catch {
        // A beat that could not be written is missed: after several the lock counts as stale, which does no harm.
      }
    }
  }
}

async function contentOf(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}
