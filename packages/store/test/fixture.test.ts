import { cp } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { blockCid, sha256 } from '@codex/content';
import { open } from 'lmdb';
import { expect, it } from 'vitest';
import { BLOCK, bytesOf, download, makeDataset } from './content.ts';
import { expectSound, openDisk, withDirectory } from './disk-helpers.ts';
import { makeFixture } from './make-fixture.ts';

const FIXTURE = fileURLToPath(new URL('./fixtures/format-1', import.meta.url));

const copyFixture = (path: string) => cp(FIXTURE, path, { recursive: true });

it.each([
  { from: 'format 1, as it was frozen', make: copyFixture },
  { from: 'this version', make: makeFixture },
])('opens a repository of $from', ({ make }) =>
  withDirectory(async (path) => {
    await make(path);
    const repository = await openDisk(path);
    const whole = makeDataset(bytesOf(1, 20 * BLOCK + 7), { filename: 'whole.bin' });
    const partial = makeDataset(bytesOf(2, 300 * BLOCK));
    const manifests = [];
    for await (const { cid, expiry } of repository.manifests()) manifests.push([cid.toString(), expiry]);
    expect(manifests.sort()).toEqual(
      [
        [whole.manifestCid.toString(), 4_000_000_000_000],
        [partial.manifestCid.toString(), Number.POSITIVE_INFINITY],
      ].sort(),
    );
    expect(Buffer.from(await download(repository, whole.manifestCid)).equals(bytesOf(1, 20 * BLOCK + 7))).toBe(true);
    const dataset = await repository.openDataset(partial.ref);
    expect([...dataset.held()]).toEqual([{ start: 255, count: 2 }]);
    expect((await dataset.prove({ start: 254, count: 4 })).digests).toEqual(partial.prove(254, 4).digests);
    const lone = bytesOf(3, 300);
    expect(Buffer.from((await repository.getBlock(blockCid(sha256(lone))))!).equals(lone)).toBe(true);
    expect(repository.usage()).toMatchObject({ totalBlocks: 21 + 2 + 1 + 2, quotaReservedBytes: 4321 });
    await expectSound(repository);
    await repository.stop();
  }),
);

it('refuses a repository of another format', () =>
  withDirectory(async (path) => {
    await cp(FIXTURE, path, { recursive: true });
    const db = open<Buffer, Buffer>({
      path: join(path, 'meta'),
      noSubdir: false,
      keyEncoding: 'binary',
      encoding: 'binary',
    });
    await db.put(Buffer.from('v'), Buffer.from('codex-store 99'));
    await db.close();
    await expect(openDisk(path)).rejects.toMatchObject({ code: 'FORMAT_UNSUPPORTED' });
  }));
