/** Works on the one dataset of a repository until it is done or killed. Arguments: directory, operation, manifest. */
import { writeSync } from 'node:fs';
import { InlineCompute, SharedSlabPool } from '@codex/compute';
import { type ManifestCid, parseCid } from '@codex/content';
import { DiskRepository } from '@codex/store';
import {
  type ErasureComponents,
  GroupMemory,
  protectDataset,
  rebuildRow,
  repairDataset,
  restoreDataset,
} from '../../src/index.ts';

export const CODE = { data: 4, parity: 2 };

/** Between a lost row and one that is there. */
export const REBUILT_ROW = 1;

const OPERATIONS = {
  protect: (components: ErasureComponents, manifest: ManifestCid) => protectDataset(components, { manifest, ...CODE }),
  restore: (components: ErasureComponents, manifest: ManifestCid) => restoreDataset(components, { manifest }),
  repair: (components: ErasureComponents, manifest: ManifestCid) => repairDataset(components, { manifest }),
  rebuild: (components: ErasureComponents, manifest: ManifestCid) =>
    rebuildRow(components, { manifest, row: REBUILT_ROW }),
};

export type Operation = keyof typeof OPERATIONS;

export function openDisk(path: string): Promise<DiskRepository> {
  const slabs = new SharedSlabPool();
  return DiskRepository.open({ compute: new InlineCompute(), slabs }, { path, quotaBytes: Number.MAX_SAFE_INTEGER });
}

if (process.argv[1] === import.meta.filename) {
  const [path = '', operation = '', manifest = ''] = process.argv.slice(2);
  const repository = await openDisk(path);
  await repository.start();
  writeSync(1, 'open\n');
  const components = { repository, compute: new InlineCompute(), memory: new GroupMemory() };
  await OPERATIONS[operation as Operation](components, parseCid(manifest) as ManifestCid);
  writeSync(1, 'done\n');
  await repository.stop();
}
