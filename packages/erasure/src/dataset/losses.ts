import type { Columns, Geometry } from './geometry.ts';
import { leafOf } from './geometry.ts';

/** What there is of some columns, while they are being restored. */
export interface Holdings {
  /** A proved block that may go into a decoder. */
  readonly isHeld: (leaf: number) => boolean;
  /** A block that was restored already. */
  readonly isRestored: (leaf: number) => boolean;
}

/** Neighbouring columns that lost the same data rows and are restored from the same parity rows. */
export interface LossRun extends Columns {
  /** Data rows to restore. */
  readonly lost: readonly number[];
  /** Parity rows (K … K+M−1) to restore them from; fewer than `lost` when there are too few. */
  readonly parity: readonly number[];
}

/** A data leaf that must be restored: padding is known, and what was restored is there. */
function isLost(geometry: Geometry, holdings: Holdings, leaf: number): boolean {
  return leaf < geometry.originalLeaves && !holdings.isHeld(leaf) && !holdings.isRestored(leaf);
}

/** The data rows that a column needs restored. */
export function lostRows(geometry: Geometry, holdings: Holdings, column: number): number[] {
  const lost: number[] = [];
  for (let row = 0; row < geometry.data; row++) {
    if (isLost(geometry, holdings, leafOf(geometry, row, column))) lost.push(row);
  }
  return lost;
}

/** Rows whose blocks a decoder cannot have: lost ones, and those that were restored but are not proved. */
export function erasedRows(geometry: Geometry, holdings: Holdings, column: number): number[] {
  const erased: number[] = [];
  for (let row = 0; row < geometry.data; row++) {
    const leaf = leafOf(geometry, row, column);
    if (leaf < geometry.originalLeaves && !holdings.isHeld(leaf)) erased.push(row);
  }
  return erased;
}

/** Parity rows that are held in a column, the first ones first. */
export function heldParity(geometry: Geometry, holdings: Holdings, column: number): number[] {
  const held: number[] = [];
  for (let row = geometry.data; row < geometry.data + geometry.parity; row++) {
    if (holdings.isHeld(leafOf(geometry, row, column))) held.push(row);
  }
  return held;
}

/** The columns that lost something, as runs with the same losses. */
export function lossRuns(geometry: Geometry, holdings: Holdings, columns: Columns): LossRun[] {
  const runs: LossRun[] = [];
  let key = '';
  for (let column = columns.start; column < columns.start + columns.count; column++) {
    if (lostRows(geometry, holdings, column).length === 0) {
      key = '';
      continue;
    }
    const lost = erasedRows(geometry, holdings, column);
    const parity = heldParity(geometry, holdings, column).slice(0, lost.length);
    const last = runs.at(-1);
    const own = `${lost}/${parity}`;
    if (last && own === key) runs[runs.length - 1] = { ...last, count: last.count + 1 };
    else runs.push({ start: column, count: 1, lost, parity });
    key = own;
  }
  return runs;
}

/** Consecutive numbers that pass, as runs. */
export function* runsWhere({ start, count }: Columns, passes: (index: number) => boolean): Generator<Columns> {
  let first = start;
  for (let index = start; index <= start + count; index++) {
    if (index < start + count && passes(index)) continue;
    if (index > first) yield { start: first, count: index - first };
    first = index + 1;
  }
}
