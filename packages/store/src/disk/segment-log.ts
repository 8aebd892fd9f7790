import { join } from 'node:path';
import { StoreError } from '../errors.ts';
import { diskError } from './disk-errors.ts';
import { SegmentFiles, segmentName, segmentNumber } from './segment-files.ts';
import { BATCH_ENTRY_BYTES, BATCH_HEADER_BYTES, encodeBatchHead, type SegmentEntry } from './segment-format.ts';
import type { StoreFile, StoreFs } from './store-fs.ts';

/** A segment is closed when the next batch would make it longer: large enough for few files, small enough to rewrite. */
export const SEGMENT_BYTES = 256 * 1024 * 1024;

/** Left free on the disk for the index, without which nothing could be deleted either. */
export const RESERVE_BYTES = 4 * 1024 * 1024;

/** Room is looked at again after this part of what was free has been written: others write to the disk too. */
const ROOM_PART = 1 / 16;

export interface AppendedBlock extends SegmentEntry {
  /** `physicalBytes` bytes. */
  readonly payload: Uint8Array;
}

/** Where a batch went: the payloads stand one after another from `offset` on. */
export interface AppendedAt {
  readonly segment: number;
  readonly offset: number;
  /** Length of the segment now. */
  readonly segmentBytes: number;
}

/** Appends batches of blocks to segment files. One append at a time. */
export class SegmentLog {
  readonly #fs: StoreFs;
  readonly #directory: string;
  readonly #segmentBytes: number;
  #number: number;
  #bytes: number;
  #file: StoreFile | undefined;
  #created = false;
  /** Bytes that may be written before room is looked at again. */
  #roomBytes = 0;
  readonly #unsynced = new Set<StoreFile>();
  readonly files: SegmentFiles;

  private constructor(
    components: { fs: StoreFs; files: SegmentFiles },
    init: { directory: string; segmentBytes: number; number: number; bytes: number },
  ) {
    this.#fs = components.fs;
    this.files = components.files;
    this.#directory = init.directory;
    this.#segmentBytes = init.segmentBytes;
    this.#number = init.number;
    this.#bytes = init.bytes;
  }

  /**
   * Opens the log after a crash or a clean stop: cuts what was written but never committed, removes segments that the
   * index does not know. `committed`: length by segment number.
   */
  static async open(
    fs: StoreFs,
    directory: string,
    committed: ReadonlyMap<number, number>,
    segmentBytes = SEGMENT_BYTES,
  ): Promise<SegmentLog> {
    for (const name of await fs.list(directory)) {
      const number = segmentNumber(name);
      if (number === undefined) continue;
      const bytes = committed.get(number);
      if (bytes === undefined) {
        await fs.remove(join(directory, name));
        continue;
      }
      const file = await fs.open(join(directory, name), 'write');
      try {
        if ((await file.size()) > bytes) await file.truncate(bytes);
      } finally {
        await file.close();
      }
    }
    const number = Math.max(0, ...committed.keys());
    const files = new SegmentFiles(fs, directory);
    return new SegmentLog({ fs, files }, { directory, segmentBytes, number, bytes: committed.get(number) ?? 0 });
  }

  /** The segment that is being written. */
  get active(): number {
    return this.#number;
  }

  /** Writes a batch; it is durable after `sync`. A failed write changes nothing. Errors: `DISK_FULL`, `DISK_FAILED`. */
  async append(blocks: readonly AppendedBlock[]): Promise<AppendedAt> {
    const headBytes = BATCH_HEADER_BYTES + BATCH_ENTRY_BYTES * blocks.length;
    const payloadBytes = blocks.reduce((sum, { physicalBytes }) => sum + physicalBytes, 0);
    try {
      await this.#checkRoom(headBytes + payloadBytes);
      if (this.#bytes > 0 && this.#bytes + headBytes + payloadBytes > this.#segmentBytes) this.roll();
      this.#file ??= await this.#openFile();
      const views = [encodeBatchHead(blocks), ...joinViews(blocks.map(({ payload }) => payload))];
      await this.#file.write(views, this.#bytes);
      this.#unsynced.add(this.#file);
      const offset = this.#bytes + headBytes;
      this.#bytes = offset + payloadBytes;
      return { segment: this.#number, offset, segmentBytes: this.#bytes };
    } catch (error) {
      throw diskError(error);
    }
  }

  /** Closes the active segment; the next batch begins a new one. */
  roll(): void {
    const file = this.#file;
    if (file && !this.#unsynced.has(file)) void file.close();
    this.#file = undefined;
    this.#bytes = 0;
    this.#number++;
  }

  /** Resolves when everything appended so far survives a power loss. */
  async sync(): Promise<void> {
    if (this.#created) {
      await this.#fs.syncDirectory(this.#directory);
      this.#created = false;
    }
    for (const file of [...this.#unsynced]) {
      await file.sync();
      // Written again meanwhile? Then the next commit syncs it once more; those bytes are not in this one.
      if (file !== this.#file) {
        this.#unsynced.delete(file);
        await file.close();
      }
    }
  }

  async remove(number: number): Promise<void> {
    await this.files.forget(number);
    await this.#fs.remove(join(this.#directory, segmentName(number)));
  }

  async close(): Promise<void> {
    if (this.#file) this.#unsynced.add(this.#file);
    this.#file = undefined;
    for (const file of this.#unsynced) await file.close();
    this.#unsynced.clear();
    await this.files.close();
  }

  async #checkRoom(bytes: number): Promise<void> {
    if (this.#roomBytes < bytes) {
      const free = (await this.#fs.freeBytes(this.#directory)) - RESERVE_BYTES;
      if (free < bytes) throw new StoreError('DISK_FULL', 'The disk is full', { reserveBytes: RESERVE_BYTES });
      this.#roomBytes = Math.max(bytes, free * ROOM_PART);
    }
    this.#roomBytes -= bytes;
  }

  async #openFile(): Promise<StoreFile> {
    this.#created = true;
    return this.#fs.open(join(this.#directory, segmentName(this.#number)), 'write');
  }
}

/** Joins views that stand side by side in memory: fewer of them are cheaper to write. */
function joinViews(views: readonly Uint8Array[]): Uint8Array[] {
  const joined: Uint8Array[] = [];
  for (const view of views) {
    if (view.length === 0) continue;
    const last = joined.at(-1);
    if (last && last.buffer === view.buffer && last.byteOffset + last.length === view.byteOffset) {
      joined[joined.length - 1] = new Uint8Array(last.buffer, last.byteOffset, last.length + view.length);
    } else {
      joined.push(view);
    }
  }
  return joined;
}
