import { cp, open, readdir, readFile, stat, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { buildSlots, DiskSlotTrees, proofInput, type SlotFs } from '../src/index.ts';
import { nodeSlotFs } from '../src/tree/slot-fs.ts';
import { keep, slotTreeCompliance } from './support/compliance.ts';
import { inMemory, protect, streamOf } from './support/datasets.ts';
import { withDirectory } from './support/directory.ts';

const TREE = { blocks: 5, paddedBlocks: 8 };

slotTreeCompliance((work) => withDirectory((path) => work(new DiskSlotTrees({}, { directory: join(path, 'slots') }))));

async function flip(path: string, position: number): Promise<void> {
  const file = await open(path, 'r+');
  const byte = new Uint8Array(1);
  await file.read(byte, 0, 1, position);
  byte[0] = byte[0]! ^ 1;
  await file.write(byte, 0, 1, position);
  await file.close();
}

async function onlyFile(directory: string): Promise<string> {
  const [name] = await readdir(directory);
  return join(directory, name!);
}

describe('slot trees on disk', () => {
  it('are there again after a restart, for their owner only', () =>
    withDirectory(async (path) => {
      const directory = join(path, 'slots');
      await keep(new DiskSlotTrees({}, { directory }), 1, TREE);
      const again = new DiskSlotTrees({}, { directory });
      const [root] = await again.list();
      const tree = (await again.open(root!))!;
      expect(tree.header.blocks).toBe(5);
      await tree.close();
      expect((await stat(directory)).mode & 0o777).toBe(0o700);
      expect((await stat(await onlyFile(directory))).mode & 0o777).toBe(0o600);
    }));

  it('leave nothing of what was not finished', () =>
    withDirectory(async (directory) => {
      const store = new DiskSlotTrees({}, { directory });
      const draft = await store.create({ shape: { blockSize: 1024, cellSize: 256 }, ...TREE }, 'a'.repeat(32));
      await draft.write(new Uint8Array(100), 200);
      expect((await readdir(directory)).length).toBe(1);
      // Another process after a crash.
      expect(await new DiskSlotTrees({}, { directory }).list()).toEqual([]);
      expect(await readdir(directory)).toEqual([]);
      await draft.discard();
    }));

  it('leave alone what is not theirs', () =>
    withDirectory(async (directory) => {
      await writeFile(join(directory, 'notes.txt'), 'x');
      const store = new DiskSlotTrees({}, { directory });
      await keep(store, 1, TREE);
      await store.delete((await store.list())[0]!);
      expect(await readdir(directory)).toEqual(['notes.txt']);
    }));

  it.each([
    ['cut short', (path: string) => truncate(path, 500)],
    ['empty', (path: string) => truncate(path, 0)],
    ['too long', async (path: string) => writeFile(path, 'more', { flag: 'a' })],
    ['with a wrong magic', (path: string) => flip(path, 0)],
    ['of another version', (path: string) => flip(path, 8)],
    ['with a wrong number of blocks', (path: string) => flip(path, 24)],
    ['of another root than its name says', (path: string) => flip(path, 40)],
    ['with a wrong checksum', (path: string) => flip(path, 100)],
  ])('count as missing when they are %s, and are dropped', (_, damage) =>
    withDirectory(async (directory) => {
      const store = new DiskSlotTrees({}, { directory });
      await keep(store, 1, TREE);
      await damage(await onlyFile(directory));
      const [root] = await store.list();
      expect(await store.open(root!)).toBeUndefined();
      expect(await readdir(directory)).toEqual([]);
      expect(await store.list()).toEqual([]);
    }),
  );

  it('count as missing when somebody removed the file', () =>
    withDirectory(async (directory) => {
      const store = new DiskSlotTrees({}, { directory });
      await keep(store, 1, TREE);
      const [root] = await store.list();
      await nodeSlotFs.remove(await onlyFile(directory));
      expect(await store.open(root!)).toBeUndefined();
      expect(await store.list()).toEqual([]);
    }));

  it('say what the disk refuses, and go on when it works again', () =>
    withDirectory(async (directory) => {
      let full = false;
      const fs: SlotFs = {
        ...nodeSlotFs,
        async open(path, mode) {
          const file = await nodeSlotFs.open(path, mode);
          const write: typeof file.write = async (bytes, position) => {
            if (full) throw Object.assign(new Error('no space'), { code: 'ENOSPC' });
            return file.write(bytes, position);
          };
          return { ...file, write };
        },
      };
      const components = inMemory(new DiskSlotTrees({ fs }, { directory }));
      const manifest = await protect(components, streamOf('full', 5000), { data: 2, parity: 1, blockSize: 1024 });
      full = true;
      await expect(buildSlots(components, { manifest, cellSize: 256 })).rejects.toMatchObject({
        code: 'SLOT_TREE_UNAVAILABLE',
        data: { reason: 'ENOSPC' },
      });
      expect(await readdir(directory)).toEqual([]);
      full = false;
      await buildSlots(components, { manifest, cellSize: 256 });
      expect((await readdir(directory)).length).toBe(3);
    }));

  it('are whole or not there, wherever the power fails', async () => {
    const content = streamOf('power', 9000);
    const code = { data: 3, parity: 1, blockSize: 1024 };
    let crashes = 0;
    for (let survives = 0; ; survives++) {
      const finished = await withDirectory(async (directory) => {
        let left = survives;
        const step = () => {
          if (left-- <= 0) throw new Error('power failed');
        };
        const failing: SlotFs = {
          async open(path, mode) {
            step();
            const file = await nodeSlotFs.open(path, mode);
            return {
              ...file,
              async write(bytes, position) {
                // The last write is torn.
                if (left === 0) await file.write(bytes.subarray(0, bytes.length / 2), position);
                step();
                await file.write(bytes, position);
              },
              async sync() {
                step();
                await file.sync();
              },
            };
          },
          prepareDirectory: (path) => nodeSlotFs.prepareDirectory(path),
          list: (path) => nodeSlotFs.list(path),
          async rename(from, to) {
            step();
            await nodeSlotFs.rename(from, to);
          },
          async remove(path) {
            step();
            await nodeSlotFs.remove(path);
          },
          async syncDirectory(path) {
            step();
            await nodeSlotFs.syncDirectory(path);
          },
        };
        const components = inMemory(new DiskSlotTrees({ fs: failing }, { directory }));
        const manifest = await protect(components, content, code);
        const first = await buildSlots(components, { manifest, cellSize: 256 }).catch(() => undefined);
        const trees = new DiskSlotTrees({}, { directory });
        for (const root of await trees.list()) {
          const tree = await trees.open(root);
          expect(tree?.root).toEqual(root);
          await tree?.close();
        }
        const built = await buildSlots({ ...components, trees }, { manifest, cellSize: 256 });
        for (let slotIndex = 0; slotIndex < 4; slotIndex++) {
          const question = { manifest: built.manifest, slotIndex, challenge: new Uint8Array(32), samples: 8 };
          await proofInput({ ...components, trees }, question);
        }
        return first !== undefined;
      });
      if (finished) break;
      crashes++;
    }
    expect(crashes).toBeGreaterThan(20);
  }, 60_000);
});

describe('the format of version 1', () => {
  const FIXTURE = fileURLToPath(new URL('./fixtures/format-1', import.meta.url));

  it('is written as ever', () =>
    withDirectory(async (directory) => {
      const components = inMemory(new DiskSlotTrees({}, { directory }));
      const manifest = await protect(components, streamOf('format', 2500), { data: 1, parity: 1, blockSize: 512 });
      await buildSlots(components, { manifest, cellSize: 128 });
      if (process.env.UPDATE_FIXTURES === '1') await cp(directory, FIXTURE, { recursive: true });
      const names = (await readdir(FIXTURE)).sort();
      expect((await readdir(directory)).sort()).toEqual(names);
      for (const name of names) {
        expect(await readFile(join(directory, name))).toEqual(await readFile(join(FIXTURE, name)));
      }
    }));

  it('is read as ever', () =>
    withDirectory(async (directory) => {
      await cp(FIXTURE, directory, { recursive: true });
      const components = inMemory(new DiskSlotTrees({}, { directory }));
      const manifest = await protect(components, streamOf('format', 2500), { data: 1, parity: 1, blockSize: 512 });
      const progress: number[] = [];
      const { manifest: verifiable } = await buildSlots(
        components,
        { manifest, cellSize: 128 },
        { onProgress: ({ doneBytes }) => progress.push(doneBytes) },
      );
      // A step for each slot: nothing was hashed.
      expect(progress).toEqual([2560, 5120]);
      const question = { manifest: verifiable, slotIndex: 1, challenge: new Uint8Array(32), samples: 20 };
      await proofInput(components, question);
    }));
});
