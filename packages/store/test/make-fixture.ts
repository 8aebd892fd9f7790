/**
 * Writes the fixture of the current format: `node packages/store/test/make-fixture.ts DIRECTORY`. A fixture is made once
 * per format version and never again; `fixture.test.ts` says what it holds.
 */
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { blockCid, sha256 } from '@codex/content';
import { BLOCK, bytesOf, makeDataset, upload } from './content.ts';
import { openDisk } from './open-script.ts';

/** Writes a repository and takes away what only an open one needs. */
export async function makeFixture(path: string): Promise<void> {
  const repository = await openDisk(path);
  await upload(repository, bytesOf(1, 20 * BLOCK + 7), { filename: 'whole.bin', expiry: 4_000_000_000_000 });
  const partial = makeDataset(bytesOf(2, 300 * BLOCK));
  await repository.putBlock(partial.manifestCid, partial.manifestBytes, { expiry: Number.POSITIVE_INFINITY });
  const dataset = await repository.openDataset(partial.ref);
  await dataset.learn(partial.prove(254, 4));
  await dataset.putLeaves(255, partial.blocks.slice(255, 257));
  const lone = bytesOf(3, 300);
  await repository.putBlock(blockCid(sha256(lone)), lone, { expiry: 4_000_000_000_000 });
  await repository.reserve(4321);
  await repository.stop();
  for (const name of ['lock', 'lock.pid', 'meta/lock.mdb']) await rm(join(path, name), { force: true });
}

if (process.argv[1] === import.meta.filename) await makeFixture(process.argv[2] ?? '');
