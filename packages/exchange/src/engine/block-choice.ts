import type { LeafRange } from '@codex/content';
import { type Random, seededRandom } from '@codex/runtime';
import type { DatasetSession, Holding } from './dataset-session.ts';
import type { FetchCaller } from './fetch-caller.ts';
import { type LeafSet, lowestRun, lowestRunOf, runMask } from './leaf-set.ts';
import type { Peer } from './peer.ts';
import type { Assignment } from './requester.ts';

/**
 * Request groups at the front that a reader (a caller that named its ranges) gets in order, whatever is rare. More would
 * make readers that start together ask one holder for the same, and leave them nothing to give each other.
 */
const URGENT_GROUPS = 2;
/** The same where a reader said that it is at work (`focus`). */
const URGENT_GROUPS_FOCUSED = 16;
/** Groups from the front on among which a reader's rarest is chosen. */
const FRONT_GROUPS = 256;
/** Groups anywhere among which the rarest is chosen for a caller that keeps no order: some 10 µs for eight holders. */
const SAMPLES = 32;
/** Leaves after a random place in which the next needed one is looked for: 128 words. */
const SAMPLE_SCAN_LEAVES = 4096;
/** Words of 32 leaves that one search behind the front may look at: some 100 µs. */
const SCAN_WORDS = 32_768;

/** Requests of a dataset that are made twice at one time: with growing patience this bounds what comes twice. */
const DUPLICATES_MAX = 2;
/** Requests to others that are called back for one peer at one time. */
const RECALLS_MAX = 2;
/** A request that is expected sooner than this is not called back: it would have left before. */
const RECALL_AHEAD_MS = 50;

interface Rarest {
  run: LeafRange | undefined;
  rarity: number;
}

/**
 * Chooses what a peer is asked for next: where a reader is, in its order; in a swarm, the rarest of what may be asked
 * for; else in the order of the callers.
 */
export class BlockChoice {
  readonly #session: DatasetSession;
  readonly #random: Random;
  /** Leaves of one group in the choice that is being made. */
  #size = 1;
  /** A word with leaves that nobody was asked for, where there may be one. */
  #unasked = 0;
  #allAskedAt = 0;

  constructor(components: { session: DatasetSession; random: Random }) {
    this.#session = components.session;
    // Dozens of numbers per choice: those of the system take too long.
    this.#random = seededRandom(components.random.int(2 ** 32));
  }

  /**
   * Leaves to ask of a peer, all in one group of `size` (a power of two, 32 at most), or undefined when it has nothing
   * that is needed and not asked for.
   */
  pick(peer: Peer, size: number): LeafRange | undefined {
    const holding = this.#session.holders.get(peer);
    if (!holding || holding.idleAt === this.#session.revision) return undefined;
    this.#size = size;
    return this.#focused(holding) ?? this.#forCallers(holding) ?? this.#anywhere(holding);
  }

  /**
   * Something that another peer should have delivered before `now`, for a peer that has nothing else to do. Only when
   * nothing is left that nobody was asked for: in the middle of a fetch a late block costs no time, and two of it do.
   */
  pickDuplicate(peer: Peer, now: number): LeafRange | undefined {
    const leaves = this.#session.holders.get(peer)?.leaves;
    if (!leaves || this.#session.duplicates >= DUPLICATES_MAX || this.#hasUnasked()) return undefined;
    let latest: Assignment | undefined;
    for (const assignment of this.#session.assignments) {
      const { left, start, dueAt } = assignment;
      if (assignment.peer === peer || left === 0 || !this.#isOverdue(assignment, now)) continue;
      if ((leaves.word(start >>> 5) & left) === 0 || (latest && latest.dueAt <= dueAt)) continue;
      if (!this.#isDuplicated(assignment)) latest = assignment;
    }
    return latest ? lowestRunOf(latest.start >>> 5, leaves.word(latest.start >>> 5) & latest.left) : undefined;
  }

  /**
   * A request that waits at a busy peer for what `peer` has too: it is called back, and asked of `peer` when it had not
   * been answered. So the blocks that only one peer has are not kept waiting by those that many have.
   */
  pickRecall(peer: Peer, now: number): Assignment | undefined {
    const leaves = this.#session.holders.get(peer)?.leaves;
    if (!leaves || peer.recalls >= RECALLS_MAX) return undefined;
    let last: Assignment | undefined;
    for (const assignment of this.#session.assignments) {
      const { left, start, count, expectedAt } = assignment;
      if (assignment.peer === peer || assignment.recalledFor || !assignment.peer.requester?.answersCancels) continue;
      if (expectedAt < now + RECALL_AHEAD_MS || (last && last.expectedAt >= expectedAt)) continue;
      if (left !== runMask(start & 31, count) || (leaves.word(start >>> 5) & left) >>> 0 !== left) continue;
      if (!this.#isDuplicated(assignment)) last = assignment;
    }
    return last;
  }

  /** The block that a reader waits for, where it is overdue and only one peer was asked. */
  overdueFront(now: number): Assignment | undefined {
    for (const caller of this.#session.callers) {
      const index = caller.ordered ? caller.firstMissing() : undefined;
      if (index === undefined) continue;
      for (const assignment of this.#session.assignments) {
        const { start, left } = assignment;
        const waits = start >>> 5 === index >>> 5 && ((left >>> (index & 31)) & 1) === 1;
        if (waits && this.#isOverdue(assignment, now) && !this.#isDuplicated(assignment)) return assignment;
      }
    }
    return undefined;
  }

  #isOverdue({ dueAt }: Assignment, now: number): boolean {
    return dueAt + this.#session.patienceMs <= now;
  }

  #isDuplicated(assignment: Assignment): boolean {
    for (const other of this.#session.assignments) {
      if (other === assignment || other.start >>> 5 !== assignment.start >>> 5) continue;
      if ((other.left & assignment.left) !== 0) return true;
    }
    return false;
  }

  /** True when there are needed leaves that nobody was asked for. Looks again only where something may have changed. */
  #hasUnasked(): boolean {
    const { need, busy, revision, leafCount } = this.#session;
    if (this.#allAskedAt === revision) return false;
    const words = (leafCount + 31) >>> 5;
    for (let i = 0; i < words; i++) {
      const word = (this.#unasked + i) % words;
      if ((need.word(word) & ~busy.word(word)) === 0) continue;
      this.#unasked = word;
      return true;
    }
    this.#allAskedAt = revision;
    return false;
  }

  /** The first run of leaves in the group that begins at `start` which may be asked for. */
  #candidate(start: number, leaves: LeafSet, limit = 0xffff_ffff): LeafRange | undefined {
    const { need, busy } = this.#session;
    const word = start >>> 5;
    const group = runMask(start & 31, this.#size);
    const bits = need.word(word) & ~busy.word(word) & leaves.word(word) & group & limit;
    return bits === 0 ? undefined : lowestRunOf(word, bits);
  }

  #focused({ leaves }: Holding): LeafRange | undefined {
    const { focusedLeaf, need, leafCount } = this.#session;
    const size = this.#size;
    if (focusedLeaf === undefined) return undefined;
    let at = focusedLeaf - (focusedLeaf % size);
    for (let i = 0; i < URGENT_GROUPS_FOCUSED; i++) {
      const next = need.next(at, leafCount);
      if (next < 0) return undefined;
      at = next - (next % size);
      const run = this.#candidate(at, leaves);
      if (run) return run;
      at += size;
    }
    return undefined;
  }

  #forCallers(holding: Holding): LeafRange | undefined {
    const swarm = this.#session.isSwarm;
    for (const caller of this.#session.callers) {
      const run = (swarm && !caller.ordered && this.#sampled(holding)) || this.#front(caller, holding, swarm);
      if (run) return run;
    }
    return undefined;
  }

  /** The rarest of some random groups: peers with equal knowledge choose different ones. */
  #sampled({ leaves }: Holding): LeafRange | undefined {
    const { leafCount, need } = this.#session;
    const rarest: Rarest = { run: undefined, rarity: Number.POSITIVE_INFINITY };
    for (let i = 0; i < SAMPLES; i++) {
      const from = this.#random.int(leafCount);
      const next = need.next(from, Math.min(leafCount, from + SAMPLE_SCAN_LEAVES));
      if (next >= 0) this.#consider(rarest, this.#candidate(next - (next % this.#size), leaves));
    }
    return rarest.run;
  }

  /** In the order of the caller's ranges: the first groups strictly so, then the one that fewest peers hold. */
  #front(caller: FetchCaller, { leaves }: Holding, swarm: boolean): LeafRange | undefined {
    const rarest: Rarest = { run: undefined, rarity: Number.POSITIVE_INFINITY };
    let seen = 0;
    for (const start of caller.groups(this.#size, FRONT_GROUPS)) {
      const run = this.#candidate(start, leaves, caller.wanted.word(start >>> 5));
      const urgent = caller.ordered && seen++ < URGENT_GROUPS;
      if (run && (!swarm || urgent)) return run;
      this.#consider(rarest, run);
    }
    return rarest.run;
  }

  #consider(rarest: Rarest, run: LeafRange | undefined): void {
    if (!run) return;
    // A random part spreads peers with equal knowledge over different blocks.
    const rarity = this.#rarity(run.start) + this.#random.float();
    if (rarity >= rarest.rarity) return;
    rarest.rarity = rarity;
    rarest.run = run;
  }

  #rarity(index: number): number {
    let holders = 0;
    for (const { leaves } of this.#session.holders.values()) if (leaves.has(index)) holders++;
    return holders;
  }

  /** Whatever the peer has, wherever it is; in a huge dataset one call looks at a part. */
  #anywhere(holding: Holding): LeafRange | undefined {
    const { need, busy, leafCount, revision } = this.#session;
    const words = (leafCount + 31) >>> 5;
    if (holding.scanAt !== revision) holding.scanned = 0;
    holding.scanAt = revision;
    for (let i = 0; i < SCAN_WORDS && holding.scanned < words; i++) {
      const word = holding.scanFrom % words;
      const bits = need.word(word) & ~busy.word(word) & holding.leaves.word(word);
      if (bits !== 0) {
        holding.scanned = 0;
        const group = lowestRun(bits).first & ~(this.#size - 1);
        return lowestRunOf(word, bits & runMask(group, this.#size));
      }
      holding.scanFrom = word + 1;
      holding.scanned++;
    }
    if (holding.scanned >= words) holding.idleAt = revision;
    return undefined;
  }
}
