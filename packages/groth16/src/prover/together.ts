import type { AbortOptions } from '@codex/runtime';

type Task<T> = (options: { readonly signal: AbortSignal }) => Promise<T>;

/**
 * Runs tasks side by side and settles when none is at work any more: not before, so that memory which they share is free again. When one
 * fails, the signal of the others is aborted and its error thrown.
 */
export async function together<T extends readonly unknown[]>(
  tasks: readonly [...{ [K in keyof T]: Task<T[K]> }],
  { signal }: AbortOptions,
): Promise<T> {
  const failed = new AbortController();
  const either = signal ? AbortSignal.any([signal, failed.signal]) : failed.signal;
  const results = await Promise.allSettled(
    tasks.map(async (task: Task<unknown>) => {
      try {
        either.throwIfAborted();
        return await task({ signal: either });
      } catch (error) {
        failed.abort(error);
        throw error;
      }
    }),
  );
  signal?.throwIfAborted();
  failed.signal.throwIfAborted();
  return results.map((result) => (result.status === 'fulfilled' ? result.value : undefined)) as unknown as T;
}
