import type { LeafBatch } from '@codex/content';

/** Bytes of a dataset, in order, as views of pooled memory. */
export interface ByteBatch {
  /** Offset in the dataset of the first byte. */
  readonly offset: number;
  readonly chunks: readonly Uint8Array[];
  readonly byteLength: number;
  /** Gives the memory back; the views must not be used afterwards. */
  release(): void;
}

/** Stands for any run of zeros; larger ones repeat it. Never written to. */
const ZEROS = new Uint8Array(64 * 1024);

/**
 * The bytes `start` … `end` − 1 of the dataset that lie in `leaves`. Zero blocks are expanded (01 §4), a block that is
 * shorter than the block size is filled with zeros, and neighbours in memory become one chunk: a chunk costs a system
 * call later.
 */
export function cutBatch(leaves: LeafBatch, blockSize: number, start: number, end: number): ByteBatch {
  const chunks: Uint8Array[] = [];
  const offset = Math.max(start, leaves.start * blockSize);
  let byteLength = 0;
  leaves.blocks.forEach((block, i) => {
    const blockStart = (leaves.start + i) * blockSize;
    const from = Math.max(start - blockStart, 0);
    const to = Math.min(end - blockStart, blockSize);
    if (to <= from) return;
    byteLength += to - from;
    const stored = Math.max(from, Math.min(to, block.length));
    if (stored > from) push(chunks, block.subarray(from, stored));
    for (let at = stored; at < to; at += ZEROS.length) chunks.push(ZEROS.subarray(0, Math.min(ZEROS.length, to - at)));
  });
  return { offset, chunks, byteLength, release: () => leaves.release() };
}

function push(chunks: Uint8Array[], chunk: Uint8Array): void {
  const last = chunks.at(-1);
  if (last && last.buffer === chunk.buffer && last.byteOffset + last.length === chunk.byteOffset) {
    chunks[chunks.length - 1] = new Uint8Array(last.buffer, last.byteOffset, last.length + chunk.length);
  } else {
    chunks.push(chunk);
  }
}
