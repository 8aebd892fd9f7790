import { ErasureError } from '../errors.ts';
import type { DecodeInput, RebuildInput } from './codec.ts';
import { CHUNK_BYTES, type CodeParameters } from './params.ts';

/** A decode that was checked: what is lost, and the parity that stands in for it. */
export interface Losses {
  readonly shardBytes: number;
  /** Indices of the lost data shards, ascending. */
  readonly lost: readonly number[];
  /** Indices of the first parity shards that are there, as many as are lost. */
  readonly used: readonly number[];
}

/** Returns the size of the shards in bytes. Error: `ERASURE_PARAMETERS_INVALID`. */
export function checkEncode(
  code: CodeParameters,
  data: readonly Uint8Array[],
  parity: readonly Uint8Array[],
): { readonly shardBytes: number } {
  checkCounts(code, data.length, parity.length);
  const shardBytes = checkSizes([...data, ...parity]);
  checkApart(data, parity);
  return { shardBytes };
}

/** Errors: `ERASURE_TOO_MANY_LOSSES`, `ERASURE_PARAMETERS_INVALID`. */
export function checkDecode(code: CodeParameters, { data, parity, restored }: DecodeInput): Losses {
  checkCounts(code, data.length, parity.length);
  const lost: number[] = [];
  for (let i = 0; i < data.length; i++) if (!data[i]) lost.push(i);
  const used: number[] = [];
  for (let i = 0; i < parity.length && used.length < lost.length; i++) if (parity[i]) used.push(i);
  if (used.length < lost.length) {
    throw tooFew(data.length - lost.length + used.length, code.data);
  }
  if (restored.size !== lost.length || lost.some((index) => !restored.has(index))) {
    throw invalid('Not every lost shard has a buffer, or another has one', {
      lost: lost.length,
      buffers: restored.size,
    });
  }
  const inputs = [...data, ...parity].filter((shard) => shard !== undefined);
  const outputs = [...restored.values()];
  const shardBytes = checkSizes([...inputs, ...outputs]);
  checkApart(inputs, outputs);
  return { shardBytes, lost, used };
}

/** A rebuilding that was checked: the rows that it uses, and what a decoder would call lost and used. */
export interface Sources extends Losses {
  /** K rows, ascending. */
  readonly rows: readonly number[];
}

/** Errors: `ERASURE_TOO_MANY_LOSSES`, `ERASURE_PARAMETERS_INVALID`. */
export function checkRebuild(code: CodeParameters, { rows, wanted }: RebuildInput): Sources {
  checkCounts(code, Math.min(rows.length, code.data), rows.length - code.data);
  const there: number[] = [];
  for (let row = 0; row < rows.length && there.length < code.data; row++) if (rows[row]) there.push(row);
  if (there.length < code.data) throw tooFew(there.length, code.data);
  if ([...wanted.keys()].some((row) => !(row in rows) || rows[row])) {
    throw invalid('A row that is there was wanted, or one that the code has not', {});
  }
  const inputs = there.map((row) => rows[row]!);
  const outputs = [...wanted.values()];
  const shardBytes = checkSizes([...inputs, ...outputs]);
  checkApart(inputs, outputs);
  const isThere = new Set(there);
  const lost = Array.from({ length: code.data }, (_, row) => row).filter((row) => !isThere.has(row));
  const used = there.filter((row) => row >= code.data).map((row) => row - code.data);
  return { shardBytes, rows: there, lost, used };
}

function tooFew(present: number, needed: number): ErasureError {
  return new ErasureError('ERASURE_TOO_MANY_LOSSES', `${present} shards are left of the ${needed} that are needed`, {
    present,
    needed,
  });
}

function checkCounts(code: CodeParameters, data: number, parity: number): void {
  if (data !== code.data || parity !== code.parity) {
    throw invalid(`${data} and ${parity} shards were given to a code of ${code.data} and ${code.parity}`, {
      data,
      parity,
    });
  }
}

function checkSizes(shards: readonly Uint8Array[]): number {
  const shardBytes = shards[0]?.byteLength ?? 0;
  if (shardBytes === 0 || shardBytes % CHUNK_BYTES !== 0) {
    throw invalid(`Shards are multiples of ${CHUNK_BYTES} bytes, not ${shardBytes}`, { shardBytes });
  }
  const other = shards.find((shard) => shard.byteLength !== shardBytes);
  if (other) throw invalid('Shards differ in size', { shardBytes, otherBytes: other.byteLength });
  return shardBytes;
}

interface Span {
  readonly begin: number;
  readonly end: number;
  readonly written: boolean;
}

/** A buffer that is written must not overlap any other: strips of it would be read after they were written. */
function checkApart(inputs: readonly Uint8Array[], outputs: readonly Uint8Array[]): void {
  const spans = new Map<ArrayBufferLike, Span[]>();
  // Only memory that is written can clash.
  for (const shard of outputs) add(spans, shard, true);
  for (const shard of inputs) if (spans.has(shard.buffer)) add(spans, shard, false);
  for (const list of spans.values()) {
    list.sort((a, b) => a.begin - b.begin);
    let endOfAny = 0;
    let endOfWritten = 0;
    for (const { begin, end, written } of list) {
      if (begin < (written ? endOfAny : endOfWritten)) throw invalid('A buffer that is written overlaps another', {});
      endOfAny = Math.max(endOfAny, end);
      if (written) endOfWritten = Math.max(endOfWritten, end);
    }
  }
}

function add(spans: Map<ArrayBufferLike, Span[]>, shard: Uint8Array, written: boolean): void {
  const span = { begin: shard.byteOffset, end: shard.byteOffset + shard.byteLength, written };
  const list = spans.get(shard.buffer);
  if (list) list.push(span);
  else spans.set(shard.buffer, [span]);
}

function invalid(message: string, data: Record<string, unknown>): ErasureError {
  return new ErasureError('ERASURE_PARAMETERS_INVALID', message, data);
}
