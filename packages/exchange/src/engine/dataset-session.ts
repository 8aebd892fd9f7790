import type { Dataset, LeafRange } from '@codex/content';
import type { Random } from '@codex/runtime';
import { latin1 } from '../message/message.ts';
import type { FetchCaller } from './fetch-caller.ts';
import { eachWord, LeafSet, lowestRun, popCount, runMask, WORD_LEAVES } from './leaf-set.ts';
import type { Peer } from './peer.ts';
import type { Assignment } from './requester.ts';

/**
 * Requests at the front that are taken in order, before rarity counts, for a caller that named its ranges: a reader.
 * Who wants the whole dataset gets it sooner when no order is kept and peers have different blocks to give each other.
 */
const URGENT_REQUESTS = 4;
/** The same where a reader said that it is at work (`focus`). */
const URGENT_REQUESTS_FOCUSED = 16;
/** Requests from the front on among which the rarest is chosen. */
const FRONT_REQUESTS = 64;
/** Words of 32 leaves that one search behind the front may look at: some 100 µs. */
const SCAN_WORDS = 32_768;

/** What one peer holds of the tree, and when a search for work for it last failed. */
export interface Holding {
  readonly leaves: LeafSet;
  /** Value of `revision` at which nothing was found for this peer. */
  idleAt: number;
}

/** Everything about fetching one dataset: shared by all callers that want parts of it. */
export class DatasetSession {
  readonly dataset: Dataset;
  /** The binary tree CID as a map key. */
  readonly key: string;
  /** Leaves of one request: a power of two, 32 at most, `requestBytes` at most. */
  readonly requestLeaves: number;
  readonly callers = new Set<FetchCaller>();
  readonly holders = new Map<Peer, Holding>();
  readonly assignments = new Set<Assignment>();
  /** Wanted by somebody and not held. */
  readonly need: LeafSet;
  /** Asked of a peer or being stored. */
  readonly busy: LeafSet;
  /** Leaves whose digests the dataset knows. */
  readonly known: LeafSet;
  /** Grows whenever there may be new work for peers that had none. */
  revision = 1;
  /** Monotonic ms of the last sign that the fetch gets on. */
  progressAt: number;
  /** Monotonic ms of the last search for providers. */
  searchedAt = Number.NEGATIVE_INFINITY;
  closed = false;
  #focus: number | undefined;
  #scanFrom = 0;
  readonly #random: Random;

  constructor(components: { dataset: Dataset; random: Random }, init: { requestBytes: number; now: number }) {
    this.dataset = components.dataset;
    this.#random = components.random;
    const { treeCid, leafCount, blockSize } = components.dataset.ref;
    this.key = latin1(treeCid.bytes);
    this.need = new LeafSet(leafCount);
    this.busy = new LeafSet(leafCount);
    this.known = new LeafSet(leafCount);
    const leaves = Math.max(1, Math.min(WORD_LEAVES, Math.floor(init.requestBytes / blockSize)));
    this.requestLeaves = 2 ** Math.floor(Math.log2(leaves));
    this.progressAt = init.now;
  }

  get leafCount(): number {
    return this.dataset.ref.leafCount;
  }

  /** Adds what a caller wants; the caller is done at once when nothing of it is missing. */
  join(caller: FetchCaller): void {
    this.callers.add(caller);
    for (const range of caller.ranges) {
      for (const gap of this.dataset.missing(range)) {
        caller.want(gap);
        this.need.add(gap);
      }
    }
    this.revision++;
  }

  leave(caller: FetchCaller): void {
    if (!this.callers.delete(caller)) return;
    if (this.callers.size === 0) return;
    // What only this caller wanted is not needed any more.
    for (const range of caller.ranges) {
      eachWord(range.start, range.count, (word, mask) => {
        let others = 0;
        for (const other of this.callers) others |= other.wanted.word(word);
        this.need.setWord(word, this.need.word(word) & (others | ~mask));
      });
    }
  }

  /** Blocks became readable, by our work or somebody else's. */
  held(range: LeafRange, now: number): void {
    let stored = 0;
    eachWord(range.start, range.count, (word, mask) => {
      const fresh = this.need.word(word) & mask;
      if (fresh === 0) return;
      stored += popCount(fresh);
      this.need.setWord(word, this.need.word(word) & ~mask);
      for (const caller of this.callers) caller.got(word, fresh);
    });
    if (stored > 0) this.progressAt = now;
  }

  /** The next `limit` leaves that are needed: where a reader is, then in the order of the callers' ranges. */
  *frontLeaves(limit: number): Generator<number> {
    let left = limit;
    if (this.#focus !== undefined) {
      for (let at = this.need.next(this.#focus, this.leafCount); at >= 0 && left > limit / 2; left--) {
        yield at;
        at = this.need.next(at + 1, this.leafCount);
      }
    }
    for (const caller of this.callers) {
      for (const start of caller.groups(WORD_LEAVES, Math.ceil(left / WORD_LEAVES) + 1)) {
        for (let i = start; i < start + WORD_LEAVES && left > 0; i++) {
          if (!caller.wanted.has(i)) continue;
          yield i;
          left--;
        }
      }
    }
  }

  focus(index: number): void {
    this.#focus = Math.max(0, Math.min(this.leafCount - 1, Math.floor(index)));
    this.revision++;
  }

  holding(peer: Peer): Holding {
    let holding = this.holders.get(peer);
    if (!holding) {
      holding = { leaves: new LeafSet(this.leafCount), idleAt: 0 };
      this.holders.set(peer, holding);
    }
    return holding;
  }

  /** Marks the leaves of an assignment as asked for. */
  assign(assignment: Assignment): void {
    this.assignments.add(assignment);
    this.busy.add(assignment);
  }

  /** Takes an assignment back: its leaves that did not arrive may be asked of others. */
  release(assignment: Assignment): void {
    if (!this.assignments.delete(assignment)) return;
    if (assignment.left !== 0) this.free(assignment.start >>> 5, assignment.left);
  }

  /** Leaves are neither on their way nor being stored any more, unless another assignment has them. */
  free(word: number, bits: number): void {
    let mask = bits;
    for (const other of this.assignments) if (other.start >>> 5 === word) mask &= ~other.left;
    this.busy.setWord(word, this.busy.word(word) & ~mask);
    this.revision++;
  }

  /** The next run of leaves to ask of a peer, or undefined when it has nothing that is needed and not asked for. */
  pick(peer: Peer): LeafRange | undefined {
    const holding = this.holders.get(peer);
    if (!holding || holding.idleAt === this.revision) return undefined;
    const run = this.#pickFocused(holding) ?? this.#pickFront(holding) ?? this.#pickAnywhere(holding);
    if (!run) holding.idleAt = this.revision;
    return run;
  }

  /** Something that another peer was asked for long ago, for a peer that has nothing else to do. */
  pickDuplicate(peer: Peer, olderThan: number): LeafRange | undefined {
    const leaves = this.holders.get(peer)?.leaves;
    if (!leaves) return undefined;
    let oldest: Assignment | undefined;
    for (const assignment of this.assignments) {
      const { left, start, sentAt } = assignment;
      if (assignment.peer === peer || left === 0 || sentAt > olderThan) continue;
      if ((leaves.word(start >>> 5) & left) === 0 || (oldest && oldest.sentAt <= sentAt)) continue;
      if (!this.#isDuplicated(assignment)) oldest = assignment;
    }
    return oldest ? this.#run(oldest.start >>> 5, leaves.word(oldest.start >>> 5) & oldest.left) : undefined;
  }

  #isDuplicated(assignment: Assignment): boolean {
    for (const other of this.assignments) {
      if (other === assignment || other.start >>> 5 !== assignment.start >>> 5) continue;
      if ((other.left & assignment.left) !== 0) return true;
    }
    return false;
  }

  #run(word: number, bits: number): LeafRange {
    const { first, count } = lowestRun(bits);
    return { start: word * WORD_LEAVES + first, count };
  }

  /** The first run of leaves in the request-sized group that begins at `start` which may be asked for. */
  #candidate(start: number, leaves: LeafSet, limit = 0xffff_ffff): LeafRange | undefined {
    const word = start >>> 5;
    const group = runMask(start & 31, this.requestLeaves);
    const bits = this.need.word(word) & ~this.busy.word(word) & leaves.word(word) & group & limit;
    return bits === 0 ? undefined : this.#run(word, bits);
  }

  #pickFocused({ leaves }: Holding): LeafRange | undefined {
    if (this.#focus === undefined) return undefined;
    const size = this.requestLeaves;
    let at = this.#focus - (this.#focus % size);
    for (let i = 0; i < URGENT_REQUESTS_FOCUSED; i++) {
      const next = this.need.next(at, this.leafCount);
      if (next < 0) return undefined;
      at = next - (next % size);
      const run = this.#candidate(at, leaves);
      if (run) return run;
      at += size;
    }
    return undefined;
  }

  /** In the order of the callers' ranges: the first requests strictly so, then the one that fewest peers hold. */
  #pickFront({ leaves }: Holding): LeafRange | undefined {
    const swarm = this.#hasPartialHolders();
    for (const caller of this.callers) {
      let best: LeafRange | undefined;
      let bestRarity = Number.POSITIVE_INFINITY;
      let seen = 0;
      for (const start of caller.groups(this.requestLeaves, FRONT_REQUESTS)) {
        const run = this.#candidate(start, leaves, caller.wanted.word(start >>> 5));
        seen++;
        if (!run) continue;
        if (!swarm || (caller.ordered && seen <= URGENT_REQUESTS)) return run;
        // A random part spreads peers with equal knowledge over different blocks.
        const rarity = this.#rarity(run.start) + this.#random.float();
        if (rarity < bestRarity) {
          bestRarity = rarity;
          best = run;
        }
      }
      if (best) return best;
    }
    return undefined;
  }

  /** Whatever the peer has, wherever it is: for holders of a part that is far from the front. */
  #pickAnywhere({ leaves }: Holding): LeafRange | undefined {
    const words = (this.leafCount + 31) >>> 5;
    for (let scanned = 0; scanned < Math.min(words, SCAN_WORDS); scanned++) {
      const word = this.#scanFrom % words;
      const bits = this.need.word(word) & ~this.busy.word(word) & leaves.word(word);
      if (bits !== 0) {
        const group = lowestRun(bits).first & ~(this.requestLeaves - 1);
        return this.#run(word, bits & runMask(group, this.requestLeaves));
      }
      this.#scanFrom = word + 1;
    }
    return undefined;
  }

  #hasPartialHolders(): boolean {
    for (const { leaves } of this.holders.values()) if (!leaves.isFull) return true;
    return false;
  }

  #rarity(index: number): number {
    let holders = 0;
    for (const { leaves } of this.holders.values()) if (leaves.has(index)) holders++;
    return holders;
  }
}
