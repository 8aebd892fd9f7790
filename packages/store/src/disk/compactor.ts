import { crc32 } from 'node:zlib';
import type { BlockIndex } from './block-index.ts';
import type { BlockStore } from './block-store.ts';
import type { Committer } from './committer.ts';
import {
  BATCH_ENTRY_BYTES,
  BATCH_HEADER_BYTES,
  decodeBatchHead,
  decodeBatchHeader,
  type SegmentEntry,
} from './segment-format.ts';
import type { AppendedBlock, SegmentLog } from './segment-log.ts';

/** A segment is rewritten when less than this part of it is live: at most twice the needed space is taken. */
const LIVE_RATIO_MIN = 0.5;

/** Dead bytes that are not worth a rewrite. */
const DEAD_BYTES_MIN = 1024 * 1024;

/** Payload moved in one go, while no other block can be written: a few ms. */
const STEP_BYTES = 1024 * 1024;

interface Found extends SegmentEntry {
  readonly offset: number;
}

/** Gives the space of deleted blocks back: moves what is live to the end of the log and removes the segment. */
export class Compactor {
  readonly #index: BlockIndex;
  readonly #store: BlockStore;
  readonly #committer: Committer;
  readonly #log: SegmentLog;
  #stopped = false;

  constructor(components: { index: BlockIndex; store: BlockStore; committer: Committer; log: SegmentLog }) {
    this.#index = components.index;
    this.#store = components.store;
    this.#committer = components.committer;
    this.#log = components.log;
  }

  /** Ends `run` after the step that is under way. */
  stop(): void {
    this.#stopped = true;
  }

  /** Compacts every segment that deserves it. */
  async run(): Promise<void> {
    for (const [segment, { bytes, liveBytes }] of [...this.#index.segments]) {
      if (this.#stopped) return;
      const isDead = liveBytes === 0;
      const isSparse = liveBytes < bytes * LIVE_RATIO_MIN && bytes - liveBytes >= DEAD_BYTES_MIN;
      if (!isSparse && (!isDead || segment === this.#log.active)) continue;
      if (segment === this.#log.active) await this.#store.exclusively(() => this.#rollIfActive(segment));
      if (isDead || (await this.#moveLive(segment, bytes))) await this.#remove(segment);
    }
  }

  #rollIfActive(segment: number): void {
    if (segment === this.#log.active) this.#log.roll();
  }

  /** True when nothing live is left. */
  async #moveLive(segment: number, bytes: number): Promise<boolean> {
    let at = 0;
    while (at < bytes) {
      if (this.#stopped) return false;
      const found = await this.#readBatch(segment, at);
      // A torn header: the blocks behind it are found through the index only; they stay where they are.
      if (!found) return false;
      let step: Found[] = [];
      let stepBytes = 0;
      for (const entry of found.entries) {
        step.push(entry);
        stepBytes += entry.physicalBytes;
        if (stepBytes < STEP_BYTES) continue;
        await this.#moveStep(segment, step);
        step = [];
        stepBytes = 0;
      }
      await this.#moveStep(segment, step);
      at = found.end;
    }
    return this.#index.segments.get(segment)?.liveBytes === 0;
  }

  async #readBatch(segment: number, at: number): Promise<{ entries: Found[]; end: number } | undefined> {
    const start = new Uint8Array(BATCH_HEADER_BYTES);
    if ((await this.#log.files.read(segment, start, at)) < start.length) return undefined;
    const header = decodeBatchHeader(start);
    if (!header) return undefined;
    const head = new Uint8Array(BATCH_HEADER_BYTES + BATCH_ENTRY_BYTES * header.count);
    if ((await this.#log.files.read(segment, head, at)) < head.length) return undefined;
    let offset = at + head.length;
    const entries = decodeBatchHead(head)?.map((entry) => {
      offset += entry.physicalBytes;
      return { ...entry, offset: offset - entry.physicalBytes };
    });
    return entries && { entries, end: offset };
  }

  async #moveStep(segment: number, entries: readonly Found[]): Promise<void> {
    const moved = await this.#store.exclusively(async () => {
      const live: AppendedBlock[] = [];
      for (const entry of entries) {
        const record = this.#index.get(entry.digest);
        if (!record || record.lost || record.segment !== segment || record.offset !== entry.offset) continue;
        const payload = new Uint8Array(entry.physicalBytes);
        const read = await this.#log.files.read(segment, payload, entry.offset);
        if (read === payload.length && crc32(payload) === record.crc) live.push({ ...entry, payload });
        else this.#index.lose(entry.digest);
      }
      return live.length > 0 ? this.#store.rewrite(live) : 0;
    });
    await this.#committer.wrote(moved);
  }

  /** The file goes when nothing on disk points to it any more. */
  async #remove(segment: number): Promise<void> {
    if (this.#index.segments.get(segment)?.liveBytes !== 0) return;
    this.#index.forgetSegment(segment);
    this.#committer.afterCommit(() => this.#log.remove(segment));
    await this.#committer.flush();
  }
}
