import type { Compute } from '@codex/compute';
import { type Dataset, type LeafRange, originalManifest, sha256, treeCid } from '@codex/content';
import { describe, expect, it } from 'vitest';
import {
  type ErasureProgress,
  type FetchLeaves,
  protectDataset,
  Restoration,
  Restorations,
  repairDataset,
  restoreDataset,
} from '../../src/index.ts';
import {
  contentOf,
  inMemory,
  makeProtected,
  makeWrong,
  type Protected,
  transfer,
  upload,
  withLosses,
} from './setup.ts';

/** A network that has all leaves but those, and remembers what it was asked for. */
function network(made: Protected, isLost: (leaf: number) => boolean) {
  const asked: number[] = [];
  const fetchInto =
    (target: Dataset): FetchLeaves =>
    async (ranges, { signal }) => {
      signal?.throwIfAborted();
      for (const { start, count } of ranges) {
        for (let leaf = start; leaf < start + count; leaf++) {
          asked.push(leaf);
          if (!isLost(leaf)) await transfer(made.dataset, target, { start: leaf, count: 1 });
        }
      }
    };
  return { asked, fetchInto };
}

const nothing = () => true;

describe('restoring from the network', () => {
  it('asks for every data block once and for no parity and no padding while nothing is lost', async () => {
    const made = await makeProtected({ blocks: 43, data: 5, parity: 3 });
    const lossy = await withLosses(made, nothing);
    const { asked, fetchInto } = network(made, () => false);
    const { dataset } = await restoreDataset(lossy, { manifest: made.cid, fetch: fetchInto(lossy.dataset) });
    expect((await contentOf(dataset, made.content.length)).equals(made.content)).toBe(true);
    expect(asked.sort((a, b) => a - b)).toEqual(Array.from({ length: 43 }, (_, i) => i));
  });

  it('asks for as much parity as columns lack, and for another row where one is not to be had', async () => {
    const made = await makeProtected({ blocks: 45, data: 5, parity: 3 });
    const { steps } = made;
    const lossy = await withLosses(made, nothing);
    // Row 1 is lost in the columns 2 and 3; in column 3 the first parity row is lost as well.
    const lost = new Set([steps + 2, steps + 3, 5 * steps + 3]);
    const { asked, fetchInto } = network(made, (leaf) => lost.has(leaf));
    const { dataset } = await restoreDataset(lossy, { manifest: made.cid, fetch: fetchInto(lossy.dataset) });
    expect((await contentOf(dataset, made.content.length)).equals(made.content)).toBe(true);
    const parity = asked.filter((leaf) => leaf >= 5 * steps).sort((a, b) => a - b);
    expect(parity).toEqual([5 * steps + 2, 5 * steps + 3, 6 * steps + 3]);
    expect(new Set(asked).size).toBe(asked.length);
  });

  it('gives up when too few rows can be had, and keeps nothing of it but what was fetched', async () => {
    const made = await makeProtected({ blocks: 45, data: 5, parity: 2 });
    const lossy = await withLosses(made, nothing);
    const { fetchInto } = network(made, (leaf) => leaf % made.steps === 4 && leaf < 3 * made.steps);
    await expect(restoreDataset(lossy, { manifest: made.cid, fetch: fetchInto(lossy.dataset) })).rejects.toMatchObject({
      code: 'ERASURE_TOO_MANY_LOSSES',
      data: { column: 4, present: 2, needed: 5 },
    });
    expect(lossy.repository.usage().totalBlocks).toBe(lossy.dataset.heldCount + 1);
  });

  it('hands on what the network throws, and is cancelled while it waits', async () => {
    const made = await makeProtected({ blocks: 45, data: 5, parity: 2 });
    const lossy = await withLosses(made, nothing);
    const failing = restoreDataset(lossy, {
      manifest: made.cid,
      fetch: () => Promise.reject(new Error('offline')),
    });
    await expect(failing).rejects.toThrow('offline');
    const cancel = new AbortController();
    const waiting = restoreDataset(
      lossy,
      {
        manifest: made.cid,
        fetch: (_, { signal }) => {
          queueMicrotask(() => cancel.abort(new Error('enough')));
          return new Promise((_, reject) => signal?.addEventListener('abort', () => reject(signal.reason)));
        },
      },
      { signal: cancel.signal },
    );
    await expect(waiting).rejects.toThrow('enough');
    expect(lossy.memory.usedBytes).toBe(0);
  });

  it('is cancelled in the middle, and does not restore anything twice', async () => {
    const made = await makeProtected({ blocks: 10_240, data: 4, parity: 2 });
    const lossy = await withLosses(made, (leaf) => leaf < made.steps || leaf >= 5 * made.steps);
    const jobs: string[] = [];
    const compute: Compute = {
      threads: 0,
      start: () => {},
      stop: () => {},
      run: (job, input, options) => {
        jobs.push(job.name);
        return lossy.compute.run(job, input, options);
      },
    };
    const cancel = new AbortController();
    const seen: ErasureProgress[] = [];
    const onProgress = (progress: ErasureProgress) => {
      seen.push(progress);
      cancel.abort(new Error('enough'));
    };
    const components = { ...lossy, compute };
    const input = { manifest: made.cid };
    await expect(repairDataset(components, input, { signal: cancel.signal, onProgress })).rejects.toThrow('enough');
    expect(seen).toEqual([{ phase: 'restore', done: 256, total: 2560 }]);
    await repairDataset(components, input, { onProgress: (progress) => seen.push(progress) });
    expect(seen.at(-1)).toEqual({ phase: 'encode', done: 2560, total: 2560 });
    // Ten groups; of the three that were in work at the time, two were not finished.
    const count = (name: string) => jobs.filter((job) => job === name).length;
    expect(count('decodeStretch')).toBeLessThanOrEqual(12);
    expect(count('encodeStretch')).toBe(10);
    expect(lossy.dataset.heldCount).toBe(made.dataset.ref.leafCount);
  });

  it('repairs what it was given one row too few of', async () => {
    const made = await makeProtected({ blocks: 60, data: 6, parity: 3 });
    const lossy = await withLosses(made, nothing);
    const { asked, fetchInto } = network(made, (leaf) => leaf >= 2 * made.steps && leaf < 3 * made.steps);
    await repairDataset(lossy, { manifest: made.cid, fetch: fetchInto(lossy.dataset) });
    expect(lossy.dataset.heldCount).toBe(made.dataset.ref.leafCount);
    // One parity row, in place of the lost one; the others are encoded.
    expect(asked.filter((leaf) => leaf >= 6 * made.steps)).toHaveLength(made.steps);
  });
});

describe('reading while blocks are missing', () => {
  const read = async (restoration: Restoration, range: LeafRange) => {
    const parts: Buffer[] = [];
    for await (const batch of restoration.read(range)) {
      expect(batch.start - range.start).toBe(parts.length);
      parts.push(...batch.blocks.map((block) => Buffer.from(block)));
      batch.release();
    }
    return Buffer.concat(parts);
  };

  it('restores only what is read, and keeps it for the rest', async () => {
    const made = await makeProtected({ blocks: 1000, data: 4, parity: 2 });
    const { steps } = made;
    const lossy = await withLosses(made, nothing);
    const { asked, fetchInto } = network(made, (leaf) => leaf >= steps && leaf < 2 * steps);
    const fetch = fetchInto(lossy.dataset);
    const restoration = await Restoration.open(lossy, made.manifest, { fetch });
    // The end of row 0 and the beginning of row 1, which is lost.
    const range = { start: steps - 10, count: 20 };
    expect(
      (await read(restoration, range)).equals(made.content.subarray(range.start * 64, (range.start + 20) * 64)),
    ).toBe(true);
    expect(asked.every((leaf) => leaf % steps < 10 || leaf % steps >= steps - 10)).toBe(true);
    expect((await read(restoration, { start: 0, count: 1000 })).equals(made.content)).toBe(true);
    expect(restoration.has(steps + 100)).toBe(true);
    expect(lossy.dataset.has(steps + 100)).toBe(false);
    await restoration.finish();
    expect(lossy.dataset.has(steps + 100)).toBe(true);
    expect((await read(restoration, { start: 0, count: 1000 })).equals(made.content)).toBe(true);
    expect(new Set(asked.filter((leaf) => leaf < steps)).size).toBe(steps);
    await restoration.close();
  });

  it('ends what it began when its consumer leaves', async () => {
    const made = await makeProtected({ blocks: 1000, data: 4, parity: 2 });
    const lossy = await withLosses(made, nothing);
    const { fetchInto } = network(made, () => false);
    const fetch = fetchInto(lossy.dataset);
    let waiting = 0;
    const restoration = await Restoration.open(lossy, made.manifest, {
      fetch: (ranges, { signal }) => {
        if (ranges[0]!.start === 0) return fetch(ranges, { signal });
        waiting++;
        return new Promise((_, reject) => signal?.addEventListener('abort', () => reject(signal.reason)));
      },
    });
    for await (const batch of restoration.read({ start: 0, count: 1000 })) {
      batch.release();
      break;
    }
    expect(waiting).toBe(1);
    expect(lossy.memory.usedBytes).toBe(0);
    await restoration.close();
  });

  it('goes on with what an earlier reader restored', async () => {
    const made = await makeProtected({ blocks: 100, data: 4, parity: 2 });
    const lossy = await withLosses(made, (leaf) => leaf < made.steps);
    const first = await Restoration.open(lossy, made.manifest);
    await first.restoreRange({ start: 3, count: 5 });
    await expect(Restoration.open(lossy, made.manifest)).rejects.toMatchObject({ code: 'ASSEMBLY_BUSY' });
    await first.close();
    const second = await Restoration.open(lossy, made.manifest);
    expect([2, 3, 7, 8].map((leaf) => second.has(leaf))).toEqual([false, true, true, false]);
    await second.close();
    await restoreDataset(lossy, { manifest: made.cid });
  });
});

it('one restoration serves all readers of a dataset, and one end of it all who wait for it', async () => {
  const made = await makeProtected({ blocks: 300, data: 4, parity: 2 });
  const lossy = await withLosses(made, nothing);
  const { asked, fetchInto } = network(made, (leaf) => leaf < made.steps);
  const restorations = new Restorations(lossy);
  const fetch = fetchInto(lossy.dataset);
  const shares = await Promise.all([1, 2, 3].map(() => restorations.open(made.manifest, { fetch })));
  expect(restorations.size).toBe(1);
  const contents = shares.map(async ({ restoration, release }) => {
    const parts: Buffer[] = [];
    for await (const batch of restoration.read({ start: 0, count: 300 })) {
      parts.push(...batch.blocks.map((block) => Buffer.from(block)));
      batch.release();
    }
    await restoration.finish();
    await release();
    await release();
    return Buffer.concat(parts);
  });
  for (const content of await Promise.all(contents)) expect(content.equals(made.content)).toBe(true);
  expect(restorations.size).toBe(0);
  expect(asked.length).toBeGreaterThan(0);
  await restoreDataset(lossy, { manifest: made.cid });
});

it('a repair and readers go on side by side, and a failure of one leaves nothing when the last has gone', async () => {
  const made = await makeProtected({ blocks: 300, data: 4, parity: 2 });
  const lossy = await withLosses(made, nothing);
  const restorations = new Restorations(lossy);
  const { fetchInto } = network(made, (leaf) => leaf < made.steps);
  const fetch = fetchInto(lossy.dataset);
  const { restoration, release } = await restorations.open(made.manifest, { fetch });
  await Promise.all([
    repairDataset(lossy, { manifest: made.cid, fetch, restorations }),
    restoration.restoreRange({ start: 0, count: 300 }),
  ]);
  expect(lossy.dataset.heldCount).toBe(made.dataset.ref.leafCount);
  await release();
  expect(restorations.size).toBe(0);

  // One column is lost for good: what was restored of the others goes when nobody reads any more.
  const poor = await withLosses(made, (leaf) => leaf < made.steps || leaf % made.steps === made.steps - 1);
  const before = { ...poor.repository.usage() };
  const shared = new Restorations(poor);
  const reader = await shared.open(made.manifest);
  await reader.restoration.restoreRange({ start: 0, count: 8 });
  const during = poor.repository.usage().totalBlocks;
  expect(during).toBeGreaterThan(before.totalBlocks);
  await expect(repairDataset(poor, { manifest: made.cid, restorations: shared })).rejects.toMatchObject({
    code: 'ERASURE_TOO_MANY_LOSSES',
  });
  expect(poor.repository.usage().totalBlocks).toBe(during);
  await reader.release(new Error('and so does the reader'));
  expect(poor.repository.usage()).toEqual(before);
});

describe('a maker who lied', () => {
  it('is found out by the root, and nothing is changed', async () => {
    const made = await makeWrong(4);
    const lossy = await withLosses(made, (leaf) => leaf < made.steps);
    const before = { ...lossy.repository.usage() };
    await expect(restoreDataset(lossy, { manifest: made.cid })).rejects.toMatchObject({
      code: 'ERASURE_TREE_MISMATCH',
    });
    expect(lossy.repository.usage()).toEqual(before);
    expect(lossy.dataset.has(0)).toBe(false);
  });

  it('is found out by the first column where digests are known; another parity row takes the place of the wrong one', async () => {
    const made = await makeWrong(4);
    const lossy = await withLosses(made, (leaf) => leaf < made.steps);
    await lossy.dataset.learn(await made.dataset.prove({ start: 0, count: made.steps }));
    const { dataset } = await restoreDataset(lossy, { manifest: made.cid });
    expect((await contentOf(dataset, made.content.length)).equals(made.content)).toBe(true);
    expect(lossy.dataset.has(0)).toBe(true);
    // The parity cannot be made as its maker says.
    const again = await withLosses(made, (leaf) => leaf >= 4 * made.steps);
    await expect(repairDataset(again, { manifest: made.cid })).rejects.toMatchObject({ code: 'ERASURE_TREE_MISMATCH' });
  });

  it('is not believed about the unknown leaves of a column either', async () => {
    const made = await makeWrong(5);
    const lossy = await withLosses(made, (leaf) => leaf < 2 * made.steps);
    await lossy.dataset.learn(await made.dataset.prove({ start: 0, count: made.steps - 2 }));
    expect(lossy.dataset.node(0, made.steps + 1)).toBeUndefined();
    // The last two columns have no known leaf: only the root can tell.
    await expect(restoreDataset(lossy, { manifest: made.cid })).rejects.toMatchObject({
      code: 'ERASURE_TREE_MISMATCH',
    });
    const again = await withLosses(made, (leaf) => leaf < 2 * made.steps);
    await again.dataset.learn(await made.dataset.prove({ start: 0, count: made.steps }));
    const { dataset } = await restoreDataset(again, { manifest: made.cid });
    expect((await contentOf(dataset, made.content.length)).equals(made.content)).toBe(true);
  });

  it('is found out when there is no other row', async () => {
    const made = await makeWrong(4);
    const lossy = await withLosses(made, (leaf) => leaf < made.steps || leaf >= 5 * made.steps);
    await lossy.dataset.learn(await made.dataset.prove({ start: 0, count: made.steps }));
    await expect(restoreDataset(lossy, { manifest: made.cid })).rejects.toMatchObject({
      code: 'ERASURE_TREE_MISMATCH',
      data: { column: 0 },
    });
  });

  it('about the original tree gets nothing stored', async () => {
    const made = await makeProtected({ blocks: 40, data: 4, parity: 3 });
    const lossy = await withLosses(made, () => false);
    const protection = { ...made.manifest.protection!, originalTreeCid: treeCid(sha256(Buffer.of(1))) };
    const lie = { ...made.manifest, protection };
    await expect(restoreDataset(lossy, { manifest: lie })).rejects.toMatchObject({ code: 'ERASURE_TREE_MISMATCH' });
    const { manifest } = await restoreDataset(lossy, { manifest: made.cid });
    expect(manifest).toEqual(originalManifest(made.manifest));
  });
});

it('a plain upload and a restored dataset are one', async () => {
  const made = await makeProtected({ blocks: 40, data: 4, parity: 3 });
  const target = inMemory();
  const lossy = await withLosses(made, (leaf) => leaf < made.steps, target);
  await restoreDataset(lossy, { manifest: made.cid });
  const before = target.repository.usage().totalBlocks;
  const plain = await upload(target.repository, made.content, 64);
  expect(target.repository.usage().totalBlocks).toBe(before + 1);
  const again = await protectDataset(target, { manifest: plain, data: 4, parity: 3 });
  expect(again.toString()).toBe(made.cid.toString());
});
