import type { Clock } from '@codex/runtime';
import { type Endpoint, endpointText } from './datagram/datagram.ts';
import { reachOf } from './record/reach.ts';
import type { GroupOf } from './table/address-group.ts';

export interface VoteLimits {
  /** A vote is forgotten after this time (05 §7). */
  readonly voteLifeMs: number;
  /** Equal votes that settle the question, as in the reference. */
  readonly votesNeeded: number;
  /** Voters that are remembered, the latest ones. */
  readonly votersMax: number;
}

export interface Voter {
  /** Of its node, in hex. */
  readonly id: string;
  readonly ip: string;
}

interface Vote {
  readonly endpoint: Endpoint;
  readonly atMs: number;
}

/**
 * What others see as our address: the endpoint of each PONG is a vote. One public address has one vote, however many
 * identities live there, and who sees us over a private network says nothing of our public address.
 */
export class AddressVotes {
  readonly #clock: Clock;
  readonly #groupOf: GroupOf;
  readonly #limits: VoteLimits;
  /** By voter, the oldest first. */
  readonly #votes = new Map<string, Vote>();

  constructor(components: { readonly clock: Clock; readonly groupOf: GroupOf }, limits: VoteLimits) {
    this.#clock = components.clock;
    this.#groupOf = components.groupOf;
    this.#limits = limits;
  }

  /** Returns the endpoint that has enough votes now, more than any other, and how many. */
  add(voter: Voter, endpoint: Endpoint): { readonly endpoint: Endpoint; readonly votes: number } | undefined {
    const reach = reachOf(endpoint.ip);
    if (reach === 'none' || endpoint.port === 0 || reachOf(voter.ip) !== reach) return undefined;
    const now = this.#clock.monotonic();
    const key = this.#groupOf(voter.ip) ?? voter.id;
    this.#votes.delete(key);
    this.#votes.set(key, { endpoint, atMs: now });
    for (const [oldest, { atMs }] of this.#votes) {
      if (this.#votes.size <= this.#limits.votersMax && now - atMs < this.#limits.voteLifeMs) break;
      this.#votes.delete(oldest);
    }
    return this.#winner();
  }

  clear(): void {
    this.#votes.clear();
  }

  #winner(): { endpoint: Endpoint; votes: number } | undefined {
    const counts = new Map<string, { endpoint: Endpoint; votes: number }>();
    for (const { endpoint } of this.#votes.values()) {
      const text = endpointText(endpoint);
      const count = counts.get(text) ?? { endpoint, votes: 0 };
      count.votes++;
      counts.set(text, count);
    }
    const [first, second] = [...counts.values()].sort((a, b) => b.votes - a.votes);
    if (!first || first.votes < this.#limits.votesNeeded || first.votes === second?.votes) return undefined;
    return first;
  }
}
