import {
  type Cid,
  cidKey,
  type Dataset,
  decodeCid,
  type LeafBatch,
  type LeafRange,
  type TreeCid,
} from '@codex/content';
import type { Cancel } from '@codex/runtime';
import type { EngineParts, Responder } from '../engine/responder.ts';
import type { PeerStream } from '../network/network.ts';
import { RangesReader } from './frames.ts';
import { haveFrames } from './have-frames.ts';
import {
  decodeAsk,
  encodeBlock,
  encodeHaveAll,
  encodeHaveRuns,
  encodeMiss,
  encodeRange,
  FRAME,
  MISS,
  type RangeRequest,
} from './wire.ts';

/** New blocks are told together after this time: a burst of puts becomes one frame. */
const HAVE_DELAY_MS = 30;
/** Runs that wait to be told; with more than this everything held is told anew. */
const HAVE_RUNS_MAX = 256;

interface Follow {
  readonly cid: TreeCid;
  readonly unwatch: () => void;
  dataset: Dataset | undefined;
  /** Held since the last telling; undefined: tell everything. */
  news: LeafRange[] | undefined;
  timer: Cancel | undefined;
}

/**
 * Answers on one stream that a peer opened. Everything is written by one loop, one answer at a time, each when the one
 * before it has left: memory per peer is two answers, whatever the peer asks for.
 */
export class RangesResponder implements Responder {
  readonly #parts: EngineParts;
  readonly #stream: PeerStream;
  readonly #follows = new Map<number, Follow>();
  readonly #requests = new Map<number, RangeRequest>();
  readonly #wants = new Map<number, { cid: Cid; key: string; ask: boolean }>();
  readonly #told = new Set<number>();
  readonly #misses: Uint8Array[] = [];
  readonly #stopped = new AbortController();
  readonly onClose: () => void;
  #wake: (() => void) | undefined;

  constructor(parts: EngineParts, init: { stream: PeerStream; onClose: () => void }) {
    this.#parts = parts;
    this.#stream = init.stream;
    this.onClose = init.onClose;
    const reader = new RangesReader((type, body) => {
      this.#onFrame(type, body);
      return undefined;
    });
    init.stream.receive({
      onBytes: (bytes) => {
        try {
          if (!this.#stopped.signal.aborted) reader.push(bytes);
        } catch (error) {
          this.#malformed(error);
        }
      },
      onEnd: () => this.close(),
    });
    this.#run().catch(() => this.close());
  }

  blockStored(key: string): void {
    for (const want of this.#wants.values()) if (want.key === key) want.ask = true;
    this.#wake?.();
  }

  async rescan(): Promise<void> {
    for (const want of this.#wants.values()) {
      if (await this.#parts.repository.hasBlock(want.cid).catch(() => false)) want.ask = true;
    }
    this.#wake?.();
  }

  close(): void {
    if (this.#stopped.signal.aborted) return;
    this.#stopped.abort(new Error('closed'));
    for (const follow of this.#follows.values()) this.#drop(follow);
    this.#follows.clear();
    this.#requests.clear();
    this.#wants.clear();
    this.#stream.abort(new Error('closed'));
    this.#wake?.();
    this.onClose();
  }

  #malformed(error: unknown): void {
    const reason = error instanceof Error ? error.message : String(error);
    this.#parts.offend(this.#stream.peer, 'malformed', reason);
    this.close();
  }

  #onFrame(type: number, body: Uint8Array): void {
    const frame = decodeAsk(type, body);
    switch (frame.type) {
      case FRAME.follow:
        this.#follow(frame.tree, frame.cid);
        break;
      case FRAME.unfollow: {
        const follow = this.#follows.get(frame.tree);
        if (follow) this.#drop(follow);
        this.#follows.delete(frame.tree);
        break;
      }
      case FRAME.request:
        if (this.#requests.size >= this.#parts.limits.queuedRequestsMax)
          this.#misses.push(encodeMiss(frame.id, MISS.busy));
        else this.#requests.set(frame.id, frame);
        break;
      case FRAME.cancel:
        if (this.#requests.delete(frame.id)) this.#misses.push(encodeMiss(frame.id, MISS.absent));
        if (this.#wants.delete(frame.id)) this.#misses.push(encodeMiss(frame.id, MISS.forgotten));
        break;
      case FRAME.want:
        this.#want(frame.id, frame.cid);
        break;
    }
    if (this.#misses.length > 4 * this.#parts.limits.queuedRequestsMax) throw new Error('asks without reading answers');
    this.#wake?.();
  }

  #follow(tree: number, cid: Uint8Array): void {
    if (this.#follows.has(tree)) throw new Error('the tree is followed already');
    if (this.#follows.size >= this.#parts.limits.followsMax) throw new Error('follows too many trees');
    const unwatch = this.#parts.watches.watch(cid, (dataset, range) => this.#news(tree, dataset, range));
    this.#follows.set(tree, {
      cid: decodeCid(cid) as TreeCid,
      unwatch,
      dataset: undefined,
      news: [],
      timer: undefined,
    });
  }

  #drop(follow: Follow): void {
    follow.unwatch();
    follow.timer?.();
  }

  #news(tree: number, dataset: Dataset, range: LeafRange | undefined): void {
    const follow = this.#follows.get(tree);
    if (!follow) return;
    follow.dataset = dataset;
    if (!range) follow.news = undefined;
    else if (follow.news) {
      const last = follow.news.at(-1);
      if (last && last.start + last.count === range.start) {
        follow.news[follow.news.length - 1] = { start: last.start, count: last.count + range.count };
      } else if (follow.news.push(range) > HAVE_RUNS_MAX) follow.news = undefined;
    }
    follow.timer ??= this.#parts.clock.schedule(range ? HAVE_DELAY_MS : 0, () => {
      follow.timer = undefined;
      this.#told.add(tree);
      this.#wake?.();
    });
  }

  #want(id: number, bytes: Uint8Array): void {
    const cid = decodeCid(bytes);
    this.#wants.set(id, { cid, key: cidKey(cid), ask: true });
    if (this.#wants.size <= this.#parts.limits.queuedFetchesMax) return;
    const [oldest] = this.#wants.keys();
    this.#wants.delete(oldest!);
    this.#misses.push(encodeMiss(oldest!, MISS.forgotten));
  }

  /** Writes answers until the stream ends. */
  async #run(): Promise<void> {
    let prepared: Promise<Uint8Array[]> | undefined;
    while (!this.#stopped.signal.aborted) {
      const frames = [...this.#misses.splice(0), ...this.#haves(), ...(await this.#blocks())];
      if (prepared) frames.push(...(await prepared));
      prepared = undefined;
      // The next answer is read while this one leaves.
      const [request] = this.#requests.values();
      if (request) {
        this.#requests.delete(request.id);
        prepared = this.#answer(request);
        prepared.catch(() => {});
      }
      let room = true;
      for (const frame of frames) room = this.#stream.write(frame);
      if (!room) await this.#stream.drained({ signal: this.#stopped.signal });
      if (!prepared && frames.length === 0) await this.#idle();
    }
  }

  #idle(): Promise<void> {
    const asked = this.#requests.size > 0 || [...this.#wants.values()].some((want) => want.ask);
    if (asked || this.#misses.length > 0 || this.#told.size > 0) return Promise.resolve();
    return new Promise((resolve) => {
      this.#wake = () => {
        this.#wake = undefined;
        resolve();
      };
    });
  }

  *#haves(): Generator<Uint8Array> {
    for (const tree of this.#told) {
      const follow = this.#follows.get(tree);
      const dataset = follow?.dataset;
      if (!dataset) continue;
      const news = follow.news;
      follow.news = [];
      if (dataset.heldCount === dataset.ref.leafCount) yield encodeHaveAll(tree, dataset.ref.leafCount);
      else if (dataset.heldCount === 0) yield encodeHaveRuns(tree, []);
      else yield* haveFrames(tree, news ? sorted(news) : dataset.held());
    }
    this.#told.clear();
  }

  async #blocks(): Promise<Uint8Array[]> {
    const frames: Uint8Array[] = [];
    for (const [id, want] of this.#wants) {
      if (!want.ask) continue;
      want.ask = false;
      const bytes = await this.#parts.repository.getBlock(want.cid);
      if (!this.#wants.has(id)) continue;
      if (!bytes) {
        frames.push(encodeMiss(id, MISS.absent));
        continue;
      }
      this.#wants.delete(id);
      frames.push(encodeBlock(id, bytes));
      this.#sent(1, bytes.length);
      // One at a time, as their size is not known before.
      break;
    }
    return frames;
  }

  async #answer(request: RangeRequest): Promise<Uint8Array[]> {
    const { id, start, count, tree, withDigests } = request;
    const follow = this.#follows.get(tree);
    const dataset = follow && (await this.#parts.repository.findDataset(follow.cid));
    const inside = dataset && start + count <= dataset.ref.leafCount;
    if (!inside) return [encodeMiss(id, MISS.absent)];
    const batches: LeafBatch[] = [];
    try {
      const proof = withDigests ? await dataset.prove({ start, count }) : undefined;
      for await (const batch of dataset.read({ start, count }, { signal: this.#stopped.signal })) batches.push(batch);
      const blocks = batches.flatMap((batch) => batch.blocks);
      const frame = encodeRange({ id, start, blocks, proof });
      this.#sent(blocks.length, frame.length);
      return [frame];
    } catch (error) {
      this.#parts.logger.debug('Cannot serve a range', { treeCid: follow.cid, start, count, error });
      return [encodeMiss(id, MISS.absent)];
    } finally {
      for (const batch of batches) batch.release();
    }
  }

  #sent(blocks: number, bytes: number): void {
    this.#parts.metrics.blocksSent.inc(blocks);
    this.#parts.metrics.bytesSent.inc(bytes);
  }
}

function sorted(runs: readonly LeafRange[]): LeafRange[] {
  return runs.toSorted((a, b) => a.start - b.start);
}
