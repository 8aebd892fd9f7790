import { type AbortOptions, type Clock, type Logger, raceSignal } from '@codex/runtime';
import { blockNear, type Moment } from '../blocks/block-search.ts';
import type { BlockTrail } from '../blocks/block-trail.ts';
import { type Header, parseHeader, toQuantity } from '../blocks/header.ts';
import type { TracedEvent } from '../marketplace.ts';
import type { ChainMetrics } from '../metrics.ts';
import type { RpcPool } from '../rpc/rpc-pool.ts';
import type { Cursor, ToldBlock } from './cursor.ts';
import type { MarketLogs } from './market-logs.ts';

export interface LogFollowerComponents {
  readonly pool: RpcPool;
  readonly trail: BlockTrail;
  readonly logs: MarketLogs;
  readonly cursor: Cursor;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: ChainMetrics;
}

export interface LogFollowerInit {
  readonly listener: (events: readonly TracedEvent[]) => void | Promise<void>;
  /** Seconds; where to begin without a cursor. Default: with the blocks that come. */
  readonly from?: number | undefined;
}

/** After a failure of the chain or of the listener; doubles up to the second. */
const AGAIN_MS = 250;
const AGAIN_MAX_MS = 15_000;
/** Blocks of the trail that are told at once. */
const BLOCKS_AT_ONCE = 32;
/** Without events the cursor is saved only so often: going over some empty blocks again is cheap. */
const SAVE_BLOCKS = 32n;

/**
 * Tells a listener all events of the marketplace, block after block. It goes on only from a block that is the parent of the next; when what
 * it has told is no longer in the chain, that is told as undone first.
 */
export class LogFollower {
  readonly #c: LogFollowerComponents;
  readonly #init: LogFollowerInit;
  #savedAt = -1n;

  constructor(components: LogFollowerComponents, init: LogFollowerInit) {
    this.#c = components;
    this.#init = init;
  }

  /** Runs until the signal is aborted, and resolves then. */
  async run({ signal }: AbortOptions): Promise<void> {
    const { clock, trail, logger } = this.#c;
    let delayMs = AGAIN_MS;
    while (!signal?.aborted) {
      try {
        // Asked for before looking: a change in between is not slept through.
        const change = trail.changed({ signal });
        change.catch(() => {});
        const isDone = await this.#step(signal);
        delayMs = AGAIN_MS;
        if (isDone) await change;
      } catch (error) {
        if (signal?.aborted) break;
        logger.warn('Cannot follow the events of the marketplace; trying again', { error, delayMs });
        await clock.sleep(delayMs, { signal }).catch(() => {});
        delayMs = Math.min(delayMs * 2, AGAIN_MAX_MS);
      }
    }
    await this.#c.cursor.save().catch((error) => logger.warn('Cannot save how far events were told', { error }));
  }

  /** Tells what comes next. True: there is nothing more for now. */
  async #step(signal: AbortSignal | undefined): Promise<boolean> {
    const { trail, cursor } = this.#c;
    if (!cursor.newest) return this.#begin(signal);
    if (await this.#undo(signal)) return false;
    const newest = cursor.newest;
    const { tip, lowest } = trail;
    if (newest.number >= tip.number) return true;
    const next = newest.number + 1n;
    if (next < lowest.number) {
      // Never past what the trail holds: from there on blocks are linked to each other.
      const page = await this.#c.logs.page(next, lowest.number - 1n, { signal });
      if (!page) throw new Error(`No back end knows block ${next}`);
      await this.#tell(page.events, page.last, signal);
      return false;
    }
    const headers: Header[] = [];
    let parent = newest.hash;
    for (let number = next; number <= tip.number && headers.length < BLOCKS_AT_ONCE; number++) {
      const header = trail.at(number);
      if (!header || header.parentHash !== parent) break;
      headers.push(header);
      parent = header.hash;
    }
    const last = headers.at(-1);
    // The next block has another parent: what was told is looked through at the next step, once the trail knows.
    if (!last) return !(await this.#isAstray(newest, signal));
    const events = await this.#eventsOf(headers, signal);
    if (events) await this.#tell(events, last, signal);
    return false;
  }

  /** Undefined: blocks fell out of the chain meanwhile. No back end may know theirs any more, and it would be asked for in vain. */
  async #eventsOf(
    headers: readonly Header[],
    signal: AbortSignal | undefined,
  ): Promise<readonly TracedEvent[] | undefined> {
    const { trail, logs } = this.#c;
    const dropped = new AbortController();
    const off = trail.onChange((change) => {
      if (change.dropped.length > 0) dropped.abort();
    });
    try {
      const ends = signal ? AbortSignal.any([signal, dropped.signal]) : dropped.signal;
      return await logs.ofBlocks(headers, { signal: ends });
    } catch (error) {
      if (dropped.signal.aborted && !signal?.aborted) return undefined;
      throw error;
    } finally {
      off();
    }
  }

  /** The first time: where to begin. */
  async #begin(signal: AbortSignal | undefined): Promise<boolean> {
    const { from } = this.#init;
    const { tip } = this.#c.trail;
    if (from === undefined) {
      this.#c.cursor.advance(tip, []);
      await this.#c.cursor.save();
      return false;
    }
    const number = await this.#blockAt(BigInt(Math.floor(from)), signal);
    if (number > tip.number) {
      this.#c.cursor.advance(tip, []);
      return false;
    }
    if (number === 0n) {
      // Nothing stands before the first block: it is told itself.
      const page = await this.#c.logs.page(0n, 0n, { signal });
      if (!page) throw new Error('No back end knows the first block');
      await this.#tell(page.events, page.last, signal);
      return false;
    }
    const before = await this.#header(number - 1n, signal);
    if (!before) throw new Error(`No back end knows block ${number - 1n}`);
    this.#c.cursor.advance(before, []);
    return false;
  }

  /** The first block that is not before a time; one above the tip if there is none. */
  async #blockAt(time: bigint, signal: AbortSignal | undefined): Promise<bigint> {
    const at = async (number: bigint): Promise<Moment> => {
      const header = await this.#header(number, signal);
      if (!header) throw new Error(`No back end knows block ${number}`);
      return header;
    };
    const { tip } = this.#c.trail;
    const earliest = parseHeader(await this.#c.pool.request('eth_getBlockByNumber', ['earliest', false], { signal }));
    if (!earliest) throw new Error('No back end knows its first block');
    if (earliest.number > 0n && earliest.timestamp > time) {
      this.#c.logger.warn('The chain is not known so far back', { time, earliest: earliest.timestamp });
    }
    const near = await blockNear(time, { earliest, latest: tip, at });
    return (await at(near)).timestamp < time ? near + 1n : near;
  }

  /** Whether the chain has another block than the newest that was told. */
  async #isAstray({ number, hash }: ToldBlock, signal: AbortSignal | undefined): Promise<boolean> {
    const header = this.#c.trail.at(number) ?? (await this.#header(number, signal));
    return header !== undefined && header.hash !== hash;
  }

  /** Tells as undone what fell out of the chain. True: something did. */
  async #undo(signal: AbortSignal | undefined): Promise<boolean> {
    const { trail, cursor, logger, metrics } = this.#c;
    const newest = cursor.newest!;
    const known = trail.at(newest.number);
    if (known?.hash === newest.hash) return false;
    // A parent in the trail says as much, just behind it.
    if (!known && trail.at(newest.number + 1n)?.parentHash === newest.hash) return false;
    const { blocks } = cursor;
    let keep = blocks.length;
    let isConflict = false;
    for (; keep > 0; keep--) {
      const { number, hash } = blocks[keep - 1]!;
      // Above the tip nothing is known: a chain that is behind has undone nothing yet.
      if (number > trail.tip.number) continue;
      const header = trail.at(number) ?? (await this.#header(number, signal));
      if (!header) throw new Error(`No back end knows block ${number}`);
      if (header.hash === hash) break;
      isConflict = true;
    }
    if (!isConflict) return false;
    const undone = blocks
      .slice(keep)
      .flatMap(({ events }) => events)
      .reverse();
    logger.notice('Events fell out of the chain', { events: undone.length, blocks: blocks.length - keep });
    if (undone.length > 0)
      await this.#hear(
        undone.map((event) => ({ ...event, undone: true })),
        signal,
      );
    metrics.eventsUndone.inc(undone.length);
    const lowest = blocks[0]!;
    cursor.cut(keep);
    if (keep === 0) await this.#beginAgain(lowest, signal);
    await cursor.save();
    return true;
  }

  /** Nothing that is kept is in the chain: it is gone through again, from where it began or from what was undone. */
  async #beginAgain(lowest: ToldBlock, signal: AbortSignal | undefined): Promise<void> {
    this.#c.logger.warn('The chain changed further back than is kept; it is read again', { block: lowest.number });
    if (this.#init.from !== undefined) return;
    const before = lowest.number > 0n ? await this.#header(lowest.number - 1n, signal) : undefined;
    if (before) this.#c.cursor.advance(before, []);
  }

  async #tell(events: readonly TracedEvent[], last: Header, signal: AbortSignal | undefined): Promise<void> {
    signal?.throwIfAborted();
    if (events.length > 0) await this.#hear(events, signal);
    this.#c.metrics.events.inc(events.length);
    this.#c.cursor.advance(last, events);
    if (events.length === 0 && last.number - this.#savedAt < SAVE_BLOCKS) return;
    await this.#c.cursor.save();
    this.#savedAt = last.number;
  }

  /** A listener that never ends holds up nobody but itself: when the follower is ended, it is not waited for. */
  async #hear(events: readonly TracedEvent[], signal: AbortSignal | undefined): Promise<void> {
    await raceSignal(Promise.resolve(this.#init.listener(events)), signal);
  }

  async #header(number: bigint, signal: AbortSignal | undefined): Promise<Header | undefined> {
    const known = this.#c.trail.at(number);
    if (known) return known;
    return parseHeader(await this.#c.pool.request('eth_getBlockByNumber', [toQuantity(number), false], { signal }));
  }
}
