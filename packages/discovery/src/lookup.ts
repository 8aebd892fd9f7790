import { type Clock, raceSignal } from '@codex/runtime';
import { compareDistance, logDistance, type NodeId } from './identity/node-id.ts';
import { type Candidate, type CandidateLimits, Candidates } from './lookup-candidates.ts';
import type { SignedRecord } from './record/signed-record.ts';
import type { GroupOf } from './table/address-group.ts';
import { DISTANCE_MAX, lookupDistances } from './table/distances.ts';

export interface LookupLimits extends CandidateLimits {
  /** Requests that a lookup waits for before it sends the next, α of Kademlia (05 §7). */
  readonly lookupParallelMax: number;
  /** Requests without an answer for this long do not count for that any more: dead nodes cost time otherwise. */
  readonly lookupSlowMs: number;
  /** Requests of one lookup under way, slow ones too. */
  readonly lookupInFlightMax: number;
  /** Requests of one lookup: some three times those of one in 10 000 nodes. */
  readonly lookupRequestsMax: number;
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
  readonly #candidates: Candidates;
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
    this.#candidates = new Candidates(init.target, { groupOf: components.groupOf, limits: init.limits });
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
    const answered = this.#candidates.near((candidate) => candidate.hasAnswered);
    answered.sort((a, b) => compareDistance(this.#init.target, a.record.nodeId, b.record.nodeId));
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
    const near = this.#candidates.near();
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

  #firstNew(near: readonly Candidate[]): Candidate | undefined {
    return near.find((candidate) => candidate.state === 'new');
  }

  /** The next one if those that are slow to answer never do. */
  #beyondSlow(now: number): Candidate | undefined {
    return this.#firstNew(
      this.#candidates.near((candidate) => this.#candidates.isHopeful(candidate) && !this.#isSlow(candidate, now)),
    );
  }

  #isSlow({ state, askedAtMs }: Candidate, now: number): boolean {
    return state === 'asked' && now - askedAtMs >= this.#limits.lookupSlowMs;
  }

  /** The nearest of those in doubt, when the others are too few: maybe they were told of in good faith. */
  #doubtful(near: readonly Candidate[]): Candidate | undefined {
    if (near.length >= this.#limits.lookupResultsMax || this.#doubts >= this.#limits.lookupDoubtfulMax)
      return undefined;
    if (near.some((candidate) => candidate.state === 'asked' && !candidate.doubtful)) return undefined;
    const next = this.#candidates.firstNew();
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
    candidate.hasAnswered = true;
    for (const teller of candidate.tellers) teller.answers++;
    const { onNear } = this.#init;
    if (this.#isNearest(candidate.record.nodeId)) this.#nearest = candidate;
    for (const record of records) this.#add(record, candidate);
    if (onNear && this.#candidates.near().includes(candidate)) onNear(candidate.record);
  }

  #failed(candidate: Candidate): void {
    if (this.#over) return;
    this.#failures++;
    candidate.state = candidate.hasAnswered ? 'answered' : 'failed';
    for (const teller of candidate.tellers) teller.failures++;
  }

  #add(record: SignedRecord, teller: Candidate | undefined): void {
    const { target } = this.#init;
    const id = record.nodeId;
    if (id.equals(target) && (this.#exact?.seq ?? -1) < record.seq) this.#exact = record;
    this.#candidates.add(record, teller);
  }
}
