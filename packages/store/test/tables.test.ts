import { join } from 'node:path';
import { digestOf } from '@codex/content';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { Tables } from '../src/disk/tables.ts';
import { bytesOf, download, makeDataset, upload } from './content.ts';
import { openDisk, withDirectory } from './disk-helpers.ts';

it('lists exactly the keys that begin with a prefix, also one that ends in 255', () =>
  withDirectory(async (path) => {
    const tables = Tables.open(join(path, 'meta'));
    const byte = fc.constantFrom(0, 1, 254, 255);
    const key = fc.array(byte, { minLength: 1, maxLength: 4 });
    await fc.assert(
      fc.asyncProperty(fc.array(key, { maxLength: 20 }), fc.array(byte, { maxLength: 3 }), async (keys, rest) => {
        const all = [...new Map(keys.map((key) => [String(key), Buffer.of(7, ...key)])).values()];
        const prefix = Buffer.of(7, ...rest);
        for (const key of all) tables.put(key, key);
        const expected = all.filter((key) => key.subarray(0, prefix.length).equals(prefix)).sort(Buffer.compare);
        const list = () => [...tables.entries(prefix, 3)].map(([key]) => Buffer.from(key).toString('hex'));
        expect(list()).toEqual(expected.map((key) => key.toString('hex')));
        await tables.commit(async () => {});
        expect(list()).toEqual(expected.map((key) => key.toString('hex')));
        for (const key of all) tables.delete(key);
        await tables.commit(async () => {});
      }),
      { numRuns: 50 },
    );
    await tables.close();
  }));

it('finds every one of many datasets after a restart', () =>
  withDirectory(async (path) => {
    const first = await openDisk(path);
    const cids = await Promise.all(Array.from({ length: 300 }, (_, i) => upload(first, bytesOf(i, 100))));
    await first.stop();
    const second = await openDisk(path);
    for (const [i, cid] of cids.entries()) {
      expect(Buffer.from(await download(second, cid)).equals(bytesOf(i, 100)), `dataset ${i}`).toBe(true);
    }
    await second.stop();
  }));

it('keeps a tree whose root ends in 255 while another manifest names it', () =>
  withDirectory(async (path) => {
    let seed = 0;
    while (digestOf(makeDataset(bytesOf(seed, 100)).ref.treeCid).at(-1) !== 255) seed++;
    const repository = await openDisk(path);
    const plain = makeDataset(bytesOf(seed, 100));
    const named = makeDataset(bytesOf(seed, 100), { filename: 'a.txt' });
    await upload(repository, bytesOf(seed, 100));
    await repository.putBlock(named.manifestCid, named.manifestBytes);
    await repository.delete(plain.manifestCid);
    expect(Buffer.from(await download(repository, named.manifestCid)).equals(bytesOf(seed, 100))).toBe(true);
    await repository.stop();
  }));
