import type { AbortOptions, Cancel, Clock, Logger } from '@codex/runtime';
import { raceSignal } from '@codex/runtime';
import { MarketError } from '../../errors.ts';
import type { ChainMetrics } from '../metrics.ts';
import type { RpcPool } from '../rpc/rpc-pool.ts';
import { type Header, parseHeader, toQuantity } from './header.ts';

export interface BlockTrailComponents {
  readonly pool: RpcPool;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: ChainMetrics;
}

export interface BlockTrailInit {
  /** How often the head is asked for; default: as the chain's blocks come. */
  readonly pollMs?: number | undefined;
}

/** How the chain changed: `dropped` fell out of it, `added` are new, both in ascending order. */
export interface TrailChange {
  readonly dropped: readonly Header[];
  readonly added: readonly Header[];
}

/** Re-organisations are followed through so many blocks; no chain that is used has gone back further. */
export const TRAIL_BLOCKS = 128;
/** Known from the start: enough for the usual re-organisation. */
const START_BLOCKS = 32;
/** A gap wider than this is not filled: the trail begins anew behind it. */
const GAP_MAX = 64;
const POLL_MIN_MS = 250;
/** As often as the reference asks (16 §3), where nothing is known of when blocks come. */
const POLL_MAX_MS = 4_000;
/** Their times say how fast blocks come now. */
const PACE_BLOCKS = 16;
/** Blocks that come more seldom have no pace: they come when there is something in them. */
const PACE_MAX_MS = 15_000;
/** The next block is asked for when it is as good as there: one question for each, and not late for long. */
const EARLY = 0.97;
/** Of the time without a block, how long is waited for one that is late. */
const LATE = 0.25;
/** Where new blocks are told, their silence is believed for so many of them. */
const TOLD_BLOCKS = 3;
/** Answers did not fit together: back ends disagree, and are asked again. */
const AGAIN_MS = 150;
/** Heads below all that is known, one after the other, after which it is another chain under the same name. */
const BELOW_MAX = 10;
/** So many heads in a row tell how far back ends are: of three in turn, one of the freshest is among them. */
const SEEN_HEADS = 8;
/** As long as this no back end may know the tip before it is taken to be gone: some may be far behind, and asked several times in a row. */
const FRESH_MS = 15_000;
/** A chain is late after so many times the usual … */
const STALE_BLOCKS = 10;
/** … and never before this. */
const STALE_MIN_MS = 30_000;

/**
 * The newest blocks of the chain, each the child of the one before. The only part that asks for heads: everything else is woken by it. A
 * back end that lags is not believed to have undone blocks; one that shows another block in the place of a known one has to do so twice.
 * A head that an end point tells of itself is taken if it is the child of the newest block, and makes it ask otherwise.
 */
export class BlockTrail {
  readonly #c: BlockTrailComponents;
  readonly #pollMs: number | undefined;
  readonly #listeners = new Set<(change: TrailChange) => void>();
  readonly #ended = new AbortController();
  #blocks: Header[] = [];
  #polling: Promise<void> | undefined;
  #next: Promise<void> | undefined;
  #wake: ((isDue: boolean) => void) | undefined;
  /** New blocks are told before they are asked for. */
  #isTold = false;
  #offHead: Cancel | undefined;
  #loop: Promise<void> | undefined;
  #grownAt = 0;
  #below = 0;
  #seen: bigint[] = [];
  #freshAt = 0;
  #isStale = false;

  constructor(components: BlockTrailComponents, init: BlockTrailInit = {}) {
    this.#c = components;
    this.#pollMs = init.pollMs;
  }

  /** Reads the newest blocks, and follows the chain from then on. Errors: those of `RpcPool.request`. */
  async start({ signal }: AbortOptions = {}): Promise<void> {
    while (this.#blocks.length === 0) {
      await this.#begin([], signal);
      if (this.#blocks.length === 0) await this.#c.clock.sleep(AGAIN_MS, { signal });
    }
    this.#grownAt = this.#c.clock.monotonic();
    this.#freshAt = this.#grownAt;
    this.#offHead = this.#c.pool.onHead((head) => this.#told(parseHeader(head)));
    this.#loop = this.#follow();
  }

  async close(): Promise<void> {
    this.#offHead?.();
    this.#ended.abort(new MarketError('CHAIN_UNREACHABLE', 'The connection to the chain is closed'));
    this.#wake?.(false);
    await this.#loop;
  }

  /** The newest block. */
  get tip(): Header {
    const tip = this.#blocks.at(-1);
    if (!tip) throw new MarketError('CHAIN_UNREACHABLE', 'No block is known yet');
    return tip;
  }

  /** The oldest block that is kept. */
  get lowest(): Header {
    return this.#blocks[0] ?? this.tip;
  }

  /** Seconds from block to block, on average; undefined with fewer than two times. */
  get blockSeconds(): number | undefined {
    const { tip, lowest } = this;
    const blocks = Number(tip.number - lowest.number);
    const seconds = Number(tip.timestamp - lowest.timestamp);
    return blocks > 0 && seconds > 0 ? seconds / blocks : undefined;
  }

  /** Milliseconds from block to block as they come now; undefined where they have no pace. */
  get paceMs(): number | undefined {
    const last = this.#blocks.slice(-1 - PACE_BLOCKS);
    const gaps = last.slice(1).map(({ timestamp }, i) => Number(timestamp - last[i]!.timestamp));
    if (gaps.length === 0) return undefined;
    // Not the mean: a chain that was started fast, or stood still once, comes as it does by now.
    const median = gaps.toSorted((a, b) => a - b)[gaps.length >> 1]!;
    const seconds = median > 0 ? median : gaps.reduce((sum, gap) => sum + gap, 0) / gaps.length;
    return seconds > 0 && seconds * 1000 <= PACE_MAX_MS ? seconds * 1000 : undefined;
  }

  /** Whether new blocks are told: asking for them would be of no use. */
  get isTold(): boolean {
    return this.#isTold;
  }

  /** What reads must know at least, so that none is older than what was told. Lower than the tip only when all of the chain seems to be. */
  get floor(): bigint {
    const { number } = this.tip;
    const isFresh = this.#c.clock.monotonic() - this.#freshAt < FRESH_MS;
    if (isFresh || this.#seen.length === 0 || this.#seen.some((head) => head >= number)) return number;
    return this.#seen.toSorted((a, b) => Number(a - b)).at(-1)!;
  }

  get isStale(): boolean {
    return this.#isStale;
  }

  at(number: bigint): Header | undefined {
    const { lowest } = this;
    return number < lowest.number ? undefined : this.#blocks[Number(number - lowest.number)];
  }

  onChange(listener: (change: TrailChange) => void): Cancel {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Resolves with the next change. */
  changed({ signal }: AbortOptions = {}): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const off = this.onChange(() => resolve());
    const ends = signal ? AbortSignal.any([signal, this.#ended.signal]) : this.#ended.signal;
    return raceSignal(promise, ends).finally(off);
  }

  /** Asks for the head; what it learns is there when this resolves. Never rejects. */
  poll(): Promise<void> {
    if (!this.#polling) {
      this.#polling = this.#poll().finally(() => {
        this.#polling = undefined;
      });
      return this.#polling;
    }
    // The question that is under way may have been answered before this one was asked.
    this.#next ??= this.#polling.then(() => {
      this.#next = undefined;
      return this.poll();
    });
    return this.#next;
  }

  async #follow(): Promise<void> {
    const { signal } = this.#ended;
    while (!signal.aborted) {
      const isDue = await new Promise<boolean>((resolve) => {
        const cancel = this.#c.clock.schedule(this.#delayMs(), () => resolve(true));
        this.#wake = (due) => {
          cancel();
          resolve(due);
        };
        if (signal.aborted) this.#wake(false);
      });
      this.#wake = undefined;
      if (isDue && !signal.aborted) await this.poll();
    }
  }

  #delayMs(): number {
    if (this.#pollMs !== undefined) return this.#pollMs;
    const { paceMs } = this;
    if (this.#isTold) return Math.max((paceMs ?? 0) * TOLD_BLOCKS, POLL_MAX_MS);
    if (paceMs === undefined) return Math.min(Math.max((this.blockSeconds ?? 1) * 500, POLL_MIN_MS), POLL_MAX_MS);
    const silentMs = this.#c.clock.monotonic() - this.#grownAt;
    const aheadMs = paceMs * EARLY - silentMs;
    return Math.max(aheadMs > 0 ? aheadMs : Math.min(silentMs * LATE, POLL_MAX_MS), POLL_MIN_MS);
  }

  /** An end point tells of a new head. */
  #told(head: Header | undefined): void {
    if (this.#ended.signal.aborted) return;
    const isKnown = head && this.at(head.number)?.hash === head.hash;
    if (!isKnown && (!head || this.#polling || head.parentHash !== this.tip.hash)) {
      // What it means is found out by asking.
      if (this.#wake) this.#wake(true);
      else void this.poll();
      return;
    }
    this.#isTold = true;
    this.#freshAt = this.#c.clock.monotonic();
    if (!isKnown) this.#change({ dropped: [], added: [head] }, [...this.#blocks, head].slice(-TRAIL_BLOCKS));
    this.#watch();
    this.#wake?.(false);
  }

  async #poll(): Promise<void> {
    const { signal } = this.#ended;
    const before = this.tip.number;
    try {
      // Back ends that disagree are asked again at once, but not for ever.
      for (let tries = 0; tries < 3 && !signal.aborted; tries++) {
        const head = parseHeader(await this.#c.pool.request('eth_getBlockByNumber', ['latest', false], { signal }));
        if (head) this.#seen = [...this.#seen, head.number].slice(-SEEN_HEADS);
        const isDone = head !== undefined && (await this.#integrate(head));
        if (head && head.number >= this.tip.number) this.#freshAt = this.#c.clock.monotonic();
        if (isDone) break;
        await this.#c.clock.sleep(AGAIN_MS, { signal });
      }
    } catch (error) {
      if (!signal.aborted) this.#c.logger.warn('Cannot ask for the newest block', { error });
    }
    // Not told of it, or not yet: then the telling sets it right.
    if (this.tip.number > before) this.#isTold = false;
    if (!signal.aborted) this.#watch();
  }

  async #begin(dropped: readonly Header[], signal: AbortSignal | undefined): Promise<void> {
    const head = parseHeader(await this.#c.pool.request('eth_getBlockByNumber', ['latest', false], { signal }));
    if (!head) return;
    const from = head.number > BigInt(START_BLOCKS) ? head.number - BigInt(START_BLOCKS) : 0n;
    const older = await this.#headers(from, head.number - 1n, signal);
    const blocks = linked(older, head);
    if (blocks) this.#change({ dropped, added: blocks }, blocks);
  }

  /** False: answers contradict each other. */
  async #integrate(head: Header): Promise<boolean> {
    const { tip, lowest } = this;
    if (this.at(head.number)?.hash === head.hash) return true;
    if (head.number < lowest.number) {
      if (++this.#below < BELOW_MAX) return true;
      this.#c.logger.warn('The chain began anew', { head: head.number, known: tip.number });
      await this.#begin(this.#blocks, this.#ended.signal);
      this.#below = 0;
      return true;
    }
    this.#below = 0;
    if (head.number > tip.number + BigInt(GAP_MAX)) {
      await this.#begin([], this.#ended.signal);
      return true;
    }
    if (head.number <= tip.number) {
      const [again] = await this.#headers(head.number, head.number, this.#ended.signal);
      if (again?.hash !== head.hash) return false;
    }
    return this.#link(head);
  }

  /** Fetches what lies between the head and the blocks that are known. */
  async #link(head: Header): Promise<boolean> {
    const { tip, lowest } = this;
    let added = [head];
    for (let step = 0; ; step++) {
      const first = added[0]!;
      const parent = this.at(first.number - 1n);
      if (parent?.hash === first.parentHash) {
        const keep = Number(parent.number - lowest.number) + 1;
        const dropped = this.#blocks.slice(keep);
        const blocks = [...this.#blocks.slice(0, keep), ...added].slice(-TRAIL_BLOCKS);
        this.#change({ dropped, added }, blocks);
        return true;
      }
      if (first.number <= lowest.number) {
        this.#change({ dropped: this.#blocks, added }, added);
        return true;
      }
      // At first what is new; then back through what is known, in growing steps.
      const to = first.number - 1n;
      const wanted = to > tip.number ? tip.number + 1n : to - BigInt(2 ** Math.min(step, 5)) + 1n;
      const from = wanted < lowest.number ? lowest.number : wanted;
      const more = linked(await this.#headers(from, to, this.#ended.signal), first);
      if (!more) return false;
      added = [...more.slice(0, -1), ...added];
      added = this.#withoutKnown(added);
    }
  }

  /** Drops the blocks at the beginning that are known already, so that the first is the child of a known one. */
  #withoutKnown(added: Header[]): Header[] {
    const at = added.findIndex((header) => this.at(header.number)?.hash !== header.hash);
    return at > 0 ? added.slice(at) : added;
  }

  async #headers(from: bigint, to: bigint, signal: AbortSignal | undefined): Promise<(Header | undefined)[]> {
    const calls = [];
    for (let number = from; number <= to; number++) {
      calls.push({ method: 'eth_getBlockByNumber', params: [toQuantity(number), false] });
    }
    const answers = await this.#c.pool.batch(calls, { signal });
    return answers.map(({ result }) => parseHeader(result));
  }

  #change(change: TrailChange, blocks: Header[]): void {
    const before = this.#blocks.at(-1)?.number ?? -1n;
    this.#blocks = blocks;
    this.#c.metrics.head.set(Number(this.tip.number));
    if (this.tip.number > before || change.dropped.length > 0) this.#grownAt = this.#c.clock.monotonic();
    if (change.dropped.length > 0) {
      this.#c.metrics.reorgs.inc();
      this.#c.logger.notice('Blocks fell out of the chain', { blocks: change.dropped.length, head: this.tip.number });
    }
    for (const listener of [...this.#listeners]) listener(change);
  }

  #watch(): void {
    const usualMs = (this.blockSeconds ?? 0) * 1000;
    const silentMs = this.#c.clock.monotonic() - this.#grownAt;
    const isStale = silentMs > Math.max(STALE_BLOCKS * usualMs, STALE_MIN_MS);
    if (isStale && !this.#isStale) {
      this.#c.logger.warn('There is no new block for long', {
        head: this.tip.number,
        seconds: Math.round(silentMs / 1000),
      });
    }
    // Perhaps it is not the chain that stands still, but who tells us of it.
    if (isStale) this.#c.pool.avoidPreferred();
    this.#isStale = isStale;
    this.#c.metrics.stale.set(isStale ? 1 : 0);
  }
}

/** The headers in front of `last`, and it; undefined where one is missing or not the parent of the next. */
function linked(older: readonly (Header | undefined)[], last: Header): Header[] | undefined {
  const blocks: Header[] = [];
  for (const [i, header] of older.entries()) {
    const child = older[i + 1] ?? last;
    if (!header || (i + 1 < older.length && !older[i + 1]) || header.hash !== child.parentHash) return undefined;
    blocks.push(header);
  }
  return [...blocks, last];
}
