import type { Clock } from '@codex/runtime';
import type { BlockTrail } from '../blocks/block-trail.ts';
import type { Entry } from './journal.ts';

export interface PatienceComponents {
  readonly clock: Clock;
  readonly trail: Pick<BlockTrail, 'tip' | 'paceMs' | 'blockSeconds'>;
}

export interface PatienceInit {
  /** After so long in no block a transaction is sent again with higher fees. Default: some blocks' time. */
  readonly replaceAfterMs?: number | undefined;
}

/** When a transaction's price was set, and when it was sent last, on the monotonic clock. */
export interface SentAt {
  readonly first: number;
  readonly last: number;
}

/** Blocks that a transaction is waited for before it is paid more for … */
const REPLACE_BLOCKS = 4;
/** … and at least so long: a congested moment passes. */
const REPLACE_MIN_MS = 20_000;
/** A node may have lost it: it is told again … */
const AGAIN_MS = 5_000;
/** … where blocks are slower, after so many of them without it. */
const AGAIN_BLOCKS = 2.5;
/** Blocks that may pass it before more is asked than for its receipt. */
const PASSED_BLOCKS_MAX = 2;

interface Wait {
  /** The newest block when it was sent, or found to be in no block. */
  passed: bigint;
  /** The newest block when it was looked for last. */
  doubted: bigint;
  /** That passed it. */
  blocks: number;
}

/** How long transactions that are in no block are left alone: until there is another block, or something has to be done. */
export class Patience {
  readonly #c: PatienceComponents;
  readonly #init: PatienceInit;
  readonly #waits = new WeakMap<Entry, Wait>();

  constructor(components: PatienceComponents, init: PatienceInit) {
    this.#c = components;
    this.#init = init;
  }

  /** It was sent: no block that is known can have it. */
  begin(entry: Entry): void {
    this.#waits.set(entry, { passed: this.#c.trail.tip.number, doubted: -1n, blocks: 0 });
  }

  /** No block up to `number` seems to have it. False: once more, for whoever said so may be behind. */
  missed(entry: Entry, number: bigint): boolean {
    const wait = this.#waits.get(entry) ?? { passed: -1n, doubted: -1n, blocks: 0 };
    this.#waits.set(entry, wait);
    const isSure = wait.doubted === number;
    wait.doubted = number;
    if (isSure) {
      wait.passed = number;
      wait.blocks++;
    }
    return isSure;
  }

  /** It was looked for once when `number` was the newest block. */
  isDoubted(entry: Entry, number: bigint): boolean {
    return this.#waits.get(entry)?.doubted === number;
  }

  /** There may be news of it. */
  isOver(entry: Entry, sentAt: SentAt | undefined): boolean {
    const wait = this.#waits.get(entry);
    return !wait || wait.passed < this.#c.trail.tip.number || this.isSuspicious(entry, sentAt);
  }

  /** It should have been in a block by now. While it was on its way to a node one may well have passed it. */
  isSuspicious(entry: Entry, sentAt: SentAt | undefined): boolean {
    const wait = this.#waits.get(entry);
    if (!sentAt || !wait || wait.blocks >= PASSED_BLOCKS_MAX) return true;
    return this.isAgainDue(sentAt) || this.isReplaceDue(sentAt);
  }

  isAgainDue({ last }: SentAt): boolean {
    return this.#c.clock.monotonic() - last >= Math.max(AGAIN_MS, (this.#c.trail.paceMs ?? 0) * AGAIN_BLOCKS);
  }

  isReplaceDue({ first }: SentAt): boolean {
    const { clock, trail } = this.#c;
    const usualMs = (trail.blockSeconds ?? 1) * 1000 * REPLACE_BLOCKS;
    return clock.monotonic() - first >= (this.#init.replaceAfterMs ?? Math.max(usualMs, REPLACE_MIN_MS));
  }
}
