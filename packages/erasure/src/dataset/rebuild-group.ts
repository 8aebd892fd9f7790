import { type Dataset, type DatasetAssembly, EMPTY_DIGEST, nodeAt } from '@codex/content';
import { type AbortOptions, isCodexError } from '@codex/runtime';
import { ErasureError } from '../errors.ts';
import { digestBlocks, rebuildStretch, runPieces } from './coding-jobs.ts';
import type { ErasureComponents, FetchLeaves } from './components.ts';
import { type Columns, type Geometry, leafOf } from './geometry.ts';
import { eachRow } from './lanes.ts';
import { runsWhere } from './losses.ts';
import type { PassingDataset } from './passing-dataset.ts';
import type { RowProof } from './row-proof.ts';
import { SourceWindow } from './source-window.ts';
import { type ColumnNeeds, gatherSources, isPadding, type RebuildRun, rebuildRuns } from './sources.ts';

export interface RebuildParts extends Pick<ErasureComponents, 'compute' | 'memory'> {
  readonly geometry: Geometry;
  readonly row: number;
  /** The protected dataset, as far as it is held. */
  readonly dataset: Dataset;
  /** Where leaves of other rows are fetched to. */
  readonly passing: PassingDataset;
  /** Where leaves of the row wait until they are proved, by column. */
  readonly assembly: DatasetAssembly;
  readonly proof: RowProof;
  readonly fetch: FetchLeaves | undefined;
  readonly onWrong: ((leaf: number) => void) | undefined;
  /** Called with the number of blocks that went into the assembly. */
  readonly onAssembled: (blocks: number) => void;
}

/** A column whose rebuilt block is not that of the tree, and the parity rows that it came from. */
interface WrongColumn {
  readonly column: number;
  readonly parity: readonly number[];
}

/**
 * Rebuilds what some columns lack of the row: a leaf whose digest is known goes, checked, into the dataset, any other one into
 * the assembly. Errors: `ERASURE_TOO_MANY_LOSSES`, `ERASURE_TREE_MISMATCH` (data: column).
 */
export async function rebuildGroup(parts: RebuildParts, columns: Columns, options: AbortOptions): Promise<void> {
  for (const { column, parity } of await rebuildExcept(parts, columns, [], options)) {
    await retryColumn(parts, column, parity, options);
  }
}

/** True when a leaf of the row is here: proved, or waiting for its proof. */
function hasColumn({ geometry, row, dataset, assembly }: RebuildParts, column: number): boolean {
  return assembly.has(column) || dataset.has(leafOf(geometry, row, column));
}

/** The parity of a column contradicts its data (see `restoreGroup`): tries it without each of them. */
async function retryColumn(
  parts: RebuildParts,
  column: number,
  parity: readonly number[],
  options: AbortOptions,
): Promise<void> {
  for (const row of parity) {
    try {
      const without = [leafOf(parts.geometry, row, column)];
      const wrong = await rebuildExcept(parts, { start: column, count: 1 }, without, options);
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

/** What the columns lack; padding that the proof needs is no work. */
function needsOf(parts: RebuildParts, { start, count }: Columns): ColumnNeeds[] {
  const { geometry, row, proof } = parts;
  const needs: ColumnNeeds[] = [];
  for (let column = start; column < start + count; column++) {
    const wanted = hasColumn(parts, column) ? [] : [row];
    for (const other of proof.wantedRows(column)) {
      const leaf = leafOf(geometry, other, column);
      if (isPadding(geometry, leaf)) proof.put(leaf, EMPTY_DIGEST);
      else wanted.push(other);
    }
    if (wanted.length > 0) needs.push({ column, wanted });
  }
  return needs;
}

/** Rows that came from a peer meanwhile need not be rebuilt: their digests are known. */
function stillWanted({ geometry, row, proof }: RebuildParts, window: SourceWindow, needs: readonly ColumnNeeds[]) {
  const left: ColumnNeeds[] = [];
  for (const { column, wanted } of needs) {
    const rows = wanted.filter((other) => {
      const leaf = leafOf(geometry, other, column);
      const digest = other === row ? undefined : window.digestOf(leaf);
      if (digest) proof.put(leaf, digest);
      return digest === undefined;
    });
    if (rows.length > 0) left.push({ column, wanted: rows });
  }
  return left;
}

interface Work {
  readonly parts: RebuildParts;
  readonly window: SourceWindow;
  readonly bytes: Uint8Array;
}

async function rebuildExcept(
  parts: RebuildParts,
  columns: Columns,
  without: readonly number[],
  options: AbortOptions,
): Promise<WrongColumn[]> {
  const { geometry, row, dataset, memory, fetch, onWrong } = parts;
  const needs = needsOf(parts, columns);
  if (needs.length === 0) return [];
  const rows = geometry.data + geometry.parity;
  const group = await memory.acquire(rows * columns.count * geometry.blockSize, options);
  const { bytes } = group;
  const window = new SourceWindow(parts, { geometry, row, columns, bytes, onWrong });
  const stopPassing = parts.passing.pass(window);
  try {
    // What is corrupt on disk, and what contradicts the others.
    const unusable = new Set(without);
    const isSource = (leaf: number) => (window.has(leaf) || dataset.has(leaf)) && !unusable.has(leaf);
    // What peers did not have of the row was asked for before.
    const asked = new Set([...without, ...needs.map(({ column }) => leafOf(geometry, row, column))]);
    const work = { parts, window, bytes };
    for (;;) {
      window.unseal();
      await gatherSources(geometry, isSource, needs, { asked, fetch }, options);
      await window.seal();
      const runs = rebuildRuns(geometry, isSource, stillWanted(parts, window, needs));
      const corrupt: number[] = [];
      for (const run of runs) corrupt.push(...(await readRun(work, run, options)));
      if (corrupt.length === 0) return await rebuildRunsOf(work, runs, options);
      for (const leaf of corrupt) {
        unusable.add(leaf);
        onWrong?.(leaf);
      }
    }
  } finally {
    await window.seal();
    stopPassing();
    group.release();
  }
}

/** Reads those sources that the store has, and makes padding. Returns what could not be read. */
async function readRun(
  { parts: { geometry, dataset }, window }: Work,
  run: RebuildRun,
  options: AbortOptions,
): Promise<number[]> {
  const corrupt: number[] = [];
  const readRow = async (row: number, { signal }: { signal: AbortSignal }) => {
    const range = { start: leafOf(geometry, row, run.start), count: run.count };
    for (const part of [...runsWhere(range, (leaf) => isPadding(geometry, leaf))]) {
      window.slotOf(row, { start: part.start % geometry.steps, count: part.count }).fill(0);
    }
    const isToRead = (leaf: number) => !window.has(leaf) && !isPadding(geometry, leaf);
    for (const part of [...runsWhere(range, isToRead)]) {
      const slot = window.slotOf(row, { start: part.start % geometry.steps, count: part.count });
      corrupt.push(...(await dataset.readInto(part, slot, { signal })));
    }
  };
  await eachRow(run.sources, readRow, options);
  return corrupt;
}

async function rebuildRunsOf(work: Work, runs: readonly RebuildRun[], options: AbortOptions): Promise<WrongColumn[]> {
  const { geometry } = work.parts;
  const { data, parity, blockSize } = geometry;
  const { columns } = work.window;
  const wrong: WrongColumn[] = [];
  for (const run of runs) {
    const from = (run.start - columns.start) * blockSize;
    await runPieces(work.parts.compute, rebuildStretch, {
      bytes: work.bytes,
      data,
      parity,
      rowBytes: columns.count * blockSize,
      from,
      to: from + run.count * blockSize,
      sources: run.sources,
      wanted: run.wanted,
    });
    options.signal?.throwIfAborted();
    const found = await keepRow(work, run, options);
    wrong.push(...[...found].map((column) => ({ column, parity: run.sources.filter((row) => row >= data) })));
    await keepOthers(work, run, found);
  }
  return wrong;
}

/** Checks and stores what was rebuilt of the row. Returns the columns where it is wrong. */
async function keepRow({ parts, window }: Work, run: RebuildRun, options: AbortOptions): Promise<Set<number>> {
  const { geometry, row, dataset, assembly } = parts;
  const wrong = new Set<number>();
  if (!run.wanted.includes(row)) return wrong;
  const first = leafOf(geometry, row, 0);
  const isKnown = (column: number) => dataset.node(0, first + column) !== undefined;
  const blocksOf = (part: Columns) => {
    const slot = window.slotOf(row, part);
    const { blockSize } = geometry;
    return Array.from({ length: part.count }, (_, i) => slot.subarray(i * blockSize, (i + 1) * blockSize));
  };
  for (const part of [...runsWhere(run, (column) => isKnown(column) && !hasColumn(parts, column))]) {
    const { rejected } = await dataset.putLeaves(first + part.start, blocksOf(part), options);
    for (const leaf of rejected) wrong.add(leaf - first);
  }
  const isFree = (column: number) => !isKnown(column) && !hasColumn(parts, column) && !wrong.has(column);
  for (const part of [...runsWhere(run, isFree)]) {
    await assembly.putLeaves(part.start, blocksOf(part), options);
    parts.onAssembled(part.count);
  }
  return wrong;
}

/** Takes the digests that the proof needs of other rows. */
async function keepOthers({ parts, window }: Work, run: RebuildRun, wrong: ReadonlySet<number>): Promise<void> {
  const { geometry, row, proof, compute } = parts;
  const { blockSize } = geometry;
  for (const other of run.wanted) {
    if (other === row) continue;
    const lengths = new Uint32Array(run.count).fill(blockSize);
    const digests = await compute.run(digestBlocks, { bytes: window.slotOf(other, run), blockSize, lengths });
    for (let i = 0; i < run.count; i++) {
      const column = run.start + i;
      if (!wrong.has(column)) proof.put(leafOf(geometry, other, column), nodeAt(digests, i));
    }
  }
}
