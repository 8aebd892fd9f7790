import type { Cancel, Clock } from '@codex/runtime';
import { StoreError } from '../errors.ts';
import { diskError } from './disk-errors.ts';
import type { Tables } from './tables.ts';

/** Written bytes after which a commit begins by itself: bounds what a crash loses of unfinished work. */
const COMMIT_BYTES = 64 * 1024 * 1024;

/** Index changes after which a commit begins by itself: writing them takes a few ms of the main thread. */
const COMMIT_CHANGES = 2048;

/** How long unfinished work stays without a commit, ms. */
const COMMIT_DELAY_MS = 500;

/** Something with changes in memory of its own, which it puts into the tables when a commit begins. */
export interface Staged {
  stage(): void;
}

/**
 * Makes changes durable in groups: bytes first, then the index that points to them, in one transaction. Whoever asks
 * while a commit runs shares the next one.
 */
export class Committer {
  readonly #tables: Tables;
  readonly #clock: Clock;
  readonly #sync: () => Promise<void>;
  readonly #staged = new Set<Staged>();
  #after: (() => Promise<void>)[] = [];
  #running: Promise<void> | undefined;
  #next: Promise<void> | undefined;
  #bytes = 0;
  #timer: Cancel | undefined;
  /** For good. */
  #failure: Error | undefined;
  /** Of the last commit: while it lasts, changes gather in memory, up to a limit. */
  #lastError: Error | undefined;

  constructor(components: { tables: Tables; clock: Clock; sync: () => Promise<void> }) {
    this.#tables = components.tables;
    this.#clock = components.clock;
    this.#sync = components.sync;
  }

  /** `what.stage()` will be called once, when the next commit begins. */
  touch(what: Staged): void {
    this.#staged.add(what);
  }

  /** Runs `work` after the next commit: for what must not happen before the changes are durable. */
  afterCommit(work: () => Promise<void>): void {
    this.#after.push(work);
  }

  /** Error: why the store takes no more writes. */
  checkUsable(): void {
    if (this.#failure) throw this.#failure;
    if (this.#lastError && this.#tables.changes >= 2 * COMMIT_CHANGES) throw this.#lastError;
  }

  /** Takes note of written bytes; commits when it is time to. Resolves at once unless too much is under way. */
  async wrote(bytes: number): Promise<void> {
    this.#bytes += bytes;
    const full = this.#bytes >= COMMIT_BYTES || this.#tables.changes >= COMMIT_CHANGES;
    if (!full) {
      this.#timer ??= this.#clock.schedule(COMMIT_DELAY_MS, () => this.flush().catch(() => {}));
      return;
    }
    // One generation may gather while another is written; a third has to wait.
    const running = this.#running;
    const flushed = this.flush();
    flushed.catch(() => {});
    if (running) await running.catch(() => {});
  }

  /** Resolves when every change made so far is durable. Errors: `DISK_FULL`, `DISK_FAILED`. */
  flush(): Promise<void> {
    this.#next ??= this.#commitAfter(this.#running);
    return this.#next;
  }

  /** Commits for the last time; whoever writes afterwards is told that the store is closed. */
  async close(): Promise<void> {
    try {
      await this.flush();
    } finally {
      this.#failure ??= new StoreError('STORE_CLOSED', 'The repository is closed');
      this.#timer?.();
    }
  }

  async #commitAfter(running: Promise<void> | undefined): Promise<void> {
    // A turn of the event loop gathers the changes of callers that are about to ask as well.
    await (running ? running.catch(() => {}) : new Promise((resolve) => setImmediate(resolve)));
    this.#running = this.#commit();
    this.#next = undefined;
    try {
      await this.#running;
    } finally {
      if (!this.#next) this.#running = undefined;
    }
  }

  async #commit(): Promise<void> {
    this.checkUsable();
    this.#timer?.();
    this.#timer = undefined;
    for (const what of this.#staged) what.stage();
    this.#staged.clear();
    const after = this.#after;
    this.#after = [];
    const bytes = this.#bytes;
    this.#bytes = 0;
    try {
      if (this.#tables.changes > 0) await this.#tables.commit(() => this.#syncBytes());
    } catch (error) {
      this.#bytes += bytes;
      this.#after.unshift(...after);
      this.#lastError = diskError(error);
      throw this.#lastError;
    }
    this.#lastError = undefined;
    for (const work of after) await work();
  }

  async #syncBytes(): Promise<void> {
    try {
      await this.#sync();
    } catch (error) {
      // What the system could not write it may have dropped: nothing written since the last commit can be trusted.
      this.#failure = new StoreError(
        'DISK_FAILED',
        'Syncing failed; the store takes no writes until it is reopened',
        {},
        {
          cause: error,
        },
      );
      throw this.#failure;
    }
  }
}
