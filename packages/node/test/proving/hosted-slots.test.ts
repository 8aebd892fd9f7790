import { mkdtemp, readdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { InlineCompute } from '@codex/compute';
import { decodeManifest, encodeManifest, type Manifest, type ManifestCid, manifestCidOf } from '@codex/content';
import { GroupMemory, protectDataset } from '@codex/erasure';
import { silentLogger, VirtualClock } from '@codex/runtime';
import { MemoryRepository } from '@codex/store';
import { expect, it, onTestFinished } from 'vitest';
import { HostedSlots } from '../../src/proving/hosted-slots.ts';
import { pattern } from '../node/fixture.ts';

const HOUR_MS = 60 * 60 * 1000;
const SLOTS = 3;

async function makeSlots() {
  const repository = new MemoryRepository();
  const compute = new InlineCompute();
  const clock = new VirtualClock();
  const directory = join(await mkdtemp(join(tmpdir(), 'codex-slots-')), 'slots');
  const components = { repository, compute, clock, logger: silentLogger };
  const open = () => {
    const hosted = new HostedSlots(components, { directory });
    onTestFinished(() => hosted.stop());
    return hosted;
  };
  const writer = repository.createDataset({ blockSize: 65_536 });
  await writer.append(pattern(150_000, 1));
  const plain = await writer.finish(({ treeCid, datasetSize }) => ({ treeCid, datasetSize, blockSize: 65_536 }));
  const memory = new GroupMemory({ clock });
  const cid = await protectDataset({ repository, compute, memory }, { manifest: plain, data: 2, parity: 1 });
  const manifestOf = async (of: ManifestCid): Promise<Manifest> => decodeManifest((await repository.getBlock(of))!);
  const kept = async () => (await readdir(directory).catch(() => [])).filter((name) => name.endsWith('.slot')).length;
  return { clock, repository, open, kept, manifestOf, dataset: { cid, manifest: await manifestOf(cid) } };
}

it('keeps the trees of slots until the last dataset that has them is deleted', async () => {
  const { clock, repository, open, kept, manifestOf, dataset } = await makeSlots();
  const hosted = open();
  const { manifest, manifestCid } = await hosted.build(dataset, {});
  expect(await kept()).toBe(SLOTS);
  // The same slots under another name.
  const renamed = encodeManifest({ ...manifest, filename: 'copy' });
  await repository.putBlock(manifestCidOf(renamed), renamed);

  await repository.delete(manifestCid);
  hosted.forget(manifest);
  await clock.advance(0);
  expect(await kept()).toBe(SLOTS);
  const copy = await manifestOf(manifestCidOf(renamed));
  const question = { manifest: copy, slotIndex: 0, challenge: new Uint8Array(32), samples: 2 };
  const input = await hosted.input(question, { onBuild: () => expect.unreachable('the tree is there') });
  expect(input.json).toMatchObject({ slotIndex: 0, nSlotsPerDataSet: SLOTS });

  await repository.delete(manifestCidOf(renamed));
  hosted.forget(copy);
  await expect.poll(kept).toBe(0);
  // Its blocks are there as parts of the protected dataset, so a tree can be built whenever it is needed.
  let built = 0;
  await hosted.input(question, { onBuild: () => built++ });
  expect([built, await kept()]).toEqual([1, 1]);
});

it('deletes the trees of datasets that ended without a request, but not of those that are being cut', async () => {
  const { clock, repository, open, kept, dataset } = await makeSlots();
  const { manifestCid } = await open().build(dataset, {});
  await repository.delete(manifestCid);
  const hosted = open();
  hosted.start();
  await clock.advance(HOUR_MS - 1);
  await expect.poll(kept).toBe(SLOTS);
  await clock.advance(1);
  await expect.poll(kept).toBe(0);

  // Given up early: asked for again it goes on.
  const abort = new AbortController();
  const onProgress = () => abort.abort(new Error('later'));
  await expect(hosted.build(dataset, { signal: abort.signal, onProgress })).rejects.toThrow('later');
  const begun = await kept();
  await hosted.build(dataset, {});
  expect(begun).toBeLessThan(SLOTS);
  expect(await kept()).toBe(SLOTS);
  await clock.advance(3 * HOUR_MS);
  expect(await kept()).toBe(SLOTS);
});

it('does not look into anything while a tree is made, and has nothing to do where there are none', async () => {
  const { clock, open, kept, dataset } = await makeSlots();
  const hosted = open();
  hosted.start();
  await clock.advance(5 * HOUR_MS);
  const building = hosted.build(dataset, {});
  const { manifest } = await building;
  // Not stored any more for these: but nobody deleted the dataset, so it is needed.
  hosted.forget(manifest);
  hosted.forget(manifest);
  await clock.advance(0);
  expect(await kept()).toBe(SLOTS);
});
