import type { AbortOptions } from '@codex/runtime';

/**
 * Works on several things at a time, in order of their beginning. The first failure aborts the others; it is thrown when all of them
 * have ended.
 */
export async function inLanes<T>(
  lanes: number,
  items: Iterable<T>,
  work: (item: T, options: { readonly signal: AbortSignal }) => Promise<void>,
  { signal }: AbortOptions = {},
): Promise<void> {
  const failing = new AbortController();
  const either = signal ? AbortSignal.any([signal, failing.signal]) : failing.signal;
  const iterator = items[Symbol.iterator]();
  const lane = async (): Promise<void> => {
    try {
      for (let next = iterator.next(); !next.done; next = iterator.next()) {
        either.throwIfAborted();
        await work(next.value, { signal: either });
      }
    } catch (error) {
      if (!failing.signal.aborted) failing.abort(error);
    }
  };
  await Promise.all(Array.from({ length: lanes }, lane));
  signal?.throwIfAborted();
  failing.signal.throwIfAborted();
}
