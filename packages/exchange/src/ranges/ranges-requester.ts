import { verifyRange } from '@codex/content';
import type { DatasetSession } from '../engine/dataset-session.ts';
import type { Peer } from '../engine/peer.ts';
import type { Assignment, RequestEvents, Requester, WantedBlock } from '../engine/requester.ts';
import type { EngineParts } from '../engine/responder.ts';
import { ExchangeError } from '../errors.ts';
import type { PeerStream } from '../network/network.ts';
import type { BufferPool } from './buffer-pool.ts';
import { type Payload, RangesReader } from './frames.ts';
import {
  type AnswerFrame,
  decodeAnswer,
  encodeCancel,
  encodeFollow,
  encodeRequest,
  encodeUnfollow,
  encodeWant,
  FRAME,
  MISS,
  RANGES_PROTOCOL,
  type RangeHeader,
} from './wire.ts';

/** A block that travels alone; the largest that the store takes. */
const BLOCK_MAX_BYTES = 1024 * 1024;

interface Asked {
  readonly assignment: Assignment;
  readonly withDigests: boolean;
  /** Nothing was queued before it: its first byte tells the round trip. */
  readonly first: boolean;
}

/** Asks on one stream that we opened. Every request is answered once, with a range or a miss, cancelled or not. */
export class RangesRequester implements Requester {
  readonly protocol = RANGES_PROTOCOL;
  readonly tellsAll = true;
  readonly answersCancels = true;
  readonly #parts: EngineParts;
  readonly #peer: Peer;
  readonly #stream: PeerStream;
  readonly #events: RequestEvents;
  readonly #buffers: BufferPool;
  readonly #treeIds = new Map<DatasetSession, number>();
  readonly #sessions = new Map<number, DatasetSession>();
  readonly #asked = new Map<number, Asked>();
  readonly #idOf = new Map<Assignment, number>();
  readonly #wants = new Map<number, WantedBlock>();
  #outbox: Uint8Array[] = [];
  #nextId = 1;
  #closed = false;

  constructor(
    parts: EngineParts,
    init: { peer: Peer; stream: PeerStream; events: RequestEvents; buffers: BufferPool },
  ) {
    this.#parts = parts;
    this.#peer = init.peer;
    this.#stream = init.stream;
    this.#events = init.events;
    this.#buffers = init.buffers;
    const reader = new RangesReader((type, body) => this.#onFrame(decodeAnswer(type, body)));
    init.stream.receive({
      onBytes: (bytes) => {
        if (this.#closed) return;
        this.#events.alive(this.#peer, bytes.length);
        try {
          reader.push(bytes);
        } catch (error) {
          this.#misbehaved(error);
        }
      },
      onEnd: () => this.#lost(),
    });
  }

  follow(session: DatasetSession): void {
    if (this.#treeIds.has(session)) return;
    const tree = this.#nextId++;
    this.#treeIds.set(session, tree);
    this.#sessions.set(tree, session);
    this.#send(encodeFollow(tree, session.dataset.ref.treeCid.bytes));
  }

  unfollow(session: DatasetSession): void {
    const tree = this.#treeIds.get(session);
    if (tree === undefined) return;
    this.#treeIds.delete(session);
    this.#sessions.delete(tree);
    this.#send(encodeUnfollow(tree));
  }

  refresh(): void {}

  tick(): void {}

  request(assignment: Assignment): void {
    const { session, start, count } = assignment;
    const tree = this.#treeIds.get(session);
    if (tree === undefined) throw new ExchangeError('STREAM_CLOSED', 'The tree is not followed');
    const id = this.#nextId++;
    const withDigests = session.known.countIn(assignment) < count;
    this.#asked.set(id, { assignment, withDigests, first: this.#asked.size === 0 });
    this.#idOf.set(assignment, id);
    this.#send(encodeRequest({ id, tree, start, count, withDigests }));
  }

  cancel(assignment: Assignment): void {
    const id = this.#idOf.get(assignment);
    if (id !== undefined) this.#send(encodeCancel(id));
  }

  want(block: WantedBlock): void {
    const id = this.#nextId++;
    this.#wants.set(id, block);
    this.#send(encodeWant(id, block.cid.bytes));
  }

  unwant(block: WantedBlock): void {
    for (const [id, wanted] of this.#wants) {
      // The answer may be under way: the id stays known until a miss or the block closes it.
      if (wanted === block) this.#send(encodeCancel(id));
    }
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#stream.abort(new Error('closed'));
  }

  #lost(): void {
    if (this.#closed) return;
    this.close();
    this.#events.lost(this.#peer);
  }

  #misbehaved(error: unknown): void {
    this.#parts.offend(this.#peer.id, 'malformed', error instanceof Error ? error.message : String(error));
    this.#lost();
  }

  /** Small frames of one turn leave in one write. */
  #send(frame: Uint8Array): void {
    if (this.#closed) return;
    if (this.#outbox.push(frame) > 1) return;
    queueMicrotask(() => {
      const bytes = Buffer.concat(this.#outbox);
      this.#outbox = [];
      try {
        if (!this.#closed) this.#stream.write(bytes);
      } catch {
        this.#lost();
      }
    });
  }

  #onFrame(frame: AnswerFrame): Payload | undefined {
    switch (frame.type) {
      case FRAME.haveAll: {
        const session = this.#sessions.get(frame.tree);
        // Another number of leaves is another tree, whatever its root is called.
        if (session?.leafCount === frame.leafCount) this.#events.has(this.#peer, session);
        return undefined;
      }
      case FRAME.haveRuns:
        // No runs at all: the peer fetches the dataset itself and will hold parts of it.
        if (frame.runs.length === 0) this.#sessions.get(frame.tree)?.holding(this.#peer);
        for (const run of frame.runs) this.#has(frame.tree, run.start, run.count);
        return undefined;
      case FRAME.haveBits:
        this.#haveBits(frame.tree, frame.first, frame.bits);
        return undefined;
      case FRAME.range:
        return this.#range(frame);
      case FRAME.block:
        return this.#block(frame.id, frame.length);
      case FRAME.miss:
        this.#miss(frame.id, frame.reason);
        return undefined;
    }
  }

  #has(tree: number, start: number, count: number): void {
    const session = this.#sessions.get(tree);
    if (session && count > 0 && start + count <= session.leafCount)
      this.#events.has(this.#peer, session, { start, count });
  }

  #haveBits(tree: number, first: number, bits: Uint8Array): void {
    for (let i = 0; i < bits.length * 8; i++) {
      let run = 0;
      while (i + run < bits.length * 8 && ((bits[(i + run) >> 3]! >> ((i + run) & 7)) & 1) === 1) run++;
      if (run > 0) this.#has(tree, first + i, run);
      i += run;
    }
  }

  #take(id: number): Asked | undefined {
    const asked = this.#asked.get(id);
    if (!asked) return undefined;
    this.#asked.delete(id);
    this.#idOf.delete(asked.assignment);
    return asked;
  }

  #range(header: RangeHeader): Payload {
    const asked = this.#take(header.id);
    if (!asked) throw new ExchangeError('MESSAGE_INVALID', 'A range that was not asked for', { id: header.id });
    const { assignment, withDigests, first } = asked;
    const { session, start, count } = assignment;
    const { ref } = session.dataset;
    if (header.start !== start || header.lengths.length !== count || header.lengths.some((n) => n > ref.blockSize)) {
      throw new ExchangeError('MESSAGE_INVALID', 'Not the range that was asked for', { start, count });
    }
    if (withDigests !== (header.digests !== undefined))
      throw new ExchangeError('MESSAGE_INVALID', 'Digests are missing');
    if (first) this.#peer.measuredRoundTrip(this.#parts.clock.monotonic() - assignment.sentAt);
    const learned = this.#learn(session, header);
    learned.catch(() => {});
    const buffer = this.#buffers.take(header.lengths.reduce((sum, length) => sum + length, 0));
    const onDone = () => {
      let at = 0;
      const blocks = header.lengths.map((length) => {
        at += length;
        return buffer.bytes.subarray(at - length, at);
      });
      this.#events.delivered(assignment);
      void this.#events.blocks(this.#peer, session, start, blocks, learned).finally(buffer.release);
    };
    return { target: buffer.bytes, onDone };
  }

  /** Verifies the digests and hands them to the dataset, while the blocks arrive. */
  #learn(session: DatasetSession, { start, digests, siblings }: RangeHeader): Promise<void> {
    if (!digests) return Promise.resolve();
    try {
      return session.dataset.learn(verifyRange(session.dataset.ref, start, digests, siblings));
    } catch (error) {
      return Promise.reject(error);
    }
  }

  #miss(id: number, reason: number): void {
    const wanted = this.#wants.get(id);
    if (wanted) {
      if (reason === MISS.forgotten) this.#wants.delete(id);
      this.#events.blockMissing(this.#peer, wanted);
      return;
    }
    const asked = this.#take(id);
    if (asked) this.#events.refused(asked.assignment, reason === MISS.absent);
  }

  #block(id: number, length: number): Payload {
    const wanted = this.#wants.get(id);
    if (!wanted) throw new ExchangeError('MESSAGE_INVALID', 'A block that was not asked for', { id });
    if (length > BLOCK_MAX_BYTES) throw new ExchangeError('MESSAGE_TOO_LARGE', 'A block above the limit', { length });
    this.#wants.delete(id);
    const target = new Uint8Array(length);
    return { target, onDone: () => void this.#events.block(this.#peer, wanted, target) };
  }
}
