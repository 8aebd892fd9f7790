import type { AbortOptions } from '@codex/runtime';
import type { FetchLeaves } from './components.ts';
import { rangesOf, tooManyLosses } from './gather.ts';
import { type Columns, type Geometry, leafOf } from './geometry.ts';

/** What a column of a group takes to be rebuilt. */
export interface ColumnNeeds {
  readonly column: number;
  /** Rows to rebuild in it. */
  readonly wanted: readonly number[];
}

/** Neighbouring columns that are rebuilt from the same rows. */
export interface RebuildRun extends Columns {
  readonly sources: readonly number[];
  readonly wanted: readonly number[];
}

/** A leaf that may go into a decoder; padding may, always. */
export type IsSource = (leaf: number) => boolean;

/** The first K rows of a column that may go into a decoder, data first; fewer when there are too few. */
function sourcesOf(geometry: Geometry, isSource: IsSource, column: number): number[] {
  const sources: number[] = [];
  for (let row = 0; row < geometry.data + geometry.parity && sources.length < geometry.data; row++) {
    const leaf = leafOf(geometry, row, column);
    if (isPadding(geometry, leaf) || isSource(leaf)) sources.push(row);
  }
  return sources;
}

/** Data leaves that stand for zeros (02 §1): everybody knows them. */
export function isPadding({ originalLeaves, dataLeaves }: Geometry, leaf: number): boolean {
  return leaf >= originalLeaves && leaf < dataLeaves;
}

/**
 * Sees to it that each column has K rows: asks for as many as it lacks, data first, and for others in place of those
 * that cannot be had. Nobody is asked for what is in `asked`. Error: `ERASURE_TOO_MANY_LOSSES` (data: column, present, needed).
 */
export async function gatherSources(
  geometry: Geometry,
  isSource: IsSource,
  columns: readonly ColumnNeeds[],
  init: { readonly asked: Set<number>; readonly fetch: FetchLeaves | undefined },
  options: AbortOptions,
): Promise<void> {
  const { asked, fetch } = init;
  for (;;) {
    const leaves: number[] = [];
    for (const { column } of columns) {
      const present = sourcesOf(geometry, isSource, column).length;
      const lacks = geometry.data - present;
      if (lacks === 0) continue;
      const next = fetch ? nextRows(geometry, isSource, column, asked).slice(0, lacks) : [];
      if (next.length < lacks) throw tooManyLosses(geometry, column, present);
      leaves.push(...next);
    }
    if (leaves.length === 0) return;
    for (const leaf of leaves) asked.add(leaf);
    await fetch?.(rangesOf(leaves), options);
    options.signal?.throwIfAborted();
  }
}

function nextRows(geometry: Geometry, isSource: IsSource, column: number, asked: ReadonlySet<number>): number[] {
  const leaves: number[] = [];
  for (let row = 0; row < geometry.data + geometry.parity; row++) {
    const leaf = leafOf(geometry, row, column);
    if (!isPadding(geometry, leaf) && !isSource(leaf) && !asked.has(leaf)) leaves.push(leaf);
  }
  return leaves;
}

/** The columns as runs that one job can rebuild. */
export function rebuildRuns(geometry: Geometry, isSource: IsSource, columns: readonly ColumnNeeds[]): RebuildRun[] {
  const runs: RebuildRun[] = [];
  let key = '';
  for (const { column, wanted } of columns) {
    const sources = sourcesOf(geometry, isSource, column);
    const own = `${sources}/${wanted}`;
    const last = runs.at(-1);
    if (last && own === key && last.start + last.count === column) {
      runs[runs.length - 1] = { ...last, count: last.count + 1 };
    } else runs.push({ start: column, count: 1, sources, wanted });
    key = own;
  }
  return runs;
}
