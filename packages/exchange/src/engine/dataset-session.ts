import type { Dataset, LeafRange } from '@codex/content';
import type { Random } from '@codex/runtime';
import { latin1 } from '../message/message.ts';
import { BlockChoice } from './block-choice.ts';
import type { FetchCaller } from './fetch-caller.ts';
import { eachWord, LeafSet, popCount, WORD_LEAVES } from './leaf-set.ts';
import type { Peer } from './peer.ts';
import type { Assignment } from './requester.ts';

/** What one peer holds of the tree, and when a search for work for it last failed. */
export interface Holding {
  readonly leaves: LeafSet;
  /** Value of `revision` at which nothing was found for this peer. */
  idleAt: number;
  /** The word at which a search behind the front goes on, how many words it has seen, and the `revision` it began at. */
  scanFrom: number;
  scanned: number;
  scanAt: number;
}

/** Everything about fetching one dataset: shared by all callers that want parts of it. */
export class DatasetSession {
  readonly dataset: Dataset;
  /** The binary tree CID as a map key. */
  readonly key: string;
  readonly callers = new Set<FetchCaller>();
  readonly holders = new Map<Peer, Holding>();
  readonly assignments = new Set<Assignment>();
  /** Wanted by somebody and not held. */
  readonly need: LeafSet;
  /** Asked of a peer or being stored. */
  readonly busy: LeafSet;
  /** Leaves whose digests the dataset knows. */
  readonly known: LeafSet;
  /** Grows whenever there may be new work for any peer that had none. */
  revision = 1;
  /** Monotonic ms of the last sign that the fetch gets on. */
  progressAt: number;
  /** Monotonic ms. */
  readonly begunAt: number;
  /** Monotonic ms of the last search for providers. */
  searchedAt = Number.NEGATIVE_INFINITY;
  closed = false;
  /**
   * How long a request may be overdue until a second peer is asked, ms. It doubles with each block that came twice: where
   * all peers are slow, all requests are late, and asking again only adds to the load.
   */
  patienceMs: number;
  /** Requests on the wire for what another peer was asked for too. */
  duplicates = 0;
  readonly choice: BlockChoice;
  #focus: number | undefined;

  constructor(components: { dataset: Dataset; random: Random }, init: { now: number; patienceMs: number }) {
    this.dataset = components.dataset;
    const { treeCid, leafCount } = components.dataset.ref;
    this.key = latin1(treeCid.bytes);
    this.need = new LeafSet(leafCount);
    this.busy = new LeafSet(leafCount);
    this.known = new LeafSet(leafCount);
    this.progressAt = init.now;
    this.begunAt = init.now;
    this.patienceMs = init.patienceMs;
    this.choice = new BlockChoice({ session: this, random: components.random });
  }

  get leafCount(): number {
    return this.dataset.ref.leafCount;
  }

  /** Leaves of a request of `bytes` bytes: a power of two, 32 at most. */
  leavesIn(bytes: number): number {
    const leaves = Math.max(1, Math.min(WORD_LEAVES, Math.floor(bytes / this.dataset.ref.blockSize)));
    return 2 ** Math.floor(Math.log2(leaves));
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

  /** Where a reader said that it is at work. */
  get focusedLeaf(): number | undefined {
    return this.#focus;
  }

  focus(index: number): void {
    this.#focus = Math.max(0, Math.min(this.leafCount - 1, Math.floor(index)));
    this.revision++;
  }

  holding(peer: Peer): Holding {
    let holding = this.holders.get(peer);
    if (!holding) {
      holding = { leaves: new LeafSet(this.leafCount), idleAt: 0, scanFrom: 0, scanned: 0, scanAt: 0 };
      this.holders.set(peer, holding);
    }
    return holding;
  }

  /** The peer has more than we knew; without range: all. */
  has(peer: Peer, range: LeafRange | undefined): void {
    const holding = this.holding(peer);
    if (range) holding.leaves.add(range);
    else holding.leaves.fill();
    holding.idleAt = 0;
    holding.scanned = 0;
  }

  /** True when somebody holds a part only: others fetch the dataset too. */
  get isSwarm(): boolean {
    for (const { leaves } of this.holders.values()) if (!leaves.isFull) return true;
    return false;
  }

  /** Marks the leaves of an assignment as asked for. */
  assign(assignment: Assignment): void {
    this.assignments.add(assignment);
    this.busy.add(assignment);
  }

  /** True when every leaf of the range is needed and asked of nobody. */
  isFree({ start, count }: LeafRange): boolean {
    return this.need.countIn({ start, count }) === count && this.busy.countIn({ start, count }) === 0;
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
    // What is held now is no work for anybody.
    if ((this.need.word(word) & mask) !== 0) this.revision++;
  }
}
