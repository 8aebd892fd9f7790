import type { AbortOptions } from '@codex/runtime';
import type { Columns, Geometry } from './geometry.ts';
import { GROUP_BYTES } from './group-memory.ts';

/** Columns of a group at most, however small the blocks are: bounds the work between two turns of the event loop. */
const GROUP_COLUMNS_MAX = 256;

/** Rows that are read or written at a time: keeps disk and workers busy, and their queues short. */
const ROWS_AT_A_TIME = 16;

/** Cuts columns into groups. */
export function* groupsOf(geometry: Geometry, columns: Columns): Generator<Columns> {
  const columnBytes = (geometry.data + geometry.parity) * geometry.blockSize;
  const perGroup = Math.max(1, Math.min(GROUP_COLUMNS_MAX, Math.floor(GROUP_BYTES / columnBytes)));
  const end = columns.start + columns.count;
  for (let start = columns.start; start < end; start += perGroup) {
    yield { start, count: Math.min(perGroup, end - start) };
  }
}

/**
 * Works on several things at a time, in order of their beginning. The first failure aborts the others; it is thrown when all of them
 * have ended.
 */
export async function runLanes<T>(
  lanes: number,
  items: Iterable<T>,
  work: (item: T, options: { signal: AbortSignal }) => Promise<void>,
  { signal }: AbortOptions = {},
): Promise<void> {
  const failing = new AbortController();
  const either = signal ? AbortSignal.any([signal, failing.signal]) : failing.signal;
  const iterator = items[Symbol.iterator]();
  const lane = async () => {
    try {
      for (let next = iterator.next(); !next.done; next = iterator.next()) {
        either.throwIfAborted();
        await work(next.value, { signal: either });
        // Work that finds everything done already never waits: let others run.
        await new Promise((resolve) => setImmediate(resolve));
      }
    } catch (error) {
      if (!failing.signal.aborted) failing.abort(error);
    }
  };
  await Promise.all(Array.from({ length: lanes }, lane));
  signal?.throwIfAborted();
  failing.signal.throwIfAborted();
}

/** Runs `work` for rows, several at a time. */
export function eachRow(
  rows: Iterable<number>,
  work: (row: number, options: { signal: AbortSignal }) => Promise<void>,
  options: AbortOptions,
): Promise<void> {
  return runLanes(ROWS_AT_A_TIME, rows, work, options);
}
