import type { Compute } from '@codex/compute';
import { equalBytes, isEmptyDigest, nodeAt, sha256 } from '@codex/content';
import type { BlockIndex } from './block-index.ts';
import type { BlockStore } from './block-store.ts';
import { checksumPieces } from './inspect-job.ts';
import type { BlockRecord } from './records.ts';
import type { SegmentFiles } from './segment-files.ts';

/** A block can be moved by compaction between its look-up and its reading: then it is looked up again. */
const READ_ATTEMPTS = 3;

interface Piece {
  readonly i: number;
  readonly digest: Uint8Array;
  readonly record: BlockRecord;
  readonly view: Uint8Array;
}

/** Reads blocks by digest: neighbours in one system call, checked by CRC. What is corrupt counts as missing (03 §8). */
export class BlockReader {
  readonly #index: BlockIndex;
  readonly #store: BlockStore;
  readonly #files: SegmentFiles;
  readonly #compute: Compute;

  constructor(components: { index: BlockIndex; store: BlockStore; files: SegmentFiles; compute: Compute }) {
    this.#index = components.index;
    this.#store = components.store;
    this.#files = components.files;
    this.#compute = components.compute;
  }

  /**
   * Reads blocks into `target`, each at a multiple of `stride` bytes. Views of the blocks in order; undefined for what
   * is missing. The empty block has length 0.
   */
  async read(
    digests: Uint8Array,
    count: number,
    target: Uint8Array,
    stride: number,
    signal?: AbortSignal,
  ): Promise<(Uint8Array | undefined)[]> {
    const views: (Uint8Array | undefined)[] = new Array(count).fill(undefined);
    let todo: number[] = [];
    for (let i = 0; i < count; i++) {
      if (isEmptyDigest(nodeAt(digests, i))) views[i] = target.subarray(0, 0);
      else todo.push(i);
    }
    for (let attempt = 0; attempt < READ_ATTEMPTS && todo.length > 0; attempt++) {
      signal?.throwIfAborted();
      const pieces: Piece[] = [];
      for (const i of todo) {
        const digest = nodeAt(digests, i);
        const record = this.#index.get(digest);
        if (!record || record.lost || record.logicalBytes > stride) continue;
        pieces.push({ i, digest, record, view: target.subarray(i * stride, i * stride + record.logicalBytes) });
      }
      // Not cut short by the signal: the memory is not free before every read into it has ended.
      const bad = await this.#readPieces(pieces);
      for (const { i, view } of pieces) views[i] = view;
      for (const { i } of bad) views[i] = undefined;
      todo = [];
      for (const piece of bad) if (!(await this.#loseUnlessMoved(piece))) todo.push(piece.i);
    }
    return views;
  }

  /** One block, checked against its digest; undefined when it is missing. */
  async readOne(digest: Uint8Array): Promise<Uint8Array | undefined> {
    const record = this.#index.get(digest);
    if (!record || record.lost) return undefined;
    const target = new Uint8Array(record.logicalBytes);
    const [block] = await this.read(digest, 1, target, record.logicalBytes);
    if (!block) return undefined;
    if (equalBytes(sha256(block), digest)) return block;
    await this.#store.exclusively(() => this.#index.lose(digest));
    return undefined;
  }

  /** Returns the pieces whose bytes are not what was written. */
  async #readPieces(pieces: readonly Piece[]): Promise<Piece[]> {
    const reads: Promise<void>[] = [];
    const short = new Set<Piece>();
    for (let from = 0; from < pieces.length; ) {
      let to = from + 1;
      while (to < pieces.length && follows(pieces[to - 1]!, pieces[to]!)) to++;
      reads.push(this.#readRun(pieces.slice(from, to), short));
      from = to;
    }
    await Promise.all(reads);
    const whole = pieces.filter((piece) => !short.has(piece));
    const bad = [...short];
    // Runs of full blocks are one stretch of memory: one job for each.
    await Promise.all(
      stretches(whole).map(async (stretch) => {
        const first = stretch[0]!.view;
        const lengths = Uint32Array.from(stretch, ({ record }) => record.physicalBytes);
        const total = lengths.reduce((sum, length) => sum + length, 0);
        const bytes = new Uint8Array(first.buffer, first.byteOffset, total);
        const crcs = await this.#compute.run(checksumPieces, { bytes, lengths });
        for (const [i, piece] of stretch.entries()) if (crcs[i] !== piece.record.crc) bad.push(piece);
      }),
    );
    return bad;
  }

  async #readRun(run: readonly Piece[], short: Set<Piece>): Promise<void> {
    const { record, view } = run[0]!;
    const last = run.at(-1)!;
    const bytes = last.record.offset + last.record.physicalBytes - record.offset;
    if (bytes > 0) {
      const target = new Uint8Array(view.buffer, view.byteOffset, bytes);
      if ((await this.#files.read(record.segment, target, record.offset)) < bytes)
        for (const piece of run) short.add(piece);
    }
    last.view.fill(0, last.record.physicalBytes);
  }

  /** True when the block is given up. */
  #loseUnlessMoved({ digest, record }: Piece): Promise<boolean> {
    return this.#store.exclusively(() => {
      const now = this.#index.get(digest);
      if (!now || now.lost) return true;
      if (now.segment !== record.segment || now.offset !== record.offset) return false;
      this.#index.lose(digest);
      return true;
    });
  }
}

/** True when `b` stands right behind `a`, on disk and in memory. */
function follows(a: Piece, b: Piece): boolean {
  return (
    a.record.segment === b.record.segment &&
    a.record.offset + a.record.physicalBytes === b.record.offset &&
    a.view.byteOffset + a.record.physicalBytes === b.view.byteOffset
  );
}

/** Groups pieces whose bytes stand one behind another in memory. */
function stretches(pieces: readonly Piece[]): Piece[][] {
  const groups: Piece[][] = [];
  for (const piece of pieces) {
    const last = groups.at(-1)?.at(-1);
    const joined = last && last.view.byteOffset + last.record.physicalBytes === piece.view.byteOffset;
    if (joined) groups.at(-1)!.push(piece);
    else groups.push([piece]);
  }
  return groups;
}
