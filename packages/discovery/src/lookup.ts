import { type Clock, raceSignal } from '@codex/runtime';
import { compareDistance, type NodeId } from './identity/node-id.ts';
import type { SignedRecord } from './record/signed-record.ts';
import type { GroupOf } from './table/address-group.ts';

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
  /** Nodes told of by one node that may fail before its others are left out, while none of them answered. */
  readonly lookupLiesMax: number;
  /** A lookup that is not over ends with what it has. */
  readonly lookupDeadlineMs: number;
}

export interface LookupComponents {
  readonly clock: Clock;
  readonly groupOf: GroupOf;
  /** Records that `node` tells of, checked; `fast` asks for the nearest to the target. Rejects when it does not answer. */
  ask(node: SignedRecord, target: NodeId, fast: boolean, signal: AbortSignal): Promise<readonly SignedRecord[]>;
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
    for (;;) {
      const near = this.#near();
      const next = near.find((candidate) => candidate.state === 'new');
      if (this.#requests >= this.#limits.lookupRequestsMax || !next) {
        if (next ? this.#inFlight === 0 : near.every((candidate) => candidate.state === 'answered')) this.#finish();
        return;
      }
      if (this.#inFlight >= this.#limits.lookupInFlightMax) return;
      const { quick, oldestMs } = this.#quick(now);
      if (quick >= this.#limits.lookupParallelMax) {
        const wakeInMs = oldestMs + this.#limits.lookupSlowMs - now;
        this.#cancelWake = this.#c.clock.schedule(wakeInMs, () => this.#pump());
        return;
      }
      this.#ask(next, now);
    }
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

  #quick(now: number): { quick: number; oldestMs: number } {
    let quick = 0;
    let oldestMs = now;
    for (const { state, askedAtMs } of this.#candidates) {
      if (state !== 'asked' || now - askedAtMs >= this.#limits.lookupSlowMs) continue;
      quick++;
      oldestMs = Math.min(oldestMs, askedAtMs);
    }
    return { quick, oldestMs };
  }

  #ask(candidate: Candidate, now: number): void {
    const { target } = this.#init;
    const fast = !this.#nearest || compareDistance(target, candidate.record.nodeId, this.#nearest.record.nodeId) < 0;
    candidate.state = 'asked';
    candidate.askedAtMs = now;
    this.#inFlight++;
    this.#requests++;
    this.#c
      .ask(candidate.record, target, fast, this.#stop.signal)
      .then(
        (records) => this.#answered(candidate, records),
        () => this.#failed(candidate),
      )
      .finally(() => {
        this.#inFlight--;
        this.#pump();
      });
  }

  #answered(candidate: Candidate, records: readonly SignedRecord[]): void {
    if (this.#over) return;
    candidate.state = 'answered';
    for (const teller of candidate.tellers) teller.answers++;
    const { target, onNear } = this.#init;
    if (!this.#nearest || compareDistance(target, candidate.record.nodeId, this.#nearest.record.nodeId) < 0) {
      this.#nearest = candidate;
    }
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
