import type { DatasetAssembly, Repository } from '@codex/content';
import { type AbortOptions, isCodexError } from '@codex/runtime';
import { ErasureError } from '../errors.ts';

/** What ends work that can go on later: the node stops, or its disk has to be looked at first. */
const PASSING = new Set(['STORE_CLOSED', 'COMPUTE_STOPPED', 'DISK_FAILED']);

/** True when the same work may succeed later where it stopped. */
function isPassing(error: unknown, { signal }: AbortOptions): boolean {
  return signal?.aborted === true || (isCodexError(error) && PASSING.has(error.code));
}

/** Ends an assembly after a failure: kept when it can go on, else forgotten with everything that it took. */
export async function leaveAssembly(assembly: DatasetAssembly, error: unknown, options: AbortOptions): Promise<void> {
  // Whatever happens here, the first failure is the one to tell of.
  await (isPassing(error, options) ? assembly.close() : assembly.abort()).catch(() => {});
}

/** Opens the assembly of a key, and leaves it in order however `work` ends. */
export async function withAssembly<T>(
  repository: Repository,
  key: string,
  shape: { readonly blockSize: number; readonly leafCount: number; readonly expiry?: number },
  work: (assembly: DatasetAssembly) => Promise<T>,
  options: AbortOptions,
): Promise<T> {
  const assembly = await repository.assembleDataset(key, shape);
  try {
    return await work(assembly);
  } catch (error) {
    await leaveAssembly(assembly, error, options);
    throw error;
  }
}

/** What the store says of a wrong root, in words of this package. */
export function treeMismatch(error: unknown): unknown {
  if (!isCodexError(error, 'DATASET_MISMATCH')) return error;
  return new ErasureError(
    'ERASURE_TREE_MISMATCH',
    'The blocks do not make up the tree of the manifest',
    {},
    { cause: error },
  );
}
