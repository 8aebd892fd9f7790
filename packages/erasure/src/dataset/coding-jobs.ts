import { type Compute, defineJob, type Job } from '@codex/compute';
import { DIGEST_BYTES, sha256 } from '@codex/content';
import type { ErasureCodec } from '../codec/codec.ts';
import { createCodec } from '../codec/create-codec.ts';
import { CHUNK_BYTES } from '../codec/params.ts';

/** Bytes that one job works on, over all rows: some ms, and several jobs for each group, so that all threads have one. */
const JOB_BYTES = 4 * 1024 * 1024;

/** Codecs that a thread keeps: operations with other numbers of rows are rare. */
const CODECS_KEPT = 4;

/** A stretch of a group: the same bytes of every row. Columns that lost the same rows are one stretch. */
interface Stretch {
  /** Row-major: K data rows, then M parity rows. */
  readonly bytes: Uint8Array;
  readonly data: number;
  readonly parity: number;
  readonly rowBytes: number;
  /** Byte range inside each row; multiples of 64. */
  readonly from: number;
  readonly to: number;
}

interface LossyStretch extends Stretch {
  /** Data rows to restore, in their places. */
  readonly lost: readonly number[];
  /** Parity rows that may be used, by their number among the parity rows. */
  readonly usable: readonly number[];
}

/** Least recently used first. */
const codecs = new Map<string, ErasureCodec>();

function codecOf({ data, parity }: Stretch): ErasureCodec {
  const key = `${data}/${parity}`;
  const codec = codecs.get(key) ?? createCodec({ data, parity });
  codecs.delete(key);
  codecs.set(key, codec);
  const [oldest] = codecs.keys();
  if (codecs.size > CODECS_KEPT && oldest !== undefined) codecs.delete(oldest);
  return codec;
}

function rowsOf({ bytes, rowBytes, from, to }: Stretch, first: number, count: number): Uint8Array[] {
  return Array.from({ length: count }, (_, i) =>
    bytes.subarray((first + i) * rowBytes + from, (first + i) * rowBytes + to),
  );
}

/** Fills the parity rows. */
export const encodeStretch = defineJob(import.meta.url, 'encodeStretch', (stretch: Stretch): void => {
  const { data, parity } = stretch;
  codecOf(stretch).encode(rowsOf(stretch, 0, data), rowsOf(stretch, data, parity));
});

/** Fills the lost data rows. */
export const decodeStretch = defineJob(import.meta.url, 'decodeStretch', (stretch: LossyStretch): void => {
  const { data, parity, lost, usable } = stretch;
  const rows = rowsOf(stretch, 0, data + parity);
  const isLost = new Set(lost);
  const isUsable = new Set(usable);
  codecOf(stretch).decode({
    data: rows.slice(0, data).map((row, i) => (isLost.has(i) ? undefined : row)),
    parity: rows.slice(data).map((row, i) => (isUsable.has(i) ? row : undefined)),
    restored: new Map(lost.map((i) => [i, rows[i]!])),
  });
});

interface RebuildStretch extends Stretch {
  /** K rows that are there. */
  readonly sources: readonly number[];
  /** Rows to rebuild, in their places. */
  readonly wanted: readonly number[];
}

/** Fills the wanted rows, data or parity. */
export const rebuildStretch = defineJob(import.meta.url, 'rebuildStretch', (stretch: RebuildStretch): void => {
  const { data, parity, sources, wanted } = stretch;
  const rows = rowsOf(stretch, 0, data + parity);
  const isSource = new Set(sources);
  codecOf(stretch).rebuild({
    rows: rows.map((row, i) => (isSource.has(i) ? row : undefined)),
    wanted: new Map(wanted.map((i) => [i, rows[i]!])),
  });
});

/** The digests (n × 32 bytes) of blocks that stand at multiples of `blockSize`, each as long as `lengths` says. */
export const digestBlocks = defineJob(
  import.meta.url,
  'digestBlocks',
  ({
    bytes,
    blockSize,
    lengths,
  }: {
    readonly bytes: Uint8Array;
    readonly blockSize: number;
    readonly lengths: Uint32Array;
  }): Uint8Array => {
    const digests = new Uint8Array(lengths.length * DIGEST_BYTES);
    lengths.forEach((length, i) => {
      digests.set(sha256(bytes.subarray(i * blockSize, i * blockSize + length)), i * DIGEST_BYTES);
    });
    return digests;
  },
);

/**
 * Runs a job over a stretch in pieces. Not cut short by a signal: when it settles, no worker is at the memory any more.
 */
export async function runPieces<S extends Stretch>(compute: Compute, job: Job<S, void>, stretch: S): Promise<void> {
  const rows = stretch.data + stretch.parity;
  const perJob = Math.max(CHUNK_BYTES, Math.floor(JOB_BYTES / rows / CHUNK_BYTES) * CHUNK_BYTES);
  const pieces: Promise<void>[] = [];
  for (let from = stretch.from; from < stretch.to; from += perJob) {
    pieces.push(compute.run(job, { ...stretch, from, to: Math.min(stretch.to, from + perJob) }));
  }
  const failed = (await Promise.allSettled(pieces)).find((result) => result.status === 'rejected');
  if (failed) throw failed.reason;
}
