import { execFile } from 'node:child_process';
import { chmod, mkdir, open, readdir, stat, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { blockCid, datasetRef, EMPTY_BLOCK_CID, sha256 } from '@codex/content';
import { VirtualClock } from '@codex/runtime';
import { describe, expect, it } from 'vitest';
import { nodeFs } from '../src/disk/store-fs.ts';
import { StoreError, type StoreFile, type StoreFs } from '../src/index.ts';
import { BLOCK, bytesOf, download, HOUR_MS, listed, makeDataset, readAll, upload } from './content.ts';
import { expectSound, openDisk, withDirectory } from './disk-helpers.ts';

const segmentsOf = async (path: string) => (await readdir(join(path, 'segments'))).sort();

/** Flips a byte in the middle of a segment's payload of the given block. */
async function corrupt(path: string, content: Uint8Array): Promise<void> {
  for (const name of await segmentsOf(path)) {
    const file = await open(join(path, 'segments', name), 'r+');
    const all = await file.readFile();
    const at = all.indexOf(content);
    if (at >= 0) await file.write(Uint8Array.of(all[at + 10]! ^ 1), 0, 1, at + 10);
    await file.close();
    if (at >= 0) return;
  }
  throw new Error('not found on disk');
}

describe('a repository that is opened again', () => {
  it('has everything that it had', () =>
    withDirectory(async (path) => {
      let repository = await openDisk(path, { segmentBytes: 64 * BLOCK });
      const content = bytesOf(1, 700 * BLOCK + 5);
      const cid = await upload(repository, content);
      const lone = bytesOf(2, 300);
      await repository.putBlock(blockCid(sha256(lone)), lone);
      await repository.reserve(1234);
      const partial = makeDataset(bytesOf(3, 600 * BLOCK));
      await repository.putBlock(partial.manifestCid, partial.manifestBytes);
      const dataset = await repository.openDataset(partial.ref);
      for (let at = 100; at < 500; at += 40) {
        await dataset.learn(partial.prove(at, 20));
        await dataset.putLeaves(at, partial.blocks.slice(at, at + 20));
      }
      await dataset.flush();
      const before = { usage: repository.usage(), held: [...dataset.held()], list: await listed(repository) };
      await repository.stop();

      repository = await openDisk(path, { segmentBytes: 64 * BLOCK });
      expect({ ...repository.usage() }).toEqual(before.usage);
      expect(await listed(repository)).toEqual(before.list);
      const again = await repository.openDataset(partial.ref);
      expect([...again.held()]).toEqual(before.held);
      expect((await again.prove({ start: 105, count: 1 })).digests).toEqual(partial.prove(105, 1).digests);
      expect(Buffer.from(await download(repository, cid)).equals(content)).toBe(true);
      expect(Buffer.from((await repository.getBlock(blockCid(sha256(lone))))!).equals(lone)).toBe(true);
      await expectSound(repository);
      await again.learn(partial.prove(0, 600));
      await again.putLeaves(0, partial.blocks);
      expect(Buffer.from(await readAll(again, 600 * BLOCK)).equals(bytesOf(3, 600 * BLOCK))).toBe(true);
      await expectSound(repository);
      await repository.stop();
    }));

  it('drops uploads and datasets that no manifest names', () =>
    withDirectory(async (path) => {
      let repository = await openDisk(path);
      const writer = repository.createDataset({ blockSize: BLOCK });
      await writer.append(bytesOf(4, 300 * BLOCK));
      const orphan = makeDataset(bytesOf(5, 30 * BLOCK));
      const dataset = await repository.openDataset(orphan.ref);
      await dataset.learn(orphan.prove(0, 30));
      await dataset.putLeaves(0, orphan.blocks);
      await dataset.flush();
      expect(repository.usage().totalBlocks).toBeGreaterThan(200);
      await repository.stop();
      repository = await openDisk(path);
      expect(repository.usage()).toMatchObject({ totalBlocks: 0, quotaUsedBytes: 0 });
      await expectSound(repository);
      await repository.stop();
    }));

  it('has unfinished assemblies, and goes on with them', () =>
    withDirectory(async (path) => {
      let repository = await openDisk(path);
      const made = makeDataset(bytesOf(6, 700 * BLOCK));
      const shape = { blockSize: BLOCK, leafCount: 700 };
      const assembly = await repository.assembleDataset('key', shape);
      await assembly.putLeaves(300, made.blocks.slice(300, 600));
      await assembly.refer(0, sha256(made.blocks[310]!));
      await expectSound(repository);
      await repository.stop();

      repository = await openDisk(path);
      await expectSound(repository);
      expect(repository.usage().totalBlocks).toBe(300);
      const again = await repository.assembleDataset('key', shape);
      expect([...again.held()]).toEqual([
        { start: 0, count: 1 },
        { start: 300, count: 300 },
      ]);
      await again.abort();
      await expectSound(repository);
      expect(repository.usage().totalBlocks).toBe(0);
      const third = await repository.assembleDataset('key', shape);
      await third.putLeaves(0, made.blocks);
      const cid = await third.finish(() => made.manifest);
      await repository.stop();

      repository = await openDisk(path);
      await expectSound(repository);
      expect(Buffer.from(await download(repository, cid)).equals(bytesOf(6, 700 * BLOCK))).toBe(true);
      expect((await repository.assembleDataset('key', shape)).heldCount).toBe(0);
      await repository.delete(cid);
      await expectSound(repository);
      await repository.stop();
    }));

  it('cuts what was written but never committed, and removes segments that it does not know', () =>
    withDirectory(async (path) => {
      let repository = await openDisk(path);
      const cid = await upload(repository, bytesOf(6, 50 * BLOCK));
      await repository.stop();
      const [first] = await segmentsOf(path);
      const { size } = await stat(join(path, 'segments', first!));
      const file = await open(join(path, 'segments', first!), 'a');
      await file.write(bytesOf(7, 12345));
      await file.close();
      await writeFile(join(path, 'segments', '00000077.seg'), 'half a batch');
      repository = await openDisk(path);
      expect((await stat(join(path, 'segments', first!))).size).toBe(size);
      expect(await segmentsOf(path)).toEqual([first]);
      expect((await download(repository, cid)).length).toBe(50 * BLOCK);
      await repository.stop();
    }));
});

describe('the directory of a repository', () => {
  it('belongs to one process at a time, to its owner, and is said to be unusable when it is', () =>
    withDirectory(async (path) => {
      const repository = await openDisk(path);
      await expect(openDisk(path)).rejects.toMatchObject({
        code: 'DATA_DIR_LOCKED',
        data: { pid: String(process.pid) },
      });
      expect((await stat(join(path, 'segments'))).mode & 0o777).toBe(0o700);
      await repository.stop();
      await repository.stop();
      await expect(repository.getBlock(EMPTY_BLOCK_CID)).rejects.toMatchObject({ code: 'STORE_CLOSED' });
      await chmod(path, 0o755);
      const again = await openDisk(path);
      expect((await stat(path)).mode & 0o777).toBe(0o700);
      await again.stop();
      await writeFile(join(path, 'file'), '');
      await expect(openDisk(join(path, 'file'))).rejects.toMatchObject({ code: 'DATA_DIR_UNUSABLE' });
      await mkdir(join(path, 'other'));
      await writeFile(join(path, 'other', 'meta'), 'no directory');
      await expect(openDisk(join(path, 'other'))).rejects.toBeInstanceOf(StoreError);
    }));

  it('is locked against other processes too', () =>
    withDirectory(async (path) => {
      const repository = await openDisk(path);
      const script = `
        import { openDisk } from ${JSON.stringify(new URL('./open-script.ts', import.meta.url).href)};
        try { await openDisk(${JSON.stringify(path)}); console.log('opened'); } catch (error) { console.log(error.code); }`;
      const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', script]);
      expect(stdout.trim()).toBe('DATA_DIR_LOCKED');
      await repository.stop();
    }));
});

describe('corrupt bytes', () => {
  it('are a missing block, which can be put again', () =>
    withDirectory(async (path) => {
      const repository = await openDisk(path);
      const made = makeDataset(bytesOf(8, 100 * BLOCK));
      const cid = await upload(repository, bytesOf(8, 100 * BLOCK));
      const other = await upload(repository, Buffer.concat([made.blocks[42]!, bytesOf(9, 3 * BLOCK)]));
      await corrupt(path, made.blocks[42]!);
      const dataset = await repository.openDataset(made.ref);
      await expect(readAll(dataset, 1)).rejects.toMatchObject({ code: 'BLOCK_NOT_FOUND', data: { index: 42 } });
      expect([...dataset.missing()]).toEqual([{ start: 42, count: 1 }]);
      await expectSound(repository);
      await expect(download(repository, other)).rejects.toMatchObject({ code: 'BLOCK_NOT_FOUND', data: { index: 0 } });
      expect(await repository.hasBlock(blockCid(sha256(made.blocks[42]!)))).toBe(false);
      await expectSound(repository);
      expect(await dataset.putLeaves(42, [made.blocks[42]!])).toEqual({ stored: 1, rejected: [] });
      expect(Buffer.from(await download(repository, cid)).equals(bytesOf(8, 100 * BLOCK))).toBe(true);
      await repository.delete(cid);
      await repository.delete(other);
      expect(repository.usage()).toMatchObject({ totalBlocks: 0, quotaUsedBytes: 0 });
      await expectSound(repository);
      await repository.stop();
    }));

  it('lose a block that was put on its own, also when its segment was cut or is gone', () =>
    withDirectory(async (path) => {
      const repository = await openDisk(path);
      const [one, two] = [bytesOf(10, 3000), bytesOf(11, 3000)];
      for (const block of [one, two]) await repository.putBlock(blockCid(sha256(block)), block);
      await corrupt(path, one);
      expect(await repository.getBlock(blockCid(sha256(one)))).toBeUndefined();
      expect(repository.usage().totalBlocks).toBe(1);
      const [name] = await segmentsOf(path);
      await truncate(join(path, 'segments', name!), 100);
      expect(await repository.getBlock(blockCid(sha256(two)))).toBeUndefined();
      expect(repository.usage()).toMatchObject({ totalBlocks: 0, quotaUsedBytes: 0 });
      await repository.putBlock(blockCid(sha256(one)), one);
      expect(Buffer.from((await repository.getBlock(blockCid(sha256(one))))!).equals(one)).toBe(true);
      await expectSound(repository);
      await repository.stop();
    }));
});

/** A file system whose writes or syncs fail on demand. */
function faultyFs() {
  const fault = { write: false, sync: false, tornBytes: 0 };
  const fs: StoreFs = {
    ...nodeFs,
    async open(path, mode) {
      const file = await nodeFs.open(path, mode);
      const faulty: StoreFile = {
        ...file,
        async write(views, position) {
          if (!fault.write) return file.write(views, position);
          const all = Buffer.concat(views);
          await file.write([all.subarray(0, all.length >> 1)], position);
          throw Object.assign(new Error('no space left on device'), { code: 'ENOSPC' });
        },
        async sync() {
          if (fault.sync) throw Object.assign(new Error('i/o error'), { code: 'EIO' });
          return file.sync();
        },
      };
      return faulty;
    },
  };
  return { fs, fault };
}

describe('a failing disk', () => {
  it('that is full takes nothing, loses nothing and is used again when there is room', () =>
    withDirectory(async (path) => {
      const { fs, fault } = faultyFs();
      const repository = await openDisk(path, {}, { fs });
      const content = bytesOf(12, 100 * BLOCK);
      const cid = await upload(repository, content);
      const before = { ...repository.usage() };
      fault.write = true;
      await expect(upload(repository, bytesOf(13, 200 * BLOCK))).rejects.toMatchObject({ code: 'DISK_FULL' });
      const block = bytesOf(14, 500);
      await expect(repository.putBlock(blockCid(sha256(block)), block)).rejects.toMatchObject({ code: 'DISK_FULL' });
      const made = makeDataset(bytesOf(15, 10 * BLOCK));
      const dataset = await repository.openDataset(made.ref);
      await dataset.learn(made.prove(0, 10));
      await expect(dataset.putLeaves(0, made.blocks)).rejects.toMatchObject({ code: 'DISK_FULL' });
      expect(dataset.heldCount).toBe(0);
      expect({ ...repository.usage() }).toEqual(before);
      expect(Buffer.from(await download(repository, cid)).equals(content)).toBe(true);
      await expectSound(repository);
      fault.write = false;
      expect(await dataset.putLeaves(0, made.blocks)).toEqual({ stored: 10, rejected: [] });
      const later = await upload(repository, bytesOf(13, 200 * BLOCK));
      expect(Buffer.from(await download(repository, later)).equals(bytesOf(13, 200 * BLOCK))).toBe(true);
      await expectSound(repository);
      await repository.stop();
    }));

  it('that cannot sync is not written to again until the repository is reopened', () =>
    withDirectory(async (path) => {
      const { fs, fault } = faultyFs();
      let repository = await openDisk(path, {}, { fs });
      const cid = await upload(repository, bytesOf(16, 20 * BLOCK));
      fault.sync = true;
      await expect(upload(repository, bytesOf(17, 20 * BLOCK))).rejects.toMatchObject({ code: 'DISK_FAILED' });
      fault.sync = false;
      const block = bytesOf(18, 500);
      await expect(repository.putBlock(blockCid(sha256(block)), block)).rejects.toMatchObject({ code: 'DISK_FAILED' });
      expect((await download(repository, cid)).length).toBe(20 * BLOCK);
      await repository.stop().catch(() => {});
      repository = await openDisk(path);
      expect((await download(repository, cid)).length).toBe(20 * BLOCK);
      expect(await listed(repository)).toEqual([cid.toString()]);
      await expectSound(repository);
      await repository.stop();
    }));
});

describe('space', () => {
  it('of deleted blocks is given back by compaction, while readers go on', () =>
    withDirectory(async (path) => {
      const clock = new VirtualClock(1_000_000);
      const repository = await openDisk(
        path,
        { segmentBytes: 4 * 1024 * 1024, maintenanceIntervalMs: HOUR_MS },
        { clock },
      );
      const size = 65536;
      const kept = await upload(repository, bytesOf(20, 10 * size), { blockSize: size });
      const dropped = [];
      for (let i = 0; i < 4; i++) {
        dropped.push(await upload(repository, bytesOf(30 + i, 50 * size), { blockSize: size }));
        await upload(repository, bytesOf(40 + i, size), { blockSize: size });
      }
      const bytesOnDisk = async () => {
        let sum = 0;
        for (const name of await segmentsOf(path)) sum += (await stat(join(path, 'segments', name))).size;
        return sum;
      };
      expect(await bytesOnDisk()).toBeGreaterThan(210 * size);
      for (const cid of dropped) await repository.delete(cid);
      const reading = Promise.all(Array.from({ length: 5 }, () => download(repository, kept)));
      await repository.start();
      await expectSound(repository);
      await clock.advance(HOUR_MS);
      await expectSound(repository);
      for (const bytes of await reading) expect(Buffer.from(bytes).equals(bytesOf(20, 10 * size))).toBe(true);
      expect(await bytesOnDisk()).toBeLessThan(40 * size);
      expect(Buffer.from(await download(repository, kept)).equals(bytesOf(20, 10 * size))).toBe(true);
      await repository.stop();
      const again = await openDisk(path);
      expect(await listed(again)).toHaveLength(5);
      expect(Buffer.from(await download(again, kept)).equals(bytesOf(20, 10 * size))).toBe(true);
      await again.stop();
    }));

  it('of the zeros at the end of blocks is not taken', () =>
    withDirectory(async (path) => {
      const repository = await openDisk(path);
      for (let i = 0; i < 20; i++) await upload(repository, bytesOf(50 + i, 100), { blockSize: 65536 });
      const [name] = await segmentsOf(path);
      expect((await stat(join(path, 'segments', name!))).size).toBeLessThan(20 * 200);
      expect(repository.usage().quotaUsedBytes).toBeGreaterThan(20 * 65536);
      await repository.stop();
    }));
});

it('a consumer that copies one dataset into another never waits for itself', () =>
  withDirectory(async (path) => {
    const repository = await openDisk(path);
    const content = bytesOf(60, 64 * 65536);
    const cid = await upload(repository, content, { blockSize: 65536 });
    const ref = datasetRef({
      treeCid: makeDataset(content, {}, 65536).ref.treeCid,
      blockSize: 65536,
      datasetSize: content.length,
    });
    const copies = Array.from({ length: 12 }, async () => {
      const dataset = await repository.openDataset(ref);
      const writer = repository.createDataset({ blockSize: 65536 });
      for await (const batch of dataset.read({ start: 0, count: ref.leafCount })) {
        for (const block of batch.blocks) await writer.append(block);
        batch.release();
      }
      return writer.finish(({ treeCid, datasetSize }) => ({ treeCid, datasetSize, blockSize: 65536 }));
    });
    for (const copy of await Promise.all(copies)) expect(copy.toString()).toBe(cid.toString());
    await expectSound(repository);
    await repository.stop();
  }));
