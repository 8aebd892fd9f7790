/** Builds the slots of the one protected dataset of a repository until it is done or killed. Argument: directory. */
import { writeSync } from 'node:fs';
import { join } from 'node:path';
import { InlineCompute, SharedSlabPool } from '@codex/compute';
import type { Manifest } from '@codex/content';
import { DiskRepository } from '@codex/store';
import { buildSlots, DiskSlotTrees, type SlotComponents } from '../../src/index.ts';

export const CELL = 256;

export interface OnDisk extends SlotComponents {
  readonly repository: DiskRepository;
  readonly trees: DiskSlotTrees;
}

export async function openDisk(path: string): Promise<OnDisk> {
  const compute = new InlineCompute();
  const repository = await DiskRepository.open(
    { compute, slabs: new SharedSlabPool() },
    { path: join(path, 'repo'), quotaBytes: Number.MAX_SAFE_INTEGER },
  );
  return { repository, compute, trees: new DiskSlotTrees({}, { directory: join(path, 'slots') }) };
}

export async function protectedIn({ repository }: OnDisk): Promise<Manifest> {
  for await (const { manifest } of repository.manifests()) {
    if (manifest.protection && !manifest.protection.verification) return manifest;
  }
  throw new Error('nothing is protected');
}

if (process.argv[1] === import.meta.filename) {
  const components = await openDisk(process.argv[2] ?? '');
  const manifest = await protectedIn(components);
  writeSync(1, 'open\n');
  await buildSlots(components, { manifest, cellSize: CELL });
  writeSync(1, 'done\n');
  await components.repository.stop();
}
