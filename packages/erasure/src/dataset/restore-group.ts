import type { Compute } from '@codex/compute';
import type { Dataset, DatasetAssembly } from '@codex/content';
import { type AbortOptions, isCodexError } from '@codex/runtime';
import { ErasureError } from '../errors.ts';
import { decodeStretch, runPieces } from './coding-jobs.ts';
import type { FetchLeaves } from './components.ts';
import { gather } from './gather.ts';
import { type Columns, type Geometry, leafOf, originalPart } from './geometry.ts';
import type { GroupMemory } from './group-memory.ts';
import { eachRow } from './lanes.ts';
import { type Holdings, type LossRun, lossRuns, runsWhere } from './losses.ts';

export interface RestoreParts {
  readonly compute: Compute;
  readonly memory: GroupMemory;
  readonly geometry: Geometry;
  /** The protected dataset, as far as it is held. */
  readonly dataset: Dataset;
  /** Where original leaves wait until their tree is whole. */
  readonly assembly: DatasetAssembly;
  readonly fetch: FetchLeaves | undefined;
}

/**
 * Restores the lost data leaves of some columns: a leaf whose digest is known goes, checked, into the protected dataset, any
 * other one into the assembly. `asked`: leaves that were asked for in vain. Errors: `ERASURE_TOO_MANY_LOSSES`, `ERASURE_TREE_MISMATCH` (data: column).
 */
export async function restoreGroup(
  parts: RestoreParts,
  columns: Columns,
  options: AbortOptions,
  asked: Iterable<number> = [],
): Promise<void> {
  const wrong = await restoreExcept(parts, columns, { unusable: new Set(), asked: new Set(asked) }, options);
  for (const { column, parity } of wrong) await retryColumn(parts, column, parity, options);
}

/** A column whose restored blocks are not those of the tree, and the parity rows that they came from. */
interface WrongColumn {
  readonly column: number;
  readonly parity: readonly number[];
}

/** The parity of a column contradicts its data: somewhere in it a row is wrong. Tries it without each of them. */
async function retryColumn(
  parts: RestoreParts,
  column: number,
  parity: readonly number[],
  options: AbortOptions,
): Promise<void> {
  for (const row of parity) {
    const leaf = leafOf(parts.geometry, row, column);
    const without = { unusable: new Set([leaf]), asked: new Set([leaf]) };
    try {
      const wrong = await restoreExcept(parts, { start: column, count: 1 }, without, options);
      if (wrong.length === 0) return;
    } catch (error) {
      // No other row to put in its place.
      if (!isCodexError(error, 'ERASURE_TOO_MANY_LOSSES')) throw error;
    }
  }
  throw new ErasureError('ERASURE_TREE_MISMATCH', `Column ${column} contradicts itself: it was encoded wrongly`, {
    column,
  });
}

/** Restores columns without some leaves. They become more by what turns out to be corrupt, and by what cannot be had. */
async function restoreExcept(
  parts: RestoreParts,
  columns: Columns,
  { unusable, asked }: { unusable: Set<number>; asked: Set<number> },
  options: AbortOptions,
): Promise<WrongColumn[]> {
  const { geometry, dataset, assembly, memory } = parts;
  const holdings: Holdings = {
    isHeld: (leaf) => dataset.has(leaf) && !unusable.has(leaf),
    isRestored: (leaf) => assembly.has(leaf),
  };
  for (;;) {
    await gather(parts, geometry, holdings, columns, asked, options);
    const runs = lossRuns(geometry, holdings, columns);
    if (runs.length === 0) return [];
    const rowBytes = columns.count * geometry.blockSize;
    const group = await memory.acquire((geometry.data + geometry.parity) * rowBytes, options);
    try {
      const work = { parts, columns, bytes: group.bytes, rowBytes };
      const corrupt: number[] = [];
      for (const run of runs) corrupt.push(...(await readRun(work, run, options)));
      if (corrupt.length === 0) {
        const wrong: WrongColumn[] = [];
        for (const run of runs) {
          await decodeRun(work, run);
          wrong.push(...(await keepRun(work, run, options)));
        }
        return wrong;
      }
      for (const leaf of corrupt) unusable.add(leaf);
    } finally {
      group.release();
    }
  }
}

interface Work {
  readonly parts: RestoreParts;
  readonly columns: Columns;
  readonly bytes: Uint8Array;
  readonly rowBytes: number;
}

/** The bytes of a row in some columns. */
function slotOf({ parts, columns, bytes, rowBytes }: Work, row: number, { start, count }: Columns): Uint8Array {
  const { blockSize } = parts.geometry;
  const from = row * rowBytes + (start - columns.start) * blockSize;
  return bytes.subarray(from, from + count * blockSize);
}

/** Reads the rows that a run is restored from. Returns what could not be read. */
async function readRun(work: Work, run: LossRun, options: AbortOptions): Promise<number[]> {
  const { geometry, dataset } = work.parts;
  const lost = new Set(run.lost);
  const rows = Array.from({ length: geometry.data }, (_, row) => row).filter((row) => !lost.has(row));
  const corrupt: number[] = [];
  const readRow = async (row: number, { signal }: { signal: AbortSignal }) => {
    const slot = slotOf(work, row, run);
    const range =
      row < geometry.data
        ? originalPart(geometry, row, run)
        : { start: leafOf(geometry, row, run.start), count: run.count };
    slot.fill(0, range.count * geometry.blockSize);
    if (range.count > 0) corrupt.push(...(await dataset.readInto(range, slot, { signal })));
  };
  await eachRow([...rows, ...run.parity], readRow, options);
  // What is lost in one column of the run only is not asked for in the others: reading skips it, decoding overwrites it.
  return corrupt.filter((leaf) => !lost.has(Math.floor(leaf / geometry.steps)));
}

function decodeRun({ parts, columns, bytes, rowBytes }: Work, run: LossRun): Promise<void> {
  const { data, parity, blockSize } = parts.geometry;
  const from = (run.start - columns.start) * blockSize;
  return runPieces(parts.compute, decodeStretch, {
    ...{ bytes, data, parity, rowBytes, from },
    to: from + run.count * blockSize,
    lost: run.lost,
    usable: run.parity.map((row) => row - data),
  });
}

/** Checks and stores what was restored. Returns the columns where it is wrong. */
async function keepRun(work: Work, run: LossRun, options: AbortOptions): Promise<WrongColumn[]> {
  const { geometry, dataset, assembly } = work.parts;
  const isKnown = (leaf: number) => dataset.node(0, leaf) !== undefined;
  const wrong = new Set<number>();
  const eachPart = async (
    isOurs: (leaf: number) => boolean,
    put: (start: number, blocks: Uint8Array[], signal: AbortSignal) => Promise<void>,
  ) => {
    const putRow = async (row: number, { signal }: { signal: AbortSignal }) => {
      for (const part of [...runsWhere(originalPart(geometry, row, run), isOurs)]) {
        const slot = slotOf(work, row, { start: part.start - row * geometry.steps, count: part.count });
        await put(part.start, blocksOf(slot, geometry.blockSize), signal);
      }
    };
    await eachRow(run.lost, putRow, options);
  };
  await eachPart(
    (leaf) => isKnown(leaf) && !dataset.has(leaf),
    async (start, blocks, signal) => {
      const { rejected } = await dataset.putLeaves(start, blocks, { signal });
      for (const leaf of rejected) wrong.add(leaf % geometry.steps);
    },
  );
  // Where the known leaves are wrong, the others are not believed either.
  await eachPart(
    (leaf) => !isKnown(leaf) && !assembly.has(leaf) && !wrong.has(leaf % geometry.steps),
    (start, blocks, signal) => assembly.putLeaves(start, blocks, { signal }),
  );
  return [...wrong].map((column) => ({ column, parity: run.parity }));
}

function blocksOf(bytes: Uint8Array, blockSize: number): Uint8Array[] {
  return Array.from({ length: bytes.length / blockSize }, (_, i) => bytes.subarray(i * blockSize, (i + 1) * blockSize));
}
