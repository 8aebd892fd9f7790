import { InlineCompute, SharedSlabPool } from '@codex/compute';
import { DiskRepository } from '../src/index.ts';

/** Opens a repository in a process of its own. */
export function openDisk(path: string): Promise<DiskRepository> {
  return DiskRepository.open(
    { compute: new InlineCompute(), slabs: new SharedSlabPool() },
    { path, quotaBytes: Number.MAX_SAFE_INTEGER, segmentBytes: 1024 * 1024 },
  );
}
