import { type Cid, cidKey, formatCid, type Repository } from '@codex/content';
import { type AbortOptions, isCodexError, raceSignal } from '@codex/runtime';
import { ExchangeError } from '../errors.ts';
import type { Peer } from './peer.ts';
import type { WantedBlock } from './requester.ts';
import type { EngineParts } from './responder.ts';
import type { Sources } from './sources.ts';

/** Peers that are asked for one block at one time; others follow when these say no or nothing. */
const ASKED_MAX = 3;
/** A peer that has not answered after this time does not keep the next one from being asked. */
const PATIENCE_MS = 500;

interface Want extends WantedBlock {
  readonly found: PromiseWithResolvers<Uint8Array>;
  readonly since: number;
  /** Monotonic ms of the question; Infinity for a peer that said no. */
  readonly asked: Map<Peer, number>;
  searchedAt: number;
  callers: number;
}

/** Single blocks that are looked for by content id: manifests mostly. */
export class BlockWants {
  readonly #repository: Repository;
  readonly #parts: EngineParts;
  readonly #sources: Sources;
  readonly #search: (cid: Cid) => void;
  readonly #wants = new Map<string, Want>();
  #closed: Error | undefined;

  constructor(components: { parts: EngineParts; sources: Sources; search: (cid: Cid) => void }) {
    this.#repository = components.parts.repository;
    this.#parts = components.parts;
    this.#sources = components.sources;
    this.#search = components.search;
  }

  get size(): number {
    return this.#wants.size;
  }

  async fetch(cid: Cid, options?: AbortOptions): Promise<Uint8Array> {
    options?.signal?.throwIfAborted();
    const local = await this.#repository.getBlock(cid);
    if (local) return local;
    if (this.#closed) throw this.#closed;
    const key = cidKey(cid);
    let want = this.#wants.get(key);
    if (!want) {
      if (this.#wants.size >= this.#parts.limits.fetchesMax)
        throw new ExchangeError('FETCHES_LIMIT', 'Too many fetches');
      const now = this.#parts.clock.monotonic();
      const found = Promise.withResolvers<Uint8Array>();
      found.promise.catch(() => {});
      want = { cid, key, found, since: now, asked: new Map(), searchedAt: Number.NEGATIVE_INFINITY, callers: 0 };
      this.#wants.set(key, want);
      this.tick();
    }
    want.callers++;
    try {
      return await raceSignal(want.found.promise, options?.signal);
    } finally {
      if (--want.callers === 0) this.#end(want);
    }
  }

  /** A peer can be asked now. */
  ready(peer: Peer): void {
    for (const want of this.#wants.values()) {
      // A new stream knows nothing of what the old one was asked.
      want.asked.delete(peer);
    }
    this.tick();
  }

  left(peer: Peer): void {
    for (const want of this.#wants.values()) want.asked.delete(peer);
  }

  missing(peer: Peer, block: WantedBlock): void {
    const want = this.#wants.get(block.key);
    if (!want?.asked.has(peer)) return;
    want.asked.set(peer, Number.POSITIVE_INFINITY);
    this.tick();
  }

  /** Bytes that came for a block; they are verified by storing them. */
  async arrived(peer: Peer, block: WantedBlock, bytes: Uint8Array): Promise<void> {
    const want = this.#wants.get(block.key);
    if (!want) return;
    try {
      await this.#repository.putBlock(block.cid, bytes);
      want.found.resolve(bytes);
      this.#end(want);
    } catch (error) {
      if (isCodexError(error, 'BLOCK_MISMATCH', 'BLOCK_SIZE_INVALID')) {
        this.#parts.offend(peer.id, 'wrongBlocks', 'a block that does not match its id');
        this.missing(peer, block);
      } else {
        // Among them MANIFEST_INVALID: these are the bytes of the id, the fault is not the peer's, and nobody has others.
        want.found.reject(error);
        this.#end(want);
      }
    }
  }

  /** A block was stored by somebody else. */
  stored(key: string, bytes: Uint8Array): void {
    const want = this.#wants.get(key);
    if (!want) return;
    want.found.resolve(bytes);
    this.#end(want);
  }

  /** Asks the next peers, searches, gives up. */
  tick(): void {
    if (this.#wants.size === 0) return;
    this.#sources.openAll();
    const now = this.#parts.clock.monotonic();
    for (const want of [...this.#wants.values()]) {
      if (now - want.since >= this.#parts.limits.findDeadlineMs) this.#fail(want);
      else this.#ask(want, now);
    }
  }

  close(error: Error): void {
    this.#closed = error;
    for (const want of [...this.#wants.values()]) {
      want.found.reject(error);
      this.#end(want);
    }
  }

  #ask(want: Want, now: number): void {
    let waiting = 0;
    for (const at of want.asked.values()) if (now - at < PATIENCE_MS && at !== Number.POSITIVE_INFINITY) waiting++;
    for (const peer of this.#sources.all()) {
      if (waiting >= ASKED_MAX) break;
      if (!peer.requester || want.asked.has(peer)) continue;
      want.asked.set(peer, now);
      waiting++;
      peer.requester.want(want);
    }
    if (waiting === 0 && now - want.searchedAt >= this.#parts.limits.findIntervalMs) {
      want.searchedAt = now;
      this.#search(want.cid);
    }
  }

  #fail(want: Want): void {
    const cid = formatCid(want.cid);
    this.#parts.metrics.requestsFailed.inc();
    want.found.reject(new ExchangeError('BLOCK_NOT_FOUND', `Nobody had the block ${cid}`, { cid }));
    this.#end(want);
  }

  #end(want: Want): void {
    if (this.#wants.get(want.key) !== want) return;
    this.#wants.delete(want.key);
    if (want.callers > 0) want.found.reject(new ExchangeError('EXCHANGE_STOPPED', 'The fetch was ended'));
    for (const peer of want.asked.keys()) peer.requester?.unwant(want);
  }
}
