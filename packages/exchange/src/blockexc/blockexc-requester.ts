import {
  type Cid,
  cidKey,
  decodeCid,
  decodeProof,
  digestOf,
  isBlockCid,
  isTreeCid,
  rangeFromInclusionProof,
} from '@codex/content';
import type { DatasetSession } from '../engine/dataset-session.ts';
import { LeafSet } from '../engine/leaf-set.ts';
import type { Peer } from '../engine/peer.ts';
import type { Assignment, RequestEvents, Requester, WantedBlock } from '../engine/requester.ts';
import type { EngineParts } from '../engine/responder.ts';
import {
  type BlockAddress,
  type BlockDelivery,
  type BlockPresence,
  latin1,
  type Message,
  PRESENCE,
  WANT,
  type WantEntry,
  type WantType,
} from '../message/message.ts';

/** Entries of one want-list (04 §8). */
const ENTRIES_MAX = 1024;
/** Leaves that a peer is asked about before the first of them arrive (04 §8). */
const WINDOW_LEAVES = 1024;
/** So many deliveries later the peer is asked about more leaves. */
const REFILL_LEAVES = 256;
const BACKOFF_FIRST_MS = 1_000;
const BACKOFF_MAX_MS = 36_000;

/** What one peer was asked and told us about one tree. */
interface Interest {
  readonly asked: LeafSet;
  /** Outstanding want-blocks by leaf. */
  readonly requested: Map<number, Assignment>;
  sinceRefill: number;
}

interface Arrived {
  readonly index: number;
  readonly data: Uint8Array;
  readonly learned: Promise<void>;
}

/** Asks one peer over 1.0.0: want-have, presence, want-block, delivery (04 §7–8). */
export class BlockexcRequester implements Requester {
  readonly protocol = '/codex/blockexc/1.0.0';
  readonly tellsAll = false;
  readonly answersCancels = false;
  readonly #parts: EngineParts;
  readonly #peer: Peer;
  readonly #events: RequestEvents;
  readonly #send: (parts: Partial<Message>) => Promise<void>;
  readonly #interests = new Map<DatasetSession, Interest>();
  readonly #sessions = new Map<string, DatasetSession>();
  readonly #wants = new Map<string, { block: WantedBlock; requested: boolean }>();
  #outbox: WantEntry[] = [];
  /** The first list after the connection is the full one. */
  #full = true;
  #refreshAt = 0;
  #backoffMs = BACKOFF_FIRST_MS;
  #closed = false;

  constructor(
    parts: EngineParts,
    init: { peer: Peer; events: RequestEvents; send: (parts: Partial<Message>) => Promise<void> },
  ) {
    this.#parts = parts;
    this.#peer = init.peer;
    this.#events = init.events;
    this.#send = init.send;
    this.#refreshAt = parts.clock.monotonic() + this.#backoffMs;
  }

  follow(session: DatasetSession): void {
    if (this.#interests.has(session)) return;
    this.#sessions.set(session.key, session);
    this.#interests.set(session, { asked: new LeafSet(session.leafCount), requested: new Map(), sinceRefill: 0 });
    this.#askAbout(session);
  }

  unfollow(session: DatasetSession): void {
    this.#interests.delete(session);
    if (this.#sessions.get(session.key) === session) this.#sessions.delete(session.key);
  }

  refresh(session: DatasetSession): void {
    this.#askAbout(session);
  }

  request(assignment: Assignment): void {
    const interest = this.#interests.get(assignment.session);
    if (!interest) return;
    for (let i = 0; i < assignment.count; i++) {
      interest.requested.set(assignment.start + i, assignment);
      this.#queue(leafOf(assignment.session, assignment.start + i), WANT.block);
    }
  }

  cancel(assignment: Assignment): void {
    const requested = this.#interests.get(assignment.session)?.requested;
    for (let index = assignment.start; index < assignment.start + assignment.count; index++) {
      if (requested?.get(index) !== assignment) continue;
      requested.delete(index);
      this.#queue(leafOf(assignment.session, index), WANT.have, true);
    }
  }

  want(block: WantedBlock): void {
    this.#wants.set(block.key, { block, requested: false });
    this.#queue({ leaf: false, cid: block.cid.bytes }, WANT.have);
  }

  unwant(block: WantedBlock): void {
    const want = this.#wants.get(block.key);
    if (!this.#wants.delete(block.key) || !want?.requested) return;
    this.#queue({ leaf: false, cid: block.cid.bytes }, WANT.have, true);
  }

  /** Lists that a peer did not answer are repeated, ever more seldom: it does not remember want-haves. */
  tick(): void {
    const now = this.#parts.clock.monotonic();
    if (now < this.#refreshAt || (this.#interests.size === 0 && this.#wants.size === 0)) return;
    this.#backoffMs = Math.min(BACKOFF_MAX_MS, this.#backoffMs * 2);
    this.#refreshAt = now + this.#backoffMs;
    for (const { block, requested } of this.#wants.values()) {
      if (!requested) this.#queue({ leaf: false, cid: block.cid.bytes }, WANT.have);
    }
    for (const [session, interest] of this.#interests) {
      interest.asked.delete({ start: 0, count: session.leafCount });
      this.#askAbout(session);
    }
  }

  close(): void {
    this.#closed = true;
  }

  /** Everything that was asked is lost; the engine asks others, and this peer again a little later. */
  giveUp(): void {
    if (this.#closed) return;
    this.close();
    this.#events.lost(this.#peer);
  }

  alive(bytes: number): void {
    this.#events.alive(this.#peer, bytes);
  }

  presences(presences: readonly BlockPresence[]): void {
    for (const { address, type } of presences) {
      const have = type === PRESENCE.have;
      if (address.leaf) {
        const session = this.#sessions.get(latin1(address.treeCid));
        if (!session || address.index >= session.leafCount) continue;
        const { leaves } = session.holding(this.#peer);
        if (!have) leaves.delete({ start: address.index, count: 1 });
        else if (!leaves.has(address.index)) this.#backToShort();
        if (have) this.#events.has(this.#peer, session, { start: address.index, count: 1 });
      } else {
        const want = this.#wants.get(keyOf(address.cid));
        if (!want || want.requested || !have) continue;
        want.requested = true;
        this.#queue({ leaf: false, cid: address.cid }, WANT.block);
      }
    }
  }

  /** Resolves when everything is stored: the messages behind it wait, and then the peer. */
  async delivered(payload: readonly BlockDelivery[]): Promise<void> {
    const stored: Promise<void>[] = [];
    const bySession = new Map<DatasetSession, Arrived[]>();
    let spurious = 0;
    for (const delivery of payload) {
      const { address } = delivery;
      if (!address.leaf) {
        const want = this.#wants.get(keyOf(address.cid));
        if (want) stored.push(this.#block(want.block, delivery));
        else spurious++;
        continue;
      }
      const session = this.#sessions.get(latin1(address.treeCid));
      const assignment = session && this.#interests.get(session)?.requested.get(address.index);
      if (!session || !assignment) {
        spurious++;
        continue;
      }
      const arrived = this.#check(session, assignment, address.index, delivery);
      if (arrived) bySession.set(session, [...(bySession.get(session) ?? []), arrived]);
    }
    if (spurious > 0) {
      this.#parts.metrics.spuriousBlocksReceived.inc(spurious);
      this.#parts.offend(this.#peer.id, 'spuriousBlocks', 'blocks that were not asked for', spurious);
    }
    for (const [session, arrived] of bySession) {
      for (const run of runsOf(arrived)) stored.push(this.#store(session, run));
      this.#refill(session, arrived.length);
    }
    await Promise.all(stored);
  }

  /** Holds the proof against the tree; a wrong one counts against the peer, and others are asked. */
  #check(session: DatasetSession, assignment: Assignment, index: number, delivery: BlockDelivery): Arrived | undefined {
    this.#interests.get(session)?.requested.delete(index);
    try {
      const cid = decodeCid(delivery.cid);
      const proof = decodeProof(delivery.proof);
      if (!isBlockCid(cid) || proof.index !== index) throw new Error('the proof is of another leaf');
      const proved = rangeFromInclusionProof(session.dataset.ref, proof, digestOf(cid));
      assignment.left &= ~(1 << (index & 31));
      if (assignment.left === 0) this.#events.delivered(assignment);
      return { index, data: delivery.data, learned: session.dataset.learn(proved) };
    } catch (error) {
      this.#parts.offend(this.#peer.id, 'wrongBlocks', error instanceof Error ? error.message : 'wrong proof');
      this.#events.refused(assignment, true);
      return undefined;
    }
  }

  #store(session: DatasetSession, run: readonly Arrived[]): Promise<void> {
    const learned = Promise.all(run.map((leaf) => leaf.learned)).then(() => {});
    learned.catch(() => {});
    const blocks = run.map((leaf) => leaf.data);
    return this.#events.blocks(this.#peer, session, run[0]!.index, blocks, learned);
  }

  #block(block: WantedBlock, delivery: BlockDelivery): Promise<void> {
    // The block is checked against what was asked for; its own id says nothing more.
    this.#wants.delete(block.key);
    return this.#events.block(this.#peer, block, delivery.data);
  }

  #refill(session: DatasetSession, count: number): void {
    const interest = this.#interests.get(session);
    if (!interest) return;
    interest.sinceRefill += count;
    if (interest.sinceRefill < REFILL_LEAVES) return;
    interest.sinceRefill = 0;
    this.#askAbout(session);
  }

  /** Want-haves for what the session needs next and the peer was not asked about. */
  #askAbout(session: DatasetSession): void {
    const interest = this.#interests.get(session);
    if (!interest) return;
    const { asked } = interest;
    const { leaves } = session.holding(this.#peer);
    let news = false;
    for (const index of session.frontLeaves(WINDOW_LEAVES)) {
      if (asked.has(index) || leaves.has(index)) continue;
      asked.add({ start: index, count: 1 });
      this.#queue(leafOf(session, index), WANT.have);
      news = true;
    }
    if (news) this.#backToShort();
  }

  #backToShort(): void {
    this.#backoffMs = BACKOFF_FIRST_MS;
    this.#refreshAt = this.#parts.clock.monotonic() + this.#backoffMs;
  }

  #queue(address: BlockAddress, wantType: WantType, cancel = false): void {
    if (this.#closed || this.#outbox.push({ address, priority: 0, cancel, wantType, sendDontHave: false }) > 1) return;
    queueMicrotask(() => this.#flush());
  }

  /** Everything of one turn, one kind per message: cancels first, so that they cannot undo a want of the same turn. */
  #flush(): void {
    const entries = this.#outbox;
    this.#outbox = [];
    const { metrics } = this.#parts;
    const cancels = entries.filter((entry) => entry.cancel);
    const blocks = entries.filter((entry) => !entry.cancel && entry.wantType === WANT.block);
    const haves = entries.filter((entry) => !entry.cancel && entry.wantType === WANT.have);
    for (const list of batches(cancels)) this.#sendList(list, false);
    for (const list of batches(blocks)) {
      metrics.wantBlockListsSent.inc();
      this.#sendList(list, false);
    }
    for (const list of batches(haves)) {
      metrics.wantHaveListsSent.inc();
      this.#sendList(list, this.#full);
      this.#full = false;
    }
  }

  #sendList(entries: readonly WantEntry[], full: boolean): void {
    if (this.#closed) return;
    this.#send({ wantList: { entries, full } }).catch((error) => {
      this.#parts.logger.debug('Cannot send want-list', { peer: this.#peer.id, error });
      this.giveUp();
    });
  }
}

function leafOf(session: DatasetSession, index: number): BlockAddress {
  return { leaf: true, treeCid: session.dataset.ref.treeCid.bytes, index };
}

/** The key of a wanted block by the binary id of a message; what is no id matches nothing. */
function keyOf(bytes: Uint8Array): string {
  try {
    const cid: Cid = decodeCid(bytes);
    return isTreeCid(cid) ? '' : cidKey(cid);
  } catch {
    return '';
  }
}

function* batches<T>(items: readonly T[]): Generator<T[]> {
  for (let at = 0; at < items.length; at += ENTRIES_MAX) yield items.slice(at, at + ENTRIES_MAX);
}

/** Consecutive leaves together. */
function runsOf(leaves: readonly Arrived[]): Arrived[][] {
  const runs: Arrived[][] = [];
  for (const leaf of leaves.toSorted((a, b) => a.index - b.index)) {
    const last = runs.at(-1);
    if (last && last.at(-1)!.index + 1 === leaf.index) last.push(leaf);
    else runs.push([leaf]);
  }
  return runs;
}
