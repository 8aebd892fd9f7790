import { mkdtemp, open, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createCompute, SharedSlabPool } from '@codex/compute';
import { datasetRef } from '@codex/content';
import { DiskRepository } from '@codex/store';
import { expect, it } from 'vitest';
import { GroupMemory, Restoration, rebuildRow, repairDataset, restoreDataset } from '../../src/index.ts';
import { contentOf, makeProtected, withLosses } from './setup.ts';

/** Flips a byte of a block in the middle of its segment. */
async function corrupt(path: string, block: Uint8Array): Promise<void> {
  for (const name of await readdir(join(path, 'segments'))) {
    const file = await open(join(path, 'segments', name), 'r+');
    const all = await file.readFile();
    const at = all.indexOf(block);
    if (at >= 0) await file.write(Uint8Array.of(all[at + 10]! ^ 1), 0, 1, at + 10);
    await file.close();
    if (at >= 0) return;
  }
  throw new Error('not found on disk');
}

it('rebuilds rows on disk, from what the disk spoiled, and leaves nothing else behind', async () => {
  const path = await mkdtemp(join(tmpdir(), 'codex-erasure-'));
  const compute = createCompute({ threads: 2 });
  const repository = await DiskRepository.open(
    { compute, slabs: new SharedSlabPool() },
    { path, quotaBytes: Number.MAX_SAFE_INTEGER },
  );
  try {
    const blockSize = 4096;
    const made = await makeProtected({ blocks: 203, data: 8, parity: 4, blockSize, tail: 5 });
    const { steps } = made;
    const blockAt = (leaf: number) => made.content.subarray(leaf * blockSize, (leaf + 1) * blockSize);
    const target = { repository, compute, memory: new GroupMemory() };
    const isLost = (leaf: number) => [2, 3, 11].includes(Math.floor(leaf / steps));
    const { dataset } = await withLosses(made, isLost, target);
    await dataset.flush();
    const before = { ...repository.usage() };
    // One more row is lost in two columns, as will be seen.
    const spoiled = [3, 5 * steps + 3 + 2];
    for (const leaf of spoiled) await corrupt(path, blockAt(leaf));
    for (const row of [3, 11, 2]) {
      const told: number[] = [];
      const onWrong = (leaf: number) => told.push(leaf);
      await rebuildRow(target, { manifest: made.cid, row }, { onWrong });
      // Groups of columns are in work side by side.
      expect(told.toSorted((a, b) => a - b)).toEqual(row === 3 ? spoiled : []);
      const range = { start: row * steps, count: steps };
      const bytes = new Uint8Array(steps * blockSize);
      const whole = bytes.slice();
      expect(await dataset.readInto(range, bytes)).toEqual([]);
      expect(await made.dataset.readInto(range, whole)).toEqual([]);
      expect(Buffer.compare(bytes, whole)).toBe(0);
    }
    // Three rows more, two blocks less; assemblies are gone.
    const usage = repository.usage();
    expect(usage.totalBlocks).toBe(before.totalBlocks + 3 * steps - spoiled.length);
    const audit = await repository.audit();
    expect(audit).toMatchObject({ usedBytes: usage.quotaUsedBytes, wrongReferences: 0, strays: 0 });
    await repository.delete(made.cid);
    expect(repository.usage().totalBlocks).toBe(0);
  } finally {
    await repository.stop();
    await compute.stop();
    await rm(path, { recursive: true, force: true });
  }
});

it('restores and repairs what the disk spoiled, with workers, under both trees', async () => {
  const path = await mkdtemp(join(tmpdir(), 'codex-erasure-'));
  const compute = createCompute({ threads: 2 });
  const repository = await DiskRepository.open(
    { compute, slabs: new SharedSlabPool() },
    { path, quotaBytes: Number.MAX_SAFE_INTEGER },
  );
  try {
    const components = { repository, compute, memory: new GroupMemory() };
    const blockSize = 4096;
    const made = await makeProtected({ blocks: 203, data: 8, parity: 4, blockSize, tail: 5 }, components);
    const { steps, dataset } = made;
    // Deleting the plain manifest keeps its tree: the protected one names it.
    await repository.delete(made.plain);
    const original = await repository.openDataset({
      ...datasetRef(made.manifest),
      treeCid: made.manifest.protection!.originalTreeCid,
      leafCount: 203,
    });
    expect(original.heldCount).toBe(203);

    // In one column as many as may be lost; in another one parity only.
    const blockAt = (leaf: number) => made.content.subarray(leaf * blockSize, (leaf + 1) * blockSize);
    const spoiled = [3, steps + 3, 2 * steps + 3, 5 * steps + 3, 4 * steps + 7];
    for (const leaf of spoiled) await corrupt(path, blockAt(leaf));
    const target = new Uint8Array(blockSize);
    const parityLeaf = 9 * steps + 11;
    expect(await dataset.readInto({ start: parityLeaf, count: 1 }, target)).toEqual([]);
    await corrupt(path, target);
    expect(await dataset.readInto({ start: parityLeaf, count: 1 }, target)).toEqual([parityLeaf]);
    // Both trees notice when they read: the blocks are shared.
    for (const leaf of spoiled) {
      expect(await original.readInto({ start: leaf, count: 1 }, target)).toEqual([leaf]);
      if (leaf !== 3) expect(await dataset.readInto({ start: leaf, count: 1 }, target)).toEqual([leaf]);
    }
    expect(dataset.has(3)).toBe(true);

    // A block that is found corrupt while others are restored from it is replaced by another row.
    const restoration = await Restoration.open(components, made.manifest);
    await restoration.restoreRange({ start: steps + 3, count: 1 });
    expect(restoration.has(steps + 3)).toBe(true);
    await restoration.close();
    const restored = await restoreDataset(components, { manifest: made.cid });
    expect((await contentOf(restored.dataset, made.content.length)).equals(made.content)).toBe(true);
    expect(dataset.has(parityLeaf)).toBe(false);
    await repairDataset(components, { manifest: made.cid });
    expect([...dataset.missing()]).toEqual([]);
    const whole = new Uint8Array(dataset.ref.leafCount * blockSize);
    expect(await dataset.readInto({ start: 0, count: dataset.ref.leafCount }, whole)).toEqual([]);
    const audit = await repository.audit();
    expect(audit).toMatchObject({ usedBytes: repository.usage().quotaUsedBytes, wrongReferences: 0, strays: 0 });
    await repository.delete(made.cid);
    expect(repository.usage().totalBlocks).toBe(0);
  } finally {
    await repository.stop();
    await compute.stop();
    await rm(path, { recursive: true, force: true });
  }
});
