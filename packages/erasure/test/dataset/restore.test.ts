import { originalManifest } from '@codex/content';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type ErasureComponents, protectDataset, repairDataset, restoreDataset } from '../../src/index.ts';
import { bytesOf, contentOf, inMemory, makeProtected, type Protected, upload, withLosses } from './setup.ts';

const RUNS = process.env.RESTORE_RUNS ? Number(process.env.RESTORE_RUNS) : 40;

interface Case {
  readonly data: number;
  readonly parity: number;
  readonly blocks: number;
  readonly blockSize: number;
  /** For each column a pseudo-random order of its rows: the first ones are lost. */
  readonly seed: number;
}

const cases: fc.Arbitrary<Case> = fc
  .record({ data: fc.integer({ min: 1, max: 12 }), share: fc.nat(100), more: fc.nat(60), seed: fc.nat(2 ** 31 - 1) })
  .map(({ data, share, more, seed }) => ({
    ...{ data, seed, blockSize: 64 * (1 + (seed % 3)), blocks: data + more },
    parity: 1 + Math.floor((share / 101) * data),
  }));

/** Which rows of a column are lost: `count` of them, by a seed. */
function lostRowsOf(rows: number, column: number, seed: number, count: number): Set<number> {
  const order = Array.from({ length: rows }, (_, row) => row);
  const draws = bytesOf(seed ^ (column * 2_654_435_761), rows * 4);
  for (let i = rows - 1; i > 0; i--) {
    const j = draws.readUInt32LE(i * 4) % (i + 1);
    [order[i], order[j]] = [order[j]!, order[i]!];
  }
  return new Set(order.slice(0, count));
}

async function expectRestored(made: Protected, lossy: ErasureComponents): Promise<void> {
  const { manifest, dataset } = await restoreDataset(lossy, { manifest: made.cid });
  expect(manifest).toEqual(originalManifest(made.manifest));
  expect((await contentOf(dataset, made.content.length)).equals(made.content)).toBe(true);
}

async function stateOf({ repository, dataset }: Awaited<ReturnType<typeof withLosses>>) {
  return { usage: { ...repository.usage() }, held: [...dataset.held()] };
}

describe('restoring', () => {
  it('undoes every pattern of up to M losses in each column, and repairs', () =>
    fc.assert(
      fc.asyncProperty(cases, async ({ data, parity, blocks, blockSize, seed }) => {
        const made = await makeProtected({ data, parity, blocks, blockSize, seed, tail: seed % blockSize });
        const lost = Array.from({ length: made.steps }, (_, column) =>
          lostRowsOf(data + parity, column, seed, (seed + column) % (parity + 1)),
        );
        const isLost = (leaf: number) => lost[leaf % made.steps]!.has(Math.floor(leaf / made.steps));
        const lossy = await withLosses(made, isLost);
        await expectRestored(made, lossy);
        await repairDataset(lossy, { manifest: made.cid });
        expect(lossy.dataset.heldCount).toBe(made.dataset.ref.leafCount);
        const all = { start: 0, count: made.dataset.ref.leafCount };
        expect(Buffer.from(await lossy.dataset.digests(all))).toEqual(Buffer.from(await made.dataset.digests(all)));
        expect(lossy.repository.usage()).toMatchObject({
          quotaUsedBytes: made.source.repository.usage().quotaUsedBytes - (await plainBytes(made)),
        });
      }),
      { numRuns: RUNS },
    ));

  it('refuses M + 1 losses in one column and leaves the store as it was', () =>
    fc.assert(
      fc.asyncProperty(cases, async ({ data, parity, blocks, blockSize, seed }) => {
        const made = await makeProtected({ data, parity, blocks, blockSize, seed });
        const column = seed % made.steps;
        const padded = Array.from({ length: data }, (_, row) => row * made.steps + column >= blocks);
        const rows = lostRowsOf(data + parity, column, seed, data + parity);
        const lost = new Set([...rows].filter((row) => !padded[row]).slice(0, parity + 1));
        // Only rows that hold something can be lost, and at least one of them must be data.
        fc.pre(lost.size === parity + 1);
        const lossy = await withLosses(
          made,
          (leaf) => leaf % made.steps === column && lost.has(Math.floor(leaf / made.steps)),
        );
        const before = await stateOf(lossy);
        for (const work of [restoreDataset, repairDataset]) {
          await expect(work(lossy, { manifest: made.cid })).rejects.toMatchObject({
            code: 'ERASURE_TOO_MANY_LOSSES',
            data: { column, present: data - 1, needed: data },
          });
          expect(await stateOf(lossy)).toEqual(before);
        }
      }),
      { numRuns: RUNS },
    ));

  it('looks at all columns before it restores the first', async () => {
    const made = await makeProtected({ blocks: 10_240, data: 4, parity: 2 });
    const last = made.steps - 1;
    const lossy = await withLosses(
      made,
      (leaf) => leaf < made.steps || (leaf % made.steps === last && leaf < 3 * made.steps),
    );
    // Known digests: what is restored would be held at once.
    await lossy.dataset.learn(await made.dataset.prove({ start: 0, count: made.steps }));
    const before = await stateOf(lossy);
    await expect(restoreDataset(lossy, { manifest: made.cid })).rejects.toMatchObject({ data: { column: last } });
    expect(await stateOf(lossy)).toEqual(before);
  });

  // The reference's own cases: 123 blocks of 1 KiB at 20 + 10 (02 §6).
  const reference = { blocks: 123, data: 20, parity: 10, blockSize: 1024 };

  it.each([
    ['M whole rows, the first ones', (leaf: number, steps: number) => leaf < 10 * steps],
    ['all parity rows', (leaf: number, steps: number) => leaf >= 20 * steps],
    ['M blocks of one column', (leaf: number, steps: number) => leaf % steps === 3 && leaf < 10 * steps],
    [
      'M rows, another half of them in each half of the columns',
      (leaf: number, steps: number) => (leaf % steps < 3 ? leaf < 10 * steps : leaf >= 15 * steps && leaf < 25 * steps),
    ],
  ])('survives the loss of %s', async (_, isLost) => {
    const made = await makeProtected(reference);
    const lossy = await withLosses(made, (leaf) => isLost(leaf, made.steps));
    await expectRestored(made, lossy);
    await repairDataset(lossy, { manifest: made.cid });
    expect(lossy.dataset.heldCount).toBe(made.dataset.ref.leafCount);
  });

  it('round-trips without parity', async () => {
    const made = await makeProtected({ ...reference, parity: 0 });
    expect(made.dataset.ref.leafCount).toBe(140);
    await expectRestored(made, await withLosses(made, () => false));
    const lossy = await withLosses(made, (leaf) => leaf === 7);
    await expect(restoreDataset(lossy, { manifest: made.cid })).rejects.toMatchObject({
      code: 'ERASURE_TOO_MANY_LOSSES',
    });
  });

  it('serves restored leaves under both trees', async () => {
    const made = await makeProtected({ blocks: 115, data: 12, parity: 5, blockSize: 128 });
    const lossy = await withLosses(made, (leaf) => leaf >= 3 * made.steps && leaf < 8 * made.steps);
    const before = lossy.repository.usage().totalBlocks;
    await expectRestored(made, lossy);
    const { dataset } = lossy;
    expect([...dataset.missing()]).toEqual([]);
    // Each restored block once, whatever trees hold it.
    expect(lossy.repository.usage().totalBlocks).toBe(before + 5 * made.steps);
    const leaf = 4 * made.steps + 1;
    expect((await dataset.prove({ start: leaf, count: 1 })).digests).toEqual(
      (await made.dataset.prove({ start: leaf, count: 1 })).digests,
    );
    await lossy.repository.delete(made.cid);
    expect(lossy.repository.usage().totalBlocks).toBe(0);
  });

  it('has nothing to do where the original is complete, and learns from it', async () => {
    const made = await makeProtected({ blocks: 40, data: 4, parity: 2 });
    const lossy = await withLosses(made, (leaf) => leaf < 30 || leaf >= 41);
    await upload(lossy.repository, made.content, 64);
    const phases: unknown[] = [];
    await restoreDataset(lossy, { manifest: made.cid }, { onProgress: (progress) => phases.push(progress) });
    expect(phases).toEqual([{ phase: 'restore', done: made.steps, total: made.steps }]);
    await repairDataset(lossy, { manifest: made.cid });
    expect(lossy.dataset.heldCount).toBe(made.dataset.ref.leafCount);
  });

  it('works on several datasets at once, within one budget of memory', async () => {
    const source = inMemory();
    const mades = await Promise.all(
      [1, 2, 3, 4, 5].map((seed) => makeProtected({ blocks: 100 + seed, data: 7, parity: 3, seed }, source)),
    );
    const target = inMemory();
    const lossy = await Promise.all(mades.map((made) => withLosses(made, (leaf) => leaf < 3 * made.steps, target)));
    await Promise.all(mades.map((made, i) => expectRestored(made, lossy[i]!)));
    expect(target.memory.usedBytes).toBe(0);
    expect(source.memory.usedBytes).toBe(0);
    await expect(
      Promise.all([1, 2].map(() => protectDataset(source, { manifest: mades[0]!.plain, data: 5, parity: 2 }))),
    ).rejects.toMatchObject({ code: 'ASSEMBLY_BUSY' });
  });
});

/** Bytes of the plain manifest, which a receiver does not have. */
async function plainBytes(made: Protected): Promise<number> {
  return (await made.source.repository.getBlock(made.plain))!.length;
}
