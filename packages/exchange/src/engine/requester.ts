import type { Cid } from '@codex/content';
import type { DatasetSession } from './dataset-session.ts';
import type { Peer } from './peer.ts';

/** Blocks of one session that one peer was asked for: consecutive leaves inside one word of 32. */
export interface Assignment {
  readonly session: DatasetSession;
  readonly peer: Peer;
  readonly start: number;
  readonly count: number;
  /** What the peer may send for it; counts against its window until it arrived. */
  readonly bytes: number;
  /** Monotonic ms. */
  readonly sentAt: number;
  /** Monotonic ms by which it should have arrived, generously. */
  readonly dueAt: number;
  /** Monotonic ms at which it is expected, by what was measured. */
  readonly expectedAt: number;
  /** Bits of the word: leaves that have not arrived. */
  left: number;
  /** Off the wire: delivered, cancelled or given up. */
  done: boolean;
  /** Others were asked for the same before. */
  readonly duplicate: boolean;
  /** Called back for this peer, which has nothing else to do; the answer says whether it was in time. */
  recalledFor?: Peer | undefined;
}

/** A single block that is looked for by its content id. */
export interface WantedBlock {
  readonly cid: Cid;
  /** `cidKey` of it. */
  readonly key: string;
}

/** The asking half of a protocol towards one peer. What comes back goes to the `RequestEvents` it was made with. */
export interface Requester {
  readonly protocol: string;
  /** The peer says of a followed tree all that it has, not only what it is asked about. */
  readonly tellsAll: boolean;
  /** A cancelled request is answered: by a refusal, or by the blocks where they had left already. */
  readonly answersCancels: boolean;
  /** Learns from now on what the peer has of the session's tree. */
  follow(session: DatasetSession): void;
  unfollow(session: DatasetSession): void;
  /** What the session misses has changed, or its front: a protocol that asks block by block goes on from here. */
  refresh(session: DatasetSession): void;
  request(assignment: Assignment): void;
  cancel(assignment: Assignment): void;
  /** Asks for a block, now if the peer has it or as soon as it gets it. */
  want(block: WantedBlock): void;
  unwant(block: WantedBlock): void;
  /** Called every second or so. */
  tick(): void;
  close(): void;
}

/** What a requester reports. */
export interface RequestEvents {
  /** The peer says it has these leaves; without range: all. */
  has(peer: Peer, session: DatasetSession, range?: { start: number; count: number }): void;
  /** The peer will not answer: it lacks the leaves, or is busy. */
  refused(assignment: Assignment, lacks: boolean): void;
  /** The whole answer to an assignment arrived: its bytes are off the wire. */
  delivered(assignment: Assignment): void;
  /** Something arrived for what was asked. Any bytes count: they show that the peer is alive. */
  alive(peer: Peer, bytes: number): void;
  /**
   * Blocks arrived, consecutive, all asked of this peer. `learned` resolves when their proof is verified and their
   * digests are known to the dataset. Resolves when they are stored or refused.
   */
  blocks(
    peer: Peer,
    session: DatasetSession,
    start: number,
    blocks: readonly Uint8Array[],
    learned: Promise<void>,
  ): Promise<void>;
  /** A single block arrived; not verified. */
  block(peer: Peer, block: WantedBlock, bytes: Uint8Array): Promise<void>;
  /** The peer does not have a single block (yet). */
  blockMissing(peer: Peer, block: WantedBlock): void;
  /** The stream to the peer ended: everything asked is lost. */
  lost(peer: Peer): void;
}
