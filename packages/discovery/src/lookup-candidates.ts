import { compareDistance, type NodeId } from './identity/node-id.ts';
import type { SignedRecord } from './record/signed-record.ts';
import type { GroupOf } from './table/address-group.ts';

export interface CandidateLimits {
  /** Nodes that a lookup looks for, k of Kademlia. */
  readonly lookupResultsMax: number;
  /** Nodes that a lookup remembers. */
  readonly lookupCandidatesMax: number;
  /** Nodes with one public address that come before others: nobody surrounds a target from one machine. */
  readonly lookupSameAddressMax: number;
  /** Nodes told of by one node that may fail before its others are doubted, while none of them answered. */
  readonly lookupLiesMax: number;
}

/** Tellers that are remembered per candidate: one honest among them is enough. */
const TELLERS_MAX = 4;

/** A node that a lookup heard of. */
export class Candidate {
  record: SignedRecord;
  readonly group: string | undefined;
  readonly hops: number;
  state: 'new' | 'asked' | 'answered' | 'failed' = 'new';
  /** Asked again, it keeps this. */
  hasAnswered = false;
  askedAtMs = 0;
  /** Asked although only liars, as it seems, told of it. */
  doubtful = false;
  /** The largest distance that it was asked for. */
  widest = 0;
  /** Who told of it; empty for seeds, who need nobody to vouch for them. */
  readonly tellers: Candidate[];
  /** Of those that it told of. */
  answers = 0;
  failures = 0;

  constructor(record: SignedRecord, group: string | undefined, teller: Candidate | undefined) {
    this.record = record;
    this.group = group;
    this.hops = (teller?.hops ?? 0) + 1;
    this.tellers = teller ? [teller] : [];
  }
}

/** The nodes that a lookup heard of, the nearest to its target first, and which of them count. */
export class Candidates {
  readonly #target: NodeId;
  readonly #groupOf: GroupOf;
  readonly #limits: CandidateLimits;
  readonly #sorted: Candidate[] = [];
  readonly #known = new Map<string, Candidate>();

  constructor(target: NodeId, init: { readonly groupOf: GroupOf; readonly limits: CandidateLimits }) {
    this.#target = target;
    this.#groupOf = init.groupOf;
    this.#limits = init.limits;
  }

  add(record: SignedRecord, teller: Candidate | undefined): void {
    const id = record.nodeId;
    const known = this.#known.get(id.hex);
    if (known) {
      if (record.seq > known.record.seq && known.state === 'new') known.record = record;
      if (teller && known.tellers.length > 0 && known.tellers.length < TELLERS_MAX) known.tellers.push(teller);
    } else if (record.udp && this.#makeRoom(id)) {
      const candidate = new Candidate(record, this.#groupOf(record.udp.ip), teller);
      this.#known.set(id.hex, candidate);
      this.#insert(candidate);
    }
  }

  filter(accept: (candidate: Candidate) => boolean): Candidate[] {
    return this.#sorted.filter(accept);
  }

  /** The nearest of those that wait to be asked, whatever speaks against them. */
  firstNew(): Candidate | undefined {
    return this.#sorted.find((candidate) => candidate.state === 'new');
  }

  /** The 16 nearest that pass; more of one address only where there are no others. */
  near(accept: (candidate: Candidate) => boolean = (candidate) => this.isHopeful(candidate)): Candidate[] {
    const near: Candidate[] = [];
    const more: Candidate[] = [];
    const groups = new Map<string, number>();
    for (const candidate of this.#sorted) {
      if (near.length >= this.#limits.lookupResultsMax) break;
      if (!accept(candidate)) continue;
      const { group } = candidate;
      const count = group === undefined ? 0 : (groups.get(group) ?? 0);
      if (group !== undefined) groups.set(group, count + 1);
      (count < this.#limits.lookupSameAddressMax ? near : more).push(candidate);
    }
    return [...near, ...more.slice(0, this.#limits.lookupResultsMax - near.length)];
  }

  /** Not when all who told of it told of several who failed, and of nobody who answered. */
  isHopeful({ state, tellers }: Candidate): boolean {
    if (state !== 'new') return state !== 'failed';
    const lies = (teller: Candidate) => teller.answers === 0 && teller.failures >= this.#limits.lookupLiesMax;
    return tellers.length === 0 || !tellers.every(lies);
  }

  /** With too many candidates the farthest goes, unless it was asked or `id` is farther. */
  #makeRoom(id: NodeId): boolean {
    if (this.#known.size < this.#limits.lookupCandidatesMax) return true;
    const farthest = this.#sorted.at(-1)!;
    const { nodeId } = farthest.record;
    if (farthest.state !== 'new' || compareDistance(this.#target, id, nodeId) > 0) return false;
    this.#sorted.pop();
    this.#known.delete(nodeId.hex);
    return true;
  }

  #insert(candidate: Candidate): void {
    const { nodeId } = candidate.record;
    let low = 0;
    let high = this.#sorted.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (compareDistance(this.#target, this.#sorted[middle]!.record.nodeId, nodeId) < 0) low = middle + 1;
      else high = middle;
    }
    this.#sorted.splice(low, 0, candidate);
  }
}
