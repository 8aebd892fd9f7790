import { type Clock, raceSignal } from '@codex/runtime';
import { compareDistance, logDistance, type NodeId } from './identity/node-id.ts';
import type { SignedRecord } from './record/signed-record.ts';
import type { GroupOf } from './table/address-group.ts';
import { DISTANCE_MAX, lookupDistances } from './table/distances.ts';

export interface LookupLimits {
  /** Requests that a lookup waits for before it sends the next, α of Kademlia (05 §7). */
  readonly lookupParallelMax: number;
  /** Requests without an answer for this long do not count for that any more: dead nodes cost time otherwise. */
  readonly lookupSlowMs: number;
  /** Requests of one lookup under way, slow ones too. */
  readonly lookupInFlightMax: number;
  /** Nodes that a lookup looks for, k of Kademlia. */
  readonly lookupResultsMax: number;
  /** Requests of one lookup: some three times those of one in 10 000 nodes. */
  readonly lookupRequestsMax: number;
  /** Nodes that a lookup remembers. */
  readonly lookupCandidatesMax: number;
  /** Nodes with one public address among the nearest: nobody surrounds a target from one machine. */
  readonly lookupSameAddressMax: number;
  /** Nodes told of by one node that may fail before its others are doubted, while none of them answered. */
  readonly lookupLiesMax: number;
  /** Doubtful nodes that are asked when there are not enough others. */
  readonly lookupDoubtfulMax: number;
  /** Requests for nodes farther away, when there are not enough near ones: where ids lie thinly. */
  readonly lookupWideningsMax: number;
  /** A lookup that is not over ends with what it has. */
  readonly lookupDeadlineMs: number;
}

export interface LookupComponents {
  readonly clock: Clock;
  readonly groupOf: GroupOf;
  /**
   * Records that `node` tells of, checked: of nodes at `distances` from it, or the nearest to the target when there are
   * none. Rejects when it does not answer.
   */
  ask(
    node: SignedRecord,
    distances: readonly number[] | undefined,
    signal: AbortSignal,
  ): Promise<readonly SignedRecord[]>;
}

export interface LookupInit {
  readonly target: NodeId;
  /** Where to begin. */
  readonly seeds: readonly SignedRecord[];
  readonly limits: LookupLimits;
  /** Called for each node that answers and is, so far, one of the nearest. */
  readonly onNear?: ((record: SignedRecord) => void) | undefined;
}

export interface LookupResult {
  /** Nodes that answered, the nearest to the target first; at most 16. */
  readonly closest: readonly SignedRecord[];
  /** The newest record with the target's id that somebody sent. */
  readonly exact: SignedRecord | undefined;
  /** Nodes on the way from the own table to the nearest one, itself included: 1 when the table had it, 0 without any. */
  readonly hops: number;
  readonly requests: number;
  readonly failures: number;
  readonly durationMs: number;
}

interface Candidate {
  record: SignedRecord;
  readonly group: string | undefined;
  hops: number;
  state: 'new' | 'asked' | 'answered' | 'failed';
  askedAtMs: number;
  /** Asked although only liars, as it seems, told of it. */
  doubtful: boolean;
  /** The largest distance that it was asked for. */
  widest: number;
  /** Who told of it; empty for seeds. */
  readonly tellers: Candidate[];
  /** Of those that it told of. */
  answers: number;
  failures: number;
}

/** Tellers that are remembered per candidate: one honest among them is enough. */
const TELLERS_MAX = 4;

/**
 * The walk to the nodes nearest to an id (05 §7). It ends when nobody is left to ask among the 16 nearest that have not
 * failed. Only nodes that answered are results, so that invented ones cannot fill them; who tells of nodes that all fail is
 * not listened to any longer.
 *
 * A node that would be the nearest yet is asked for its six nearest to the target, which is the quickest way there; the
 * others are asked by distance, for the sixteen around it.
 */
export class Lookup {
  readonly #c: LookupComponents;
  readonly #init: LookupInit;
  readonly #limits: LookupLimits;
  /** The nearest first. */
  readonly #candidates: Candidate[] = [];
  readonly #known = new Map<string, Candidate>();
  readonly #stop = new AbortController();
  readonly #done = Promise.withResolvers<void>();
  #nearest: Candidate | undefined;
  #exact: SignedRecord | undefined;
  #inFlight = 0;
  #doubts = 0;
  #widenings = 0;
  #requests = 0;
  #failures = 0;
  #over = false;
  #cancelWake = () => {};

  constructor(components: LookupComponents, init: LookupInit) {
    this.#c = components;
    this.#init = init;
    this.#limits = init.limits;
  }

  /** Once. Rejects only with the reason of `signal`. */
  async run(signal?: AbortSignal): Promise<LookupResult> {
    signal?.throwIfAborted();
    const startedAtMs = this.#c.clock.monotonic();
    for (const record of this.#init.seeds) this.#add(record, undefined);
    const cancelDeadline = this.#c.clock.schedule(this.#limits.lookupDeadlineMs, () => this.#finish());
    this.#pump();
    try {
      await raceSignal(this.#done.promise, signal);
    } finally {
      cancelDeadline();
      this.#finish();
    }
    const answered = this.#near((candidate) => candidate.state === 'answered');
    return {
      closest: answered.map((candidate) => candidate.record),
      exact: this.#exact,
      hops: answered[0]?.hops ?? 0,
      requests: this.#requests,
      failures: this.#failures,
      durationMs: this.#c.clock.monotonic() - startedAtMs,
    };
  }

  #finish(): void {
    if (this.#over) return;
    this.#over = true;
    this.#cancelWake();
    this.#stop.abort(new DOMException('The lookup is over', 'AbortError'));
    this.#done.resolve();
  }

  #pump(): void {
    if (this.#over) return;
    this.#cancelWake();
    const now = this.#c.clock.monotonic();
    while (this.#step(now)) {
      // Until nobody is to be asked for the moment.
    }
  }

  /** Asks one node if that is due; true when another may be. */
  #step(now: number): boolean {
    const near = this.#near();
    const next = this.#firstNew(near) ?? this.#beyondSlow(now) ?? this.#doubtful(near);
    const quick = this.#candidates.filter((candidate) => candidate.state === 'asked' && !this.#isSlow(candidate, now));
    const oldest = quick.reduce((ms, { askedAtMs }) => Math.min(ms, askedAtMs), now);
    const wake = () => {
      if (quick.length === 0) return;
      const inMs = oldest + this.#limits.lookupSlowMs - now;
      this.#cancelWake = this.#c.clock.schedule(inMs, () => this.#pump());
    };
    if (!next || this.#requests >= this.#limits.lookupRequestsMax) {
      const waits = next ? this.#inFlight > 0 : near.some((candidate) => candidate.state === 'asked');
      if (waits) wake();
      else if (next || !this.#widen(near, now)) this.#finish();
      return false;
    }
    if (this.#inFlight >= this.#limits.lookupInFlightMax) return false;
    if (quick.length >= this.#limits.lookupParallelMax) {
      wake();
      return false;
    }
    this.#ask(next, now);
    return true;
  }

  /** The nearest that pass: by default those that have not failed and are worth asking. */
  #near(accept = (candidate: Candidate) => this.#isHopeful(candidate)): Candidate[] {
    const near: Candidate[] = [];
    const groups = new Map<string, number>();
    for (const candidate of this.#candidates) {
      if (near.length >= this.#limits.lookupResultsMax) break;
      if (!accept(candidate)) continue;
      const { group } = candidate;
      if (group !== undefined) {
        const count = groups.get(group) ?? 0;
        if (count >= this.#limits.lookupSameAddressMax) continue;
        groups.set(group, count + 1);
      }
      near.push(candidate);
    }
    return near;
  }

  /** Not when all who told of it told of several who failed, and of nobody who answered. */
  #isHopeful({ state, tellers }: Candidate): boolean {
    if (state !== 'new') return state !== 'failed';
    const lies = (teller: Candidate) => teller.answers === 0 && teller.failures >= this.#limits.lookupLiesMax;
    return tellers.length === 0 || !tellers.every(lies);
  }

  #firstNew(near: readonly Candidate[]): Candidate | undefined {
    return near.find((candidate) => candidate.state === 'new');
  }

  /** The next one if those that are slow to answer never do. */
  #beyondSlow(now: number): Candidate | undefined {
    return this.#firstNew(this.#near((candidate) => this.#isHopeful(candidate) && !this.#isSlow(candidate, now)));
  }

  #isSlow({ state, askedAtMs }: Candidate, now: number): boolean {
    return state === 'asked' && now - askedAtMs >= this.#limits.lookupSlowMs;
  }

  /** The nearest of those in doubt, when the others are too few: maybe they were told of in good faith. */
  #doubtful(near: readonly Candidate[]): Candidate | undefined {
    if (near.length >= this.#limits.lookupResultsMax || this.#doubts >= this.#limits.lookupDoubtfulMax)
      return undefined;
    if (near.some((candidate) => candidate.state === 'asked' && !candidate.doubtful)) return undefined;
    const next = this.#candidates.find((candidate) => candidate.state === 'new');
    if (next) next.doubtful = true;
    return next;
  }

  /** Asks the farthest of too few nodes for what lies beyond: all that is nearer has been found. */
  #widen(near: readonly Candidate[], now: number): boolean {
    const farthest = near.at(-1);
    if (!farthest || near.length >= this.#limits.lookupResultsMax) return false;
    if (farthest.widest >= DISTANCE_MAX || this.#widenings >= this.#limits.lookupWideningsMax) return false;
    this.#widenings++;
    const distances = [1, 2, 3].map((step) => farthest.widest + step).filter((distance) => distance <= DISTANCE_MAX);
    this.#send(farthest, distances, now);
    return true;
  }

  #ask(candidate: Candidate, now: number): void {
    const { target } = this.#init;
    const id = candidate.record.nodeId;
    const fast = !id.equals(target) && this.#isNearest(id);
    if (candidate.doubtful) this.#doubts++;
    this.#send(candidate, fast ? undefined : lookupDistances(target, id), now);
  }

  #send(candidate: Candidate, distances: readonly number[] | undefined, now: number): void {
    candidate.state = 'asked';
    candidate.askedAtMs = now;
    candidate.widest = distances ? Math.max(...distances) : logDistance(this.#init.target, candidate.record.nodeId) - 1;
    this.#inFlight++;
    this.#requests++;
    this.#c
      .ask(candidate.record, distances, this.#stop.signal)
      .then(
        (records) => this.#answered(candidate, records),
        () => this.#failed(candidate),
      )
      .finally(() => {
        this.#inFlight--;
        this.#pump();
      });
  }

  /** Nearer than all that answered. */
  #isNearest(id: NodeId): boolean {
    return !this.#nearest || compareDistance(this.#init.target, id, this.#nearest.record.nodeId) < 0;
  }

  #answered(candidate: Candidate, records: readonly SignedRecord[]): void {
    if (this.#over) return;
    candidate.state = 'answered';
    for (const teller of candidate.tellers) teller.answers++;
    const { onNear } = this.#init;
    if (this.#isNearest(candidate.record.nodeId)) this.#nearest = candidate;
    for (const record of records) this.#add(record, candidate);
    if (onNear && this.#near().includes(candidate)) onNear(candidate.record);
  }

  #failed(candidate: Candidate): void {
    if (this.#over) return;
    this.#failures++;
    candidate.state = 'failed';
    for (const teller of candidate.tellers) teller.failures++;
  }

  #add(record: SignedRecord, teller: Candidate | undefined): void {
    const { target } = this.#init;
    const id = record.nodeId;
    if (id.equals(target) && (this.#exact?.seq ?? -1) < record.seq) this.#exact = record;
    const known = this.#known.get(id.hex);
    if (known) {
      if (record.seq > known.record.seq && known.state === 'new') known.record = record;
      // Seeds need nobody to vouch for them.
      if (teller && known.tellers.length > 0 && known.tellers.length < TELLERS_MAX) known.tellers.push(teller);
      return;
    }
    if (!record.udp || !this.#makeRoom(id)) return;
    const candidate: Candidate = {
      record,
      group: this.#c.groupOf(record.udp.ip),
      hops: (teller?.hops ?? 0) + 1,
      state: 'new',
      askedAtMs: 0,
      doubtful: false,
      widest: 0,
      tellers: teller ? [teller] : [],
      answers: 0,
      failures: 0,
    };
    this.#known.set(id.hex, candidate);
    this.#insert(candidate);
  }

  /** With too many candidates the farthest goes, unless it was asked or `id` is farther. */
  #makeRoom(id: NodeId): boolean {
    if (this.#known.size < this.#limits.lookupCandidatesMax) return true;
    const farthest = this.#candidates.at(-1)!;
    const { nodeId } = farthest.record;
    if (farthest.state !== 'new' || compareDistance(this.#init.target, id, nodeId) > 0) return false;
    this.#candidates.pop();
    this.#known.delete(nodeId.hex);
    return true;
  }

  #insert(candidate: Candidate): void {
    const { target } = this.#init;
    let low = 0;
    let high = this.#candidates.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (compareDistance(target, this.#candidates[middle]!.record.nodeId, candidate.record.nodeId) < 0)
        low = middle + 1;
      else high = middle;
    }
    this.#candidates.splice(low, 0, candidate);
  }
}
