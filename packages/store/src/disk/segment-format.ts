import { crc32 } from 'node:zlib';
import { DIGEST_BYTES } from '@codex/content';

/**
 * A segment is a row of batches. A batch is a header, one entry per block, and then the payloads without a gap between
 * them: reading consecutive blocks is one long read. Numbers are little-endian.
 *
 *   header  magic u32 · count u32 · payload bytes u32 · crc32 of count, payload bytes and entries u32
 *   entry   digest 32 bytes · logical bytes u32 · physical bytes u32 · crc32 of the payload u32
 */
export const BATCH_HEADER_BYTES = 16;
export const BATCH_ENTRY_BYTES = DIGEST_BYTES + 12;

/** 'CXS1' */
const MAGIC = 0x31535843;

/** Entries of a batch at most: bounds what a reader allocates on behalf of a broken header. */
export const BATCH_ENTRIES_MAX = 4096;

/** What is written of a block. */
export interface SegmentEntry {
  /** 32 bytes. */
  readonly digest: Uint8Array;
  readonly logicalBytes: number;
  readonly physicalBytes: number;
  readonly crc: number;
}

export function encodeBatchHead(entries: readonly SegmentEntry[]): Uint8Array {
  const head = Buffer.allocUnsafe(BATCH_HEADER_BYTES + BATCH_ENTRY_BYTES * entries.length);
  head.writeUInt32LE(MAGIC, 0);
  head.writeUInt32LE(entries.length, 4);
  let payloadBytes = 0;
  let at = BATCH_HEADER_BYTES;
  for (const { digest, logicalBytes, physicalBytes, crc } of entries) {
    head.set(digest, at);
    head.writeUInt32LE(logicalBytes, at + DIGEST_BYTES);
    head.writeUInt32LE(physicalBytes, at + DIGEST_BYTES + 4);
    head.writeUInt32LE(crc, at + DIGEST_BYTES + 8);
    at += BATCH_ENTRY_BYTES;
    payloadBytes += physicalBytes;
  }
  head.writeUInt32LE(payloadBytes, 8);
  head.writeUInt32LE(checksum(head), 12);
  return head;
}

/** Reads a header: how much follows. Undefined when this is no header. */
export function decodeBatchHeader(header: Uint8Array): { count: number; payloadBytes: number } | undefined {
  const view = Buffer.from(header.buffer, header.byteOffset, header.byteLength);
  if (view.length < BATCH_HEADER_BYTES || view.readUInt32LE(0) !== MAGIC) return undefined;
  const count = view.readUInt32LE(4);
  return count >= 1 && count <= BATCH_ENTRIES_MAX ? { count, payloadBytes: view.readUInt32LE(8) } : undefined;
}

/** Reads header and entries; undefined when the checksum does not hold. */
export function decodeBatchHead(head: Uint8Array): SegmentEntry[] | undefined {
  const view = Buffer.from(head.buffer, head.byteOffset, head.byteLength);
  const header = decodeBatchHeader(view);
  if (!header || view.length !== BATCH_HEADER_BYTES + BATCH_ENTRY_BYTES * header.count) return undefined;
  if (view.readUInt32LE(12) !== checksum(view)) return undefined;
  return Array.from({ length: header.count }, (_, i) => {
    const at = BATCH_HEADER_BYTES + BATCH_ENTRY_BYTES * i;
    return {
      digest: view.subarray(at, at + DIGEST_BYTES),
      logicalBytes: view.readUInt32LE(at + DIGEST_BYTES),
      physicalBytes: view.readUInt32LE(at + DIGEST_BYTES + 4),
      crc: view.readUInt32LE(at + DIGEST_BYTES + 8),
    };
  });
}

function checksum(head: Uint8Array): number {
  return crc32(head.subarray(BATCH_HEADER_BYTES), crc32(head.subarray(4, 12)));
}
