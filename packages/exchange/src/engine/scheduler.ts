import { type Cid, type Dataset, formatCid, type LeafRange } from '@codex/content';
import { isCodexError, type Random, raceSignal } from '@codex/runtime';
import { ExchangeError } from '../errors.ts';
import type { FetchDatasetOptions, LeafOffers } from '../fetcher.ts';
import type { BlockWants } from './block-wants.ts';
import { DatasetSession } from './dataset-session.ts';
import { FetchCaller } from './fetch-caller.ts';
import { markKnown } from './known-leaves.ts';
import { lowestRunOf, runMask } from './leaf-set.ts';
import type { Peer } from './peer.ts';
import type { Assignment, RequestEvents, WantedBlock } from './requester.ts';
import type { EngineParts } from './responder.ts';
import type { Sources } from './sources.ts';

export interface SchedulerComponents {
  readonly parts: EngineParts;
  readonly random: Random;
  readonly sources: Sources;
  readonly blockWants: BlockWants;
  /** Looks for peers that have `cid`, and connects them. */
  search(cid: Cid): void;
  /** A dataset has blocks now that can be served. */
  provide(dataset: Dataset): void;
  /** Ends the connection to a peer. */
  drop(peer: string, reason: string): void;
}

/** With fewer sources more are looked for while the fetch goes on, as the reference does (04 §9) … */
const SOURCES_MIN = 3;
/** … this often: in a swarm that began together, nobody knew of the others when it looked first. */
const SEARCH_MORE_MS = 10_000;
/** They announce themselves within a second or two of their first block: at first it looks sooner. */
const SEARCH_MORE_EARLY_MS = 3_000;

const searchGapMs = (session: DatasetSession, now: number): number =>
  now - session.begunAt < SEARCH_MORE_MS ? SEARCH_MORE_EARLY_MS : SEARCH_MORE_MS;

/** Decides who is asked for what: the same for both protocols. */
export class Scheduler implements RequestEvents {
  readonly #c: SchedulerComponents;
  readonly #parts: EngineParts;
  readonly #sessions = new Map<string, DatasetSession>();
  readonly #offs = new Map<DatasetSession, () => void>();
  #callers = 0;
  /** On the wire or being stored, over all sessions. */
  #inFlightBytes = 0;
  #pumping = false;
  #turn = 0;

  constructor(components: SchedulerComponents) {
    this.#c = components;
    this.#parts = components.parts;
  }

  /** Leaves that are wanted and not held. */
  get pendingBlocks(): number {
    let pending = 0;
    for (const session of this.#sessions.values()) for (const caller of session.callers) pending += caller.missing;
    return pending;
  }

  async fetch(dataset: Dataset, options: FetchDatasetOptions = {}): Promise<void> {
    options.signal?.throwIfAborted();
    const { leafCount } = dataset.ref;
    const { ranges } = options;
    for (const { start, count } of ranges ?? []) {
      if (!Number.isInteger(start) || !Number.isInteger(count) || start < 0 || count < 0 || start + count > leafCount) {
        throw new ExchangeError('RANGE_INVALID', 'No such leaves', { start, count, leafCount });
      }
    }
    if (this.#callers >= this.#parts.limits.fetchesMax) throw new ExchangeError('FETCHES_LIMIT', 'Too many fetches');
    const caller = new FetchCaller({ ranges, leafCount, random: this.#c.random, onProgress: options.onProgress });
    const session = this.#session(dataset);
    this.#callers++;
    session.join(caller);
    caller.report();
    if (caller.missing > 0) this.#begin(session);
    try {
      await raceSignal(caller.done.promise, options.signal);
    } finally {
      this.#callers--;
      session.leave(caller);
      if (session.callers.size === 0) this.#end(session);
    }
  }

  focus(key: string, index: number): void {
    this.#sessions.get(key)?.focus(index);
    this.#refresh(this.#sessions.get(key));
    this.pump();
  }

  /** What peers say about a tree that is being fetched; undefined while nobody said that they have any of it. */
  offers(key: string): LeafOffers | undefined {
    const session = this.#sessions.get(key);
    if (!session) return undefined;
    const holders = [...session.holders].filter(([, { leaves }]) => leaves.next(0, leaves.size) >= 0);
    if (holders.length === 0) return undefined;
    return {
      has: (leaf) => holders.some(([, { leaves }]) => leaves.has(leaf)),
      isAll: holders.every(([peer]) => peer.requester?.tellsAll === true),
    };
  }

  /** A peer can be asked now. */
  ready(peer: Peer): void {
    for (const session of this.#sessions.values()) peer.requester?.follow(session);
    this.pump();
  }

  left(peer: Peer): void {
    this.#releaseAll(peer);
    for (const session of this.#sessions.values()) session.holders.delete(peer);
    this.pump();
  }

  close(error: Error): void {
    for (const session of [...this.#sessions.values()]) this.#fail(session, error);
  }

  // What requesters report.

  lost(peer: Peer): void {
    this.#c.sources.lost(peer);
    this.left(peer);
    this.#c.blockWants.left(peer);
  }

  has(peer: Peer, session: DatasetSession, range?: { start: number; count: number }): void {
    if (session.closed || !peer.connected) return;
    session.has(peer, range);
    this.pump();
  }

  refused(assignment: Assignment, lacks: boolean): void {
    const { session, peer } = assignment;
    // A cancelled request is answered so too: it says nothing about what the peer holds.
    if (assignment.done) return;
    const next = assignment.recalledFor;
    if (lacks && !next && !session.closed) session.holding(peer).leaves.delete(assignment);
    this.#settle(assignment, false);
    if (next?.requester && next.assignments.size === 0 && !session.closed && session.isFree(assignment)) {
      this.#assign(next, session, assignment);
    }
    this.pump();
  }

  alive(peer: Peer): void {
    peer.lastBytesAt = this.#parts.clock.monotonic();
    peer.stalled = false;
  }

  delivered(assignment: Assignment): void {
    // The answer to a cancelled request is taken too, but is not counted any more.
    if (assignment.done) {
      const { session } = assignment;
      session.patienceMs = Math.min(2 * session.patienceMs, this.#parts.limits.stallMs);
      return;
    }
    this.#finish(assignment);
    const { session } = assignment;
    const now = this.#parts.clock.monotonic();
    assignment.peer.settled(assignment, now, true);
    this.#inFlightBytes -= assignment.bytes;
    // The leaves stay busy until they are stored.
    session.assignments.delete(assignment);
    session.progressAt = now;
    this.#parts.metrics.retrievalTimeUs.set(Math.round((now - assignment.sentAt) * 1000));
    this.#cancelDuplicates(assignment);
    this.pump();
  }

  async blocks(
    peer: Peer,
    session: DatasetSession,
    start: number,
    blocks: readonly Uint8Array[],
    learned: Promise<void>,
  ): Promise<void> {
    const bytes = blocks.reduce((sum, block) => sum + block.length, 0);
    this.#parts.metrics.blocksReceived.inc(blocks.length);
    this.#parts.metrics.bytesReceived.inc(bytes);
    const twice = blocks.length - session.need.countIn({ start, count: blocks.length });
    if (!session.closed && twice > 0) this.#parts.metrics.duplicateBlocksReceived.inc(twice);
    this.#logReceived(peer, session, start, blocks.length);
    this.#inFlightBytes += bytes;
    try {
      await learned;
      if (session.closed) return;
      const { rejected } = await session.dataset.putLeaves(start, blocks);
      if (rejected.length > 0) this.#wrong(peer, session, rejected);
      if (rejected.length < blocks.length) this.#c.provide(session.dataset);
    } catch (error) {
      if (isCodexError(error, 'PROOF_INVALID', 'TREE_INVALID')) this.#wrong(peer, session, [start]);
      else this.#fail(session, error);
    } finally {
      this.#inFlightBytes -= bytes;
      for (let i = 0; i < blocks.length; i += 32 - ((start + i) & 31)) {
        const count = Math.min(blocks.length - i, 32 - ((start + i) & 31));
        session.free((start + i) >>> 5, runMask((start + i) & 31, count));
      }
      this.pump();
    }
  }

  block(peer: Peer, block: WantedBlock, bytes: Uint8Array): Promise<void> {
    this.#parts.metrics.blocksReceived.inc();
    this.#parts.metrics.bytesReceived.inc(bytes.length);
    if (this.#parts.logger.isEnabled('debug')) {
      this.#parts.logger.debug('Received blocks from peer', {
        peer: peer.id,
        blocks: [`cid: ${formatCid(block.cid)}`],
      });
    }
    return this.#c.blockWants.arrived(peer, block, bytes);
  }

  blockMissing(peer: Peer, block: WantedBlock): void {
    this.#c.blockWants.missing(peer, block);
  }

  /** Timeouts, stalls, searches and the end-game: called a few times per second. */
  tick(): void {
    const now = this.#parts.clock.monotonic();
    if (this.#sessions.size > 0) this.#c.sources.openAll();
    for (const peer of this.#c.sources.all()) this.#watch(peer, now);
    for (const session of [...this.#sessions.values()]) {
      if (now - session.progressAt >= this.#parts.limits.findDeadlineMs) this.#giveUp(session);
      else if (isIdle(session, now - this.#parts.limits.findIntervalMs)) this.#search(session, now);
      else if (session.holders.size < SOURCES_MIN && now - session.searchedAt >= searchGapMs(session, now))
        this.#search(session, now);
      this.#askForFront(session, now);
    }
    this.pump();
  }

  /** Asks peers for as much as windows and limits allow. Work is done once per turn, however often this is called. */
  pump(): void {
    if (this.#pumping || this.#sessions.size === 0) return;
    this.#pumping = true;
    queueMicrotask(() => {
      this.#pumping = false;
      this.#pump();
    });
  }

  #pump(): void {
    const peers = this.#c.sources.all().filter((peer) => peer.requester && !peer.stalled);
    // Another peer begins each time, and each gets one request per round: load spreads over all that hold a block.
    this.#turn++;
    for (let progress = true; progress; ) {
      progress = false;
      for (let i = 0; i < peers.length; i++) {
        if (this.#assignOne(peers[(i + this.#turn) % peers.length]!)) progress = true;
      }
    }
  }

  #assignOne(peer: Peer): boolean {
    const { limits, clock } = this.#parts;
    let turn = 0;
    for (const session of this.#sessions.values()) {
      const leavesMax = session.leavesIn(peer.requestBytes);
      const most = leavesMax * session.dataset.ref.blockSize;
      if (!peer.hasRoom(most) || (this.#inFlightBytes > 0 && this.#inFlightBytes + most > limits.inFlightMaxBytes))
        continue;
      const fresh = session.choice.pick(peer, leavesMax);
      const idle = !fresh && peer.assignments.size === 0;
      const run = fresh ?? (idle ? session.choice.pickDuplicate(peer, clock.monotonic()) : undefined);
      if (idle && !run) this.#recall(peer, session);
      if (!run) continue;
      this.#assign(peer, session, run, run !== fresh);
      // Sessions take turns: the one that was served goes to the end.
      if (this.#sessions.size > 1 && turn++ === 0) {
        this.#sessions.delete(session.key);
        this.#sessions.set(session.key, session);
      }
      return true;
    }
    return false;
  }

  #assign(peer: Peer, session: DatasetSession, { start, count }: LeafRange, duplicate = false): void {
    const now = this.#parts.clock.monotonic();
    const bytes = count * session.dataset.ref.blockSize;
    const left = runMask(start & 31, count);
    const expectedMs = peer.expectedMs(bytes);
    const assignment: Assignment = {
      session,
      peer,
      start,
      count,
      bytes,
      sentAt: now,
      expectedAt: now + expectedMs,
      dueAt: now + 2 * expectedMs,
      left,
      done: false,
      duplicate,
    };
    session.assign(assignment);
    if (duplicate) session.duplicates++;
    peer.asked(assignment, now);
    this.#inFlightBytes += bytes;
    try {
      peer.requester?.request(assignment);
    } catch {
      this.lost(peer);
    }
  }

  /** A reader does not wait for one late peer: the fastest of the others is asked too, whatever it owes us. */
  #askForFront(session: DatasetSession, now: number): void {
    const late = session.choice.overdueFront(now);
    if (!late) return;
    let best: Peer | undefined;
    for (const [peer, { leaves }] of session.holders) {
      if (peer === late.peer || peer.stalled || !peer.requester || !leaves.has(late.start)) continue;
      if (!best || peer.bytesPerSecond > best.bytesPerSecond) best = peer;
    }
    if (!best) return;
    const run = lowestRunOf(late.start >>> 5, session.holding(best).leaves.word(late.start >>> 5) & late.left);
    if (run.count > 0) this.#assign(best, session, run, true);
  }

  #recall(peer: Peer, session: DatasetSession): void {
    const assignment = session.choice.pickRecall(peer, this.#parts.clock.monotonic());
    if (!assignment) return;
    assignment.recalledFor = peer;
    peer.recalls++;
    assignment.peer.requester?.cancel(assignment);
  }

  #begin(session: DatasetSession): void {
    this.#c.sources.openAll();
    for (const peer of this.#c.sources.all()) peer.requester?.follow(session);
    this.#refresh(session);
    this.pump();
    if (this.#c.sources.size === 0) this.#search(session, this.#parts.clock.monotonic());
  }

  #session(dataset: Dataset): DatasetSession {
    const { clock, limits, watches } = this.#parts;
    const fresh = new DatasetSession(
      { dataset, random: this.#c.random },
      {
        now: clock.monotonic(),
        patienceMs: limits.endgameMs,
      },
    );
    const known = this.#sessions.get(fresh.key);
    if (known) return known;
    this.#sessions.set(fresh.key, fresh);
    const offHeld = dataset.onHeld((range) => fresh.held(range, clock.monotonic()));
    const unpin = watches.pin(dataset);
    this.#offs.set(fresh, () => {
      offHeld();
      unpin();
    });
    markKnown(fresh).catch((error) => this.#parts.logger.debug('Cannot look for known leaves', { error }));
    return fresh;
  }

  #end(session: DatasetSession): void {
    if (session.closed) return;
    session.closed = true;
    this.#sessions.delete(session.key);
    this.#offs.get(session)?.();
    this.#offs.delete(session);
    for (const assignment of [...session.assignments]) this.#cancel(assignment);
    for (const peer of this.#c.sources.all()) peer.requester?.unfollow(session);
    session.holders.clear();
  }

  #fail(session: DatasetSession, error: unknown): void {
    this.#parts.metrics.requestsFailed.inc();
    for (const caller of session.callers) caller.done.reject(error);
    this.#end(session);
  }

  #giveUp(session: DatasetSession): void {
    const [caller] = session.callers;
    const cid = formatCid(session.dataset.ref.treeCid);
    const index = caller?.firstMissing();
    this.#fail(
      session,
      new ExchangeError('BLOCK_NOT_FOUND', `Nobody had block ${index} of ${cid}`, { treeCid: cid, index }),
    );
  }

  #search(session: DatasetSession, now: number): void {
    if (now - session.searchedAt < this.#parts.limits.findIntervalMs) return;
    session.searchedAt = now;
    this.#c.search(session.dataset.ref.treeCid);
  }

  #refresh(session: DatasetSession | undefined): void {
    if (session) for (const peer of this.#c.sources.all()) peer.requester?.refresh(session);
  }

  #finish(assignment: Assignment): void {
    assignment.done = true;
    if (assignment.duplicate) assignment.session.duplicates--;
    if (assignment.recalledFor) assignment.recalledFor.recalls--;
    assignment.recalledFor = undefined;
  }

  /** Takes an assignment off the wire; what did not arrive may be asked of others. */
  #settle(assignment: Assignment, arrived: boolean): void {
    if (assignment.done) return;
    this.#finish(assignment);
    this.#inFlightBytes -= assignment.bytes;
    assignment.peer.settled(assignment, this.#parts.clock.monotonic(), arrived);
    assignment.session.release(assignment);
  }

  #cancel(assignment: Assignment): void {
    if (assignment.done) return;
    assignment.peer.requester?.cancel(assignment);
    this.#settle(assignment, false);
  }

  #releaseAll(peer: Peer): void {
    for (const assignment of [...peer.assignments]) this.#settle(assignment, false);
  }

  #cancelDuplicates(delivered: Assignment): void {
    const mask = runMask(delivered.start & 31, delivered.count);
    for (const other of [...delivered.session.assignments]) {
      if (other.start >>> 5 === delivered.start >>> 5 && (other.left & ~mask) === 0) this.#cancel(other);
    }
  }

  #watch(peer: Peer, now: number): void {
    peer.requester?.tick();
    const { stallMs, peerTimeoutMs, requestTimeoutMs } = this.#parts.limits;
    // A peer that lost its work to others has nothing to show that it is well again: it gets another chance.
    if (peer.stalled && peer.assignments.size === 0 && now - peer.stalledAt >= peerTimeoutMs / 2) peer.stalled = false;
    if (peer.assignments.size === 0) return;
    const silentMs = now - peer.lastBytesAt;
    if (silentMs >= peerTimeoutMs) {
      this.#parts.metrics.peerTimeouts.inc();
      this.#c.drop(peer.id, `owes blocks and sent nothing for ${Math.round(silentMs)} ms`);
      return;
    }
    if (silentMs >= stallMs && !peer.stalled) {
      peer.stalled = true;
      peer.stalledAt = now;
    }
    for (const assignment of [...peer.assignments]) {
      const slow = now - assignment.sentAt >= requestTimeoutMs;
      if (slow || (peer.stalled && this.#othersHave(assignment))) this.#cancel(assignment);
    }
  }

  #othersHave({ session, peer, start }: Assignment): boolean {
    for (const [other, { leaves }] of session.holders) {
      if (other !== peer && !other.stalled && leaves.has(start)) return true;
    }
    return false;
  }

  #wrong(peer: Peer, session: DatasetSession, indices: readonly number[]): void {
    if (!session.closed) for (const index of indices) session.holding(peer).leaves.delete({ start: index, count: 1 });
    this.#parts.offend(peer.id, 'wrongBlocks', 'blocks or proofs that do not match the tree', indices.length);
  }

  #logReceived(peer: Peer, session: DatasetSession, start: number, count: number): void {
    if (!this.#parts.logger.isEnabled('debug')) return;
    const treeCid = formatCid(session.dataset.ref.treeCid);
    const blocks = Array.from({ length: count }, (_, i) => `treeCid: ${treeCid}, index: ${start + i}`);
    this.#parts.logger.debug('Received blocks from peer', { peer: peer.id, blocks });
  }
}

/** True when nobody has, or seems to have, what is missing. */
function isIdle(session: DatasetSession, progressBefore: number): boolean {
  return session.holders.size === 0 || (session.assignments.size === 0 && session.progressAt < progressBefore);
}
