import type { Dataset, LeafRange } from '@codex/content';
import type { AbortOptions } from '@codex/runtime';
import { ErasureError } from '../errors.ts';
import type { FetchLeaves } from './components.ts';
import { type Columns, type Geometry, leafOf, originalPart } from './geometry.ts';
import { erasedRows, type Holdings, heldParity, lostRows } from './losses.ts';

/**
 * Sees to it that every column that lost something has enough proved rows: first the data rows that are missing are asked
 * for, then, for columns that still lack something, as many parity rows as they lack. Nobody is asked for what is in `asked`.
 * Error: `ERASURE_TOO_MANY_LOSSES` (data: column, present, needed).
 */
export async function gather(
  components: { readonly fetch: FetchLeaves | undefined },
  geometry: Geometry,
  holdings: Holdings,
  columns: Columns,
  asked: Set<number>,
  options: AbortOptions,
): Promise<void> {
  const { fetch } = components;
  const ask = async (leaves: number[]) => {
    for (const leaf of leaves) asked.add(leaf);
    if (leaves.length > 0) await fetch?.(rangesOf(leaves), options);
  };
  if (fetch) await ask(missingData(geometry, holdings, columns, asked));
  for (;;) {
    const lacking = lackingColumns(geometry, holdings, columns);
    if (lacking.length === 0) return;
    const wanted = new Set<number>();
    for (const { column, lacks, present } of lacking) {
      const leaves = fetch ? nextParity(geometry, holdings, column, asked).slice(0, lacks) : [];
      if (leaves.length < lacks) throw tooManyLosses(geometry, column, present);
      for (const leaf of leaves) wanted.add(leaf);
    }
    await ask([...wanted]);
  }
}

function missingData(geometry: Geometry, holdings: Holdings, columns: Columns, asked: ReadonlySet<number>): number[] {
  const leaves: number[] = [];
  // A column that needs nothing is not asked for.
  const needs = new Set<number>();
  for (let column = columns.start; column < columns.start + columns.count; column++) {
    if (lostRows(geometry, holdings, column).length > 0) needs.add(column);
  }
  for (let row = 0; row < geometry.data; row++) {
    const { start, count } = originalPart(geometry, row, columns);
    for (let leaf = start; leaf < start + count; leaf++) {
      if (needs.has(leaf % geometry.steps) && !holdings.isHeld(leaf) && !asked.has(leaf)) leaves.push(leaf);
    }
  }
  return leaves;
}

function lackingColumns(geometry: Geometry, holdings: Holdings, columns: Columns) {
  const lacking: { column: number; lacks: number; present: number }[] = [];
  for (let column = columns.start; column < columns.start + columns.count; column++) {
    if (lostRows(geometry, holdings, column).length === 0) continue;
    const erased = erasedRows(geometry, holdings, column).length;
    const parity = heldParity(geometry, holdings, column).length;
    if (parity < erased) lacking.push({ column, lacks: erased - parity, present: geometry.data - erased + parity });
  }
  return lacking;
}

/** Parity leaves of a column that are not held and that nobody was asked for yet. */
function nextParity(geometry: Geometry, holdings: Holdings, column: number, asked: ReadonlySet<number>): number[] {
  const leaves: number[] = [];
  for (let row = geometry.data; row < geometry.data + geometry.parity; row++) {
    const leaf = leafOf(geometry, row, column);
    if (!holdings.isHeld(leaf) && !asked.has(leaf)) leaves.push(leaf);
  }
  return leaves;
}

/** Leaves as runs; sorts them. */
export function rangesOf(leaves: number[]): LeafRange[] {
  leaves.sort((a, b) => a - b);
  const ranges: LeafRange[] = [];
  for (const leaf of leaves) {
    const last = ranges.at(-1);
    if (last && last.start + last.count === leaf) ranges[ranges.length - 1] = { ...last, count: last.count + 1 };
    else ranges.push({ start: leaf, count: 1 });
  }
  return ranges;
}

export function tooManyLosses(geometry: Geometry, column: number, present: number): ErasureError {
  const needed = geometry.data;
  return new ErasureError(
    'ERASURE_TOO_MANY_LOSSES',
    `Column ${column} cannot be restored: ${present} rows are left, ${needed} are needed`,
    { column, present, needed },
  );
}

/** Leaves that are looked at between two turns of the event loop. */
const LEAVES_PER_TURN = 16_384;

/**
 * Without a way to fetch, what is held decides: finds a column with too many losses before anything is changed.
 * Error: `ERASURE_TOO_MANY_LOSSES`.
 */
export async function checkRestorable(
  geometry: Geometry,
  dataset: Dataset,
  isRestored: (leaf: number) => boolean,
  { signal }: AbortOptions,
): Promise<void> {
  const holdings = { isHeld: (leaf: number) => dataset.has(leaf), isRestored };
  const perTurn = Math.max(1, Math.floor(LEAVES_PER_TURN / (geometry.data + geometry.parity)));
  for (let start = 0; start < geometry.steps; start += perTurn) {
    signal?.throwIfAborted();
    const columns = { start, count: Math.min(perTurn, geometry.steps - start) };
    const [worst] = lackingColumns(geometry, holdings, columns);
    if (worst) throw tooManyLosses(geometry, worst.column, worst.present);
    await new Promise((resolve) => setImmediate(resolve));
  }
}
