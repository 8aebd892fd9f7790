import { DIGEST_BYTES } from '@codex/content';
import type { BlockIndex } from './block-index.ts';
import type { BlockStore } from './block-store.ts';
import type { Committer } from './committer.ts';
import { nodePageKey, TABLE, treeIdKey, WORK } from './records.ts';
import type { Entry, Tables } from './tables.ts';
import { HELD_PAGE_LEAVES, PAGE_WIDTH } from './tree-pages.ts';

/** References released in one go: about 2 ms of the main thread. */
const LEAVES_PER_STEP = 256;

/** Pages of nodes deleted in one go. */
const PAGES_PER_STEP = 64;

/**
 * Deletes trees in small steps. A doomed tree stands in the work table until all its references are released; each step
 * clears the bits of the leaves whose references it releases, so that it can be cut short anywhere and taken up again.
 */
export class Reaper {
  readonly #tables: Tables;
  readonly #index: BlockIndex;
  readonly #store: BlockStore;
  readonly #committer: Committer;
  readonly #queue: number[] = [];
  #running: Promise<void> | undefined;
  #stopped = false;

  constructor(components: { tables: Tables; index: BlockIndex; store: BlockStore; committer: Committer }) {
    this.#tables = components.tables;
    this.#index = components.index;
    this.#store = components.store;
    this.#committer = components.committer;
  }

  /** Marks a tree; its work begins by itself. */
  doom(id: number): void {
    this.#tables.put(treeIdKey(TABLE.work, id), WORK.doomed);
    this.#queue.push(id);
  }

  /** Dooms what was under way when the store was closed, except assemblies, which can go on. */
  recover(): void {
    for (const [key, state] of [...this.#tables.entries(TABLE.work)]) {
      if (state[0] !== WORK.assembling[0]) this.doom(Buffer.from(key).readUIntBE(1, 6));
    }
  }

  /** Resolves when no doomed tree is left, or the reaper was stopped. */
  drain(): Promise<void> {
    this.#running ??= this.#work();
    return this.#running;
  }

  /** Ends after the step that is under way; the rest is taken up when the store is opened again. */
  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#running;
  }

  async #work(): Promise<void> {
    try {
      // Never ends in the turn in which it began: `drain` must have kept the promise by then.
      await Promise.resolve();
      for (let id = this.#queue[0]; id !== undefined && !this.#stopped; id = this.#queue[0]) {
        await this.#reap(id);
        if (!this.#stopped) this.#queue.shift();
      }
    } finally {
      this.#running = undefined;
    }
  }

  async #reap(id: number): Promise<void> {
    for (;;) {
      const [page] = this.#pageOf(TABLE.held, id, 1);
      if (!page) break;
      await this.#releasePage(id, page);
      if (this.#stopped) return;
    }
    for (let pages = this.#pageOf(TABLE.pages, id, PAGES_PER_STEP); pages.length > 0; ) {
      for (const [key] of pages) this.#tables.delete(key);
      await this.#pause();
      if (this.#stopped) return;
      pages = this.#pageOf(TABLE.pages, id, PAGES_PER_STEP);
    }
    this.#tables.delete(treeIdKey(TABLE.work, id));
    await this.#committer.wrote(0);
  }

  /** Releases the references of one page of the held bitmap. */
  async #releasePage(id: number, [key, bytes]: Entry): Promise<void> {
    const first = Buffer.from(key).readUInt32BE(7) * HELD_PAGE_LEAVES;
    const left = new Uint8Array(bytes);
    for (let from = 0; from < bytes.length * 8; from += LEAVES_PER_STEP) {
      await this.#store.exclusively(() => {
        for (let i = from; i < Math.min(from + LEAVES_PER_STEP, bytes.length * 8); i++) {
          if ((left[i >> 3]! & (1 << (i & 7))) === 0) continue;
          left[i >> 3]! &= ~(1 << (i & 7));
          const digest = this.#leaf(id, first + i);
          if (digest) this.#index.dropReference(digest);
        }
        const last = from + LEAVES_PER_STEP >= bytes.length * 8;
        if (last) this.#tables.delete(key);
        else this.#tables.put(key, left.slice());
      });
      await this.#pause();
      if (this.#stopped) return;
    }
  }

  /** Leaves come first in their page, whatever the shape of the tree. */
  #leaf(id: number, index: number): Uint8Array | undefined {
    const offset = (index % PAGE_WIDTH) * DIGEST_BYTES;
    return this.#tables
      .get(nodePageKey(id, 0, Math.floor(index / PAGE_WIDTH)))
      ?.subarray(offset, offset + DIGEST_BYTES);
  }

  #pageOf(table: Uint8Array, id: number, limit: number): Entry[] {
    return this.#tables.page(treeIdKey(table, id), treeIdKey(table, id + 1), limit);
  }

  /** Lets others run. */
  async #pause(): Promise<void> {
    await this.#committer.wrote(0);
    await new Promise((resolve) => setImmediate(resolve));
  }
}
