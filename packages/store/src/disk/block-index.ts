import { StoreError } from '../errors.ts';
import type { Quota } from '../quota.ts';
import type { Committer, Staged } from './committer.ts';
import {
  type BlockRecord,
  decodeBlockRecord,
  decodeNumbers,
  digestKey,
  EXPIRING,
  encodeBlockRecord,
  encodeNumbers,
  expiryKey,
  segmentKey,
  TABLE,
} from './records.ts';
import type { SegmentEntry } from './segment-format.ts';
import type { Tables } from './tables.ts';

/** How much of a segment is written and how much of that still belongs to blocks. */
export interface SegmentUse {
  bytes: number;
  liveBytes: number;
}

export interface Location {
  readonly segment: number;
  readonly offset: number;
}

/**
 * Where blocks are and who needs them (03 §4). A record lives as long as leaves refer to it or it is pinned. All changes
 * are synchronous and seen at once; books of quota and segments are put into the tables when a commit begins.
 */
export class BlockIndex implements Staged {
  readonly #tables: Tables;
  readonly #quota: Quota;
  readonly #committer: Committer;
  readonly #segments = new Map<number, SegmentUse>();
  readonly #changedSegments = new Set<number>();

  constructor(components: { tables: Tables; quota: Quota; committer: Committer }) {
    this.#tables = components.tables;
    this.#quota = components.quota;
    this.#committer = components.committer;
    for (const [number, use] of readSegments(this.#tables)) this.#segments.set(number, use);
  }

  get segments(): ReadonlyMap<number, SegmentUse> {
    return this.#segments;
  }

  get(digest: Uint8Array): BlockRecord | undefined {
    const record = this.#tables.get(digestKey(TABLE.block, digest));
    return record && decodeBlockRecord(record);
  }

  /** True when the block can be read. */
  has(digest: Uint8Array): boolean {
    const record = this.get(digest);
    return record !== undefined && !record.lost;
  }

  /** Records a written block, which was booked in the quota; a lost one is found again with its references. */
  insert({ digest, logicalBytes, physicalBytes, crc }: SegmentEntry, { segment, offset }: Location): void {
    const { references, pinned } = this.get(digest) ?? { references: 0, pinned: false };
    this.#write(digest, {
      segment,
      offset,
      physicalBytes,
      logicalBytes,
      crc,
      references,
      pinned,
      lost: false,
    });
    this.#use(segment, physicalBytes);
  }

  /** Tells how long a segment is. */
  grew(segment: number, bytes: number): void {
    const use = this.#segments.get(segment) ?? { bytes: 0, liveBytes: 0 };
    use.bytes = bytes;
    this.#segments.set(segment, use);
    this.#use(segment, 0);
  }

  forgetSegment(segment: number): void {
    this.#segments.delete(segment);
    this.#changedSegments.delete(segment);
    this.#tables.delete(segmentKey(segment));
  }

  addReference(digest: Uint8Array): void {
    const record = this.#existing(digest);
    this.#write(digest, { ...record, references: record.references + 1 });
  }

  /** Drops a record that nobody refers to. */
  dropUnused(digest: Uint8Array): void {
    const record = this.get(digest);
    if (record && record.references === 0 && !record.pinned) this.#keepOrDrop(digest, record);
  }

  dropReference(digest: Uint8Array): void {
    const record = this.get(digest);
    if (record) this.#keepOrDrop(digest, { ...record, references: Math.max(0, record.references - 1) });
  }

  /** Keeps a block until `expiry` whoever refers to it; a later expiry stays. */
  pin(digest: Uint8Array, expiry: number): void {
    const record = this.#existing(digest);
    const before = this.#pinExpiry(digest);
    if (before !== undefined && before >= expiry) return;
    if (before !== undefined) this.#tables.delete(expiryKey(before, EXPIRING.block, digest));
    this.#tables.put(digestKey(TABLE.pin, digest), encodeNumbers(expiry));
    if (expiry !== Number.POSITIVE_INFINITY) {
      this.#tables.put(expiryKey(expiry, EXPIRING.block, digest), Buffer.of(1));
    }
    if (!record.pinned) this.#write(digest, { ...record, pinned: true });
  }

  unpin(digest: Uint8Array): void {
    const expiry = this.#pinExpiry(digest);
    if (expiry !== undefined) {
      this.#tables.delete(digestKey(TABLE.pin, digest));
      this.#tables.delete(expiryKey(expiry, EXPIRING.block, digest));
    }
    const record = this.get(digest);
    if (record?.pinned) this.#keepOrDrop(digest, { ...record, pinned: false });
  }

  /** Corrupt bytes are no bytes: the block is missing until somebody puts it again. */
  lose(digest: Uint8Array): void {
    const record = this.get(digest);
    if (!record || record.lost) return;
    this.#unbook(record);
    this.#keepOrDrop(digest, { ...record, lost: true });
    this.unpin(digest);
  }

  /** The same bytes at another place. */
  move(digest: Uint8Array, to: Location): void {
    const record = this.#existing(digest);
    this.#use(record.segment, -record.physicalBytes);
    this.#write(digest, { ...record, ...to });
    this.#use(to.segment, record.physicalBytes);
  }

  stage(): void {
    for (const segment of this.#changedSegments) {
      const use = this.#segments.get(segment);
      if (use) this.#tables.put(segmentKey(segment), encodeNumbers(use.bytes, use.liveBytes));
    }
    this.#changedSegments.clear();
    const { blocks, usedBytes, reservedBytes } = this.#quota.recorded();
    this.#tables.put(TABLE.counters, encodeNumbers(blocks, usedBytes, reservedBytes));
  }

  #existing(digest: Uint8Array): BlockRecord {
    const record = this.get(digest);
    if (!record) throw new StoreError('BLOCK_NOT_FOUND', 'A reference was taken on a block that is not there');
    return record;
  }

  #pinExpiry(digest: Uint8Array): number | undefined {
    const pin = this.#tables.get(digestKey(TABLE.pin, digest));
    return pin && decodeNumbers(pin)[0];
  }

  #keepOrDrop(digest: Uint8Array, record: BlockRecord): void {
    if (record.references > 0 || record.pinned) {
      this.#write(digest, record);
      return;
    }
    this.#tables.delete(digestKey(TABLE.block, digest));
    if (!record.lost) this.#unbook(record);
    this.#committer.touch(this);
  }

  #unbook(record: BlockRecord): void {
    this.#quota.give(1, record.logicalBytes);
    this.#use(record.segment, -record.physicalBytes);
  }

  #use(segment: number, liveBytes: number): void {
    const use = this.#segments.get(segment);
    if (use) use.liveBytes += liveBytes;
    this.#changedSegments.add(segment);
    this.#committer.touch(this);
  }

  #write(digest: Uint8Array, record: BlockRecord): void {
    this.#tables.put(digestKey(TABLE.block, digest), encodeBlockRecord(record));
  }
}

/** The segments that the index knows. */
export function* readSegments(tables: Tables): Generator<[number, SegmentUse]> {
  for (const [key, value] of tables.entries(TABLE.segment)) {
    const [bytes = 0, liveBytes = 0] = decodeNumbers(value);
    yield [Buffer.from(key).readUInt32BE(1), { bytes, liveBytes }];
  }
}
