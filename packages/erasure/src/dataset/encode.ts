import { type Dataset, type DatasetAssembly, DIGEST_BYTES, EMPTY_DIGEST, type LeafRange } from '@codex/content';
import { isCodexError } from '@codex/runtime';
import { ErasureError } from '../errors.ts';
import { encodeStretch, runPieces } from './coding-jobs.ts';
import type { ErasureComponents, ErasureOptions } from './components.ts';
import { type Columns, type Geometry, originalPart, rowRange } from './geometry.ts';
import { eachRow, groupsOf, runLanes } from './lanes.ts';

export interface EncodeInput {
  readonly geometry: Geometry;
  /** The original dataset, complete. */
  readonly original: Dataset;
  /** Where the protected dataset is built; columns that are there are skipped. */
  readonly assembly: DatasetAssembly;
  /** Where parity may be held already. */
  readonly kept?: Dataset;
}

/**
 * Fills an assembly with a protected dataset: original leaves by reference, padding, parity. Error: `ERASURE_BLOCK_MISSING`
 * (data: index) when a block of the original is not there or corrupt.
 */
export async function encodeColumns(
  components: ErasureComponents,
  input: EncodeInput,
  { signal, onProgress }: ErasureOptions,
): Promise<void> {
  const { geometry } = input;
  let done = 0;
  const encodeGroup = async (columns: Columns, options: { signal: AbortSignal }) => {
    if (!isDone(input, columns)) await encode(components, input, columns, options);
    done += columns.count;
    onProgress?.({ phase: 'encode', done, total: geometry.steps });
  };
  const groups = groupsOf(geometry, { start: 0, count: geometry.steps });
  await runLanes(components.memory.lanes, groups, encodeGroup, { signal });
}

function isDone({ geometry, assembly }: EncodeInput, columns: Columns): boolean {
  for (let row = 0; row < geometry.data + geometry.parity; row++) {
    for (const _ of assembly.missing(rowRange(geometry, row, columns))) return false;
  }
  return true;
}

async function encode(
  components: ErasureComponents,
  input: EncodeInput,
  columns: Columns,
  options: { signal: AbortSignal },
): Promise<void> {
  if (!(await referToKept(input, columns, options))) await encodeParity(components, input, columns, options);
  await referToData(input, columns, options);
}

/** Takes parity that is held. False when some of it is not. */
async function referToKept(
  { geometry, assembly, kept }: EncodeInput,
  columns: Columns,
  options: { signal: AbortSignal },
): Promise<boolean> {
  const ranges = parityRows(geometry).map((row) => rowRange(geometry, row, columns));
  if (ranges.length > 0 && !(kept && ranges.every((range) => isWhole(kept, range)))) return false;
  try {
    for (const range of ranges) await assembly.refer(range.start, await kept!.digests(range), options);
    return true;
  } catch (error) {
    if (isCodexError(error, 'BLOCK_NOT_FOUND')) return false;
    throw error;
  }
}

function isWhole(dataset: Dataset, range: LeafRange): boolean {
  for (const _ of dataset.missing(range)) return false;
  return true;
}

async function encodeParity(
  { compute, memory }: ErasureComponents,
  { geometry, original, assembly }: EncodeInput,
  columns: Columns,
  options: { signal: AbortSignal },
): Promise<void> {
  const { data, parity, blockSize } = geometry;
  const rowBytes = columns.count * blockSize;
  const group = await memory.acquire((data + parity) * rowBytes, options);
  try {
    const rowOf = (row: number) => group.bytes.subarray(row * rowBytes, (row + 1) * rowBytes);
    const readRow = async (row: number, { signal }: { signal: AbortSignal }) => {
      const range = originalPart(geometry, row, columns);
      rowOf(row).fill(0, range.count * blockSize);
      if (range.count === 0) return;
      const [missing] = await original.readInto(range, rowOf(row).subarray(0, range.count * blockSize), { signal });
      if (missing !== undefined) throw blockMissing(missing);
    };
    await eachRow(dataRows(geometry), readRow, options);
    await runPieces(compute, encodeStretch, { bytes: group.bytes, data, parity, rowBytes, from: 0, to: rowBytes });
    const putRow = async (row: number, { signal }: { signal: AbortSignal }) => {
      const blocks = Array.from({ length: columns.count }, (_, i) =>
        rowOf(row).subarray(i * blockSize, (i + 1) * blockSize),
      );
      await assembly.putLeaves(rowRange(geometry, row, columns).start, blocks, { signal });
    };
    await eachRow(parityRows(geometry), putRow, options);
  } finally {
    group.release();
  }
}

/** Original leaves by reference, and the padding behind them. */
async function referToData(
  { geometry, original, assembly }: EncodeInput,
  columns: Columns,
  options: { signal: AbortSignal },
): Promise<void> {
  for (const row of dataRows(geometry)) {
    const range = originalPart(geometry, row, columns);
    const whole = rowRange(geometry, row, columns);
    try {
      if (range.count > 0) await assembly.refer(range.start, await original.digests(range), options);
    } catch (error) {
      if (isCodexError(error, 'BLOCK_NOT_FOUND')) throw blockMissing(error.data?.index, error);
      throw error;
    }
    const padding = whole.count - range.count;
    if (padding > 0) await assembly.refer(whole.start + range.count, emptyDigests(padding), options);
  }
}

/** The digests of padding. */
export function emptyDigests(count: number): Uint8Array {
  const digests = new Uint8Array(count * DIGEST_BYTES);
  for (let i = 0; i < count; i++) digests.set(EMPTY_DIGEST, i * DIGEST_BYTES);
  return digests;
}

function blockMissing(index: unknown, cause?: unknown): ErasureError {
  return new ErasureError('ERASURE_BLOCK_MISSING', `Block ${index} of the dataset is missing`, { index }, { cause });
}

function dataRows({ data }: Geometry): number[] {
  return Array.from({ length: data }, (_, i) => i);
}

function parityRows({ data, parity }: Geometry): number[] {
  return Array.from({ length: parity }, (_, j) => data + j);
}
