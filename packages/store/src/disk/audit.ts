import { DIGEST_BYTES, EMPTY_DIGEST } from '@codex/content';
import { decodeBlockRecord, decodeManifestRecord, nodePageKey, TABLE } from './records.ts';
import { latin1, type Tables } from './tables.ts';
import { HELD_PAGE_LEAVES, PAGE_WIDTH } from './tree-pages.ts';

const EMPTY = latin1(EMPTY_DIGEST);

/** A recount of the whole index. */
export interface Audit {
  readonly totalBlocks: number;
  readonly usedBytes: number;
  /** Blocks whose number of references is not that of the leaves that hold them. */
  readonly wrongReferences: number;
  /** Blocks that nobody needs, and leaves held without a block record. */
  readonly strays: number;
  /** Live bytes by segment. */
  readonly liveBytes: ReadonlyMap<number, number>;
}

/** Counts everything again from the records themselves: what the books of the store must equal (03 §8). Slow. */
export function audit(tables: Tables): Audit {
  const held = new Map<string, number>();
  for (const [key, bits] of tables.entries(TABLE.held)) {
    const id = Buffer.from(key).readUIntBE(1, 6);
    const first = Buffer.from(key).readUInt32BE(7) * HELD_PAGE_LEAVES;
    for (let i = 0; i < bits.length * 8; i++) {
      if ((bits[i >> 3]! & (1 << (i & 7))) === 0) continue;
      const page = tables.get(nodePageKey(id, 0, Math.floor((first + i) / PAGE_WIDTH)));
      const offset = ((first + i) % PAGE_WIDTH) * DIGEST_BYTES;
      const digest = latin1(page?.subarray(offset, offset + DIGEST_BYTES) ?? new Uint8Array(DIGEST_BYTES));
      held.set(digest, (held.get(digest) ?? 0) + 1);
    }
  }
  let [totalBlocks, usedBytes, wrongReferences, strays] = [0, 0, 0, 0];
  const liveBytes = new Map<number, number>();
  for (const [key, value] of tables.entries(TABLE.block)) {
    const record = decodeBlockRecord(value);
    const digest = latin1(key.subarray(1));
    if (record.references !== (held.get(digest) ?? 0)) wrongReferences++;
    held.delete(digest);
    if (record.references === 0 && !record.pinned) strays++;
    if (record.lost) continue;
    totalBlocks++;
    usedBytes += record.logicalBytes;
    liveBytes.set(record.segment, (liveBytes.get(record.segment) ?? 0) + record.physicalBytes);
  }
  for (const [, value] of tables.entries(TABLE.manifest)) {
    totalBlocks++;
    usedBytes += decodeManifestRecord(value).bytes.length;
  }
  // What is left is held by no block: only the empty one may be.
  held.delete(EMPTY);
  return { totalBlocks, usedBytes, wrongReferences, strays: strays + held.size, liveBytes };
}
