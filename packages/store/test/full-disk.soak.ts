import { spawnSync } from 'node:child_process';
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ManifestCid } from '@codex/content';
import { describe, expect, it } from 'vitest';
import { bytesOf, download, listed, makeDataset, upload } from './content.ts';
import { expectSound, openDisk, withDirectory } from './disk-helpers.ts';

const DISK = '20m';

/** A real file system of 20 MB; undefined where one may not be mounted. */
async function onSmallDisk(work: (path: string) => Promise<void>): Promise<void> {
  await withDirectory(async (path) => {
    spawnSync('mount', ['-t', 'tmpfs', '-o', `size=${DISK}`, 'tmpfs', path]);
    try {
      await work(path);
    } finally {
      spawnSync('umount', [path]);
    }
  });
}

const mayMount = await (async () => {
  let may = false;
  await withDirectory(async (path) => {
    may = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', path]).status === 0;
    if (may) spawnSync('umount', [path]);
  });
  return may;
})();

/** Takes every page that is left; returns how to give them back. */
async function fill(path: string): Promise<() => Promise<void>> {
  const files: string[] = [];
  try {
    for (;;) {
      files.push(join(path, `fill-${files.length}`));
      await writeFile(files.at(-1)!, Buffer.alloc(4096));
    }
  } catch {
    return async () => {
      for (const file of files) await rm(file, { force: true });
    };
  }
}

// Mounting needs the rights of root.
describe.skipIf(!mayMount)('a disk that is really full', () => {
  it('keeps room for the index: uploads fail, deletion works', () =>
    onSmallDisk(async (path) => {
      const repository = await openDisk(join(path, 'repo'), { segmentBytes: 1024 * 1024 });
      const stored: ManifestCid[] = [];
      let code: unknown;
      for (let i = 0; code === undefined; i++) {
        await upload(repository, bytesOf(i, 500 * 1024), { blockSize: 65536 }).then(
          (cid) => stored.push(cid),
          (error) => {
            code = error.code;
          },
        );
      }
      expect(code).toBe('DISK_FULL');
      await expectSound(repository);
      expect(stored.length).toBeGreaterThan(20);
      for (const cid of stored.slice(0, 10)) expect(await repository.delete(cid)).toBe(true);
      await repository.stop();
      const again = await openDisk(join(path, 'repo'));
      await again.start();
      await expectSound(again);
      for (const cid of stored.slice(10)) expect((await download(again, cid)).length).toBe(500 * 1024);
      await upload(again, bytesOf(1000, 500 * 1024), { blockSize: 65536 });
      await again.stop();
    }));

  it('with no room for the index either loses nothing that was acknowledged, and goes on when there is', () =>
    onSmallDisk(async (path) => {
      const repository = await openDisk(join(path, 'repo'));
      const kept = await upload(repository, bytesOf(1, 500 * 1024), { blockSize: 65536 });
      const empty = await fill(path);
      const acknowledged = [kept.toString()];
      let failed = 0;
      const put = async (i: number) => {
        const { manifestCid, manifestBytes } = makeDataset(bytesOf(i, 10), { filename: `${'x'.repeat(2000)}${i}` });
        try {
          await repository.putBlock(manifestCid, manifestBytes);
          acknowledged.push(manifestCid.toString());
        } catch (error) {
          expect(error).toMatchObject({ code: 'DISK_FULL' });
          failed++;
        }
      };
      for (let i = 0; i < 100; i += 10) await Promise.all(Array.from({ length: 10 }, (_, j) => put(i + j)));
      expect(failed).toBeGreaterThan(0);
      await empty();
      const before = acknowledged.length;
      for (let i = 1000; i < 1005; i++) await put(i);
      expect(acknowledged.length).toBe(before + 5);
      await expectSound(repository);
      await repository.stop();
      const again = await openDisk(join(path, 'repo'));
      expect(await listed(again)).toEqual(acknowledged.sort());
      expect((await download(again, kept)).length).toBe(500 * 1024);
      await expectSound(again);
      await again.stop();
    }));
});
