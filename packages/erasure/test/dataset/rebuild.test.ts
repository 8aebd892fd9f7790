import { type Dataset, type DatasetRef, nodeAt, type ProvedRange, sha256 } from '@codex/content';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  type ErasureComponents,
  type FetchLeaves,
  forgetRow,
  protectedGeometry,
  rebuildRow,
  repairDataset,
} from '../../src/index.ts';
import { bytesOf, makeProtected, makeWrong, type Protected, withLosses } from './setup.ts';

const RUNS = process.env.REBUILD_RUNS ? Number(process.env.REBUILD_RUNS) : 25;

interface NetworkInit {
  readonly isLost: (leaf: number) => boolean;
  /** Delivers wrong bytes first. */
  readonly lies?: (leaf: number) => boolean;
  readonly onAsk?: (leaf: number) => void;
}

/** Peers that have all leaves but those, whatever dataset they are fetched into, and remember what they were asked for. */
function network(made: Protected, { isLost, lies = () => false, onAsk }: NetworkInit) {
  const asked: number[] = [];
  const refused: number[] = [];
  const { originalLeaves: original, dataLeaves: data } = protectedGeometry(made.manifest);
  const fetchInto =
    (target: Dataset): FetchLeaves =>
    async (ranges, { signal }) => {
      for (const { start, count } of ranges) {
        for (let leaf = start; leaf < start + count; leaf++) {
          signal?.throwIfAborted();
          // Padding is held as soon as somebody's proof shows it.
          if (leaf >= original && leaf < data && target.has(leaf)) continue;
          expect(target.has(leaf)).toBe(false);
          asked.push(leaf);
          onAsk?.(leaf);
          if (isLost(leaf)) continue;
          await target.learn(await made.dataset.prove({ start: leaf, count: 1 }));
          if (lies(leaf)) {
            const { rejected } = await target.putLeaves(leaf, [Buffer.alloc(made.manifest.blockSize, 7)]);
            refused.push(...rejected);
            if (leaf % 2 === 0) continue;
          }
          for await (const batch of made.dataset.read({ start: leaf, count: 1 })) {
            // The same block twice at the same time, as from two peers.
            const blocks = batch.blocks.map((block) => block.slice());
            await Promise.all([target.putLeaves(leaf, blocks), target.putLeaves(leaf, blocks)]);
            batch.release();
          }
        }
      }
    };
  return { asked, refused, fetchInto };
}

async function bytesOfRow(dataset: Dataset, row: number, steps: number): Promise<Buffer> {
  const bytes = Buffer.alloc(steps * dataset.ref.blockSize);
  expect(await dataset.readInto({ start: row * steps, count: steps }, bytes)).toEqual([]);
  return bytes;
}

/** The row is there, is the one of the whole dataset, and can be served. */
async function expectRow(made: Protected, dataset: Dataset, row: number): Promise<void> {
  const range = { start: row * made.steps, count: made.steps };
  expect([...dataset.missing(range)]).toEqual([]);
  const bytes = await bytesOfRow(dataset, row, made.steps);
  expect(bytes.equals(await bytesOfRow(made.dataset, row, made.steps))).toBe(true);
  for (const leaf of [range.start, range.start + range.count - 1]) {
    const proved: ProvedRange = await dataset.prove({ start: leaf, count: 1 });
    expect(Buffer.from(proved.digests)).toEqual(
      Buffer.from(nodeAt(await made.dataset.digests({ start: leaf, count: 1 }), 0)),
    );
  }
}

interface Case {
  readonly data: number;
  readonly parity: number;
  readonly blocks: number;
  readonly seed: number;
}

const cases: fc.Arbitrary<Case> = fc
  .record({ data: fc.integer({ min: 1, max: 12 }), share: fc.nat(100), more: fc.nat(80), seed: fc.nat(2 ** 31 - 1) })
  .map(({ data, share, more, seed }) => ({
    ...{ data, seed, blocks: data + more },
    parity: 1 + Math.floor((share / 101) * data),
  }));

/** The row and M − 1 others of a column, or of all columns, by a seed. */
function lossesOf(row: number, { data, parity, seed }: Case, column: number): Set<number> {
  const rows = Array.from({ length: data + parity }, (_, i) => i).filter((i) => i !== row);
  const draws = bytesOf(seed + 97 * column, rows.length * 4);
  for (let i = rows.length - 1; i > 0; i--) {
    const j = draws.readUInt32LE(i * 4) % (i + 1);
    [rows[i], rows[j]] = [rows[j]!, rows[i]!];
  }
  return new Set([row, ...rows.slice(0, (seed + column) % parity)]);
}

function empty(made: Protected): Promise<ErasureComponents & { dataset: Dataset }> {
  return withLosses(made, () => true);
}

describe('rebuilding a row', () => {
  it('gives the row of the whole dataset, data or parity, whatever else is lost, and stores no other', () =>
    fc.assert(
      fc.asyncProperty(cases, async (example) => {
        const { data, parity, seed } = example;
        const made = await makeProtected({ ...example, tail: seed % 64 });
        const { steps } = made;
        const row = seed % (data + parity);
        const wholeRows = seed % 3 > 0;
        const isLost = (leaf: number) => {
          const column = leaf % steps;
          // The row itself is not lost everywhere, sometimes.
          if (Math.floor(leaf / steps) === row && seed % 5 === 0 && column % 3 === 0) return false;
          return lossesOf(row, example, wholeRows ? 0 : column).has(Math.floor(leaf / steps));
        };
        const { asked, fetchInto } = network(made, { isLost });
        const local = await withLosses(made, (leaf) => isLost(leaf) || seed % 4 > 0 || leaf % 7 > 2);
        const before = local.repository.usage().quotaUsedBytes;
        let storedBytes = 0;
        const onStored = (bytes: number) => {
          storedBytes += bytes;
        };
        const { dataset } = await rebuildRow(local, { manifest: made.cid, row, fetchInto }, { onStored });
        await expectRow(made, dataset, row);
        // Only what would have proved the row is asked for again.
        expect(asked.length - new Set(asked).size).toBeLessThanOrEqual(2 * parity);
        const padding = (leaf: number) => leaf >= example.blocks && leaf < data * steps;
        expect(asked.filter((leaf) => padding(leaf)).length).toBeLessThanOrEqual(2);
        // Besides the row, a leaf on each side of it at most: they prove it.
        const own = steps * 64;
        const used = local.repository.usage().quotaUsedBytes - before;
        expect(used).toBeLessThanOrEqual(own + 2 * 64);
        expect(storedBytes).toBeLessThanOrEqual(own);
        expect(local.memory.usedBytes).toBe(0);
        if (row < data) await expectOriginalPart(made, dataset, row);
      }),
      { numRuns: RUNS },
    ));

  it('needs no peers when K rows are here', () =>
    fc.assert(
      fc.asyncProperty(cases, async (example) => {
        const made = await makeProtected(example);
        const { data, parity, seed } = example;
        const row = seed % (data + parity);
        const lossy = await withLosses(made, (leaf) =>
          lossesOf(row, example, leaf % made.steps).has(Math.floor(leaf / made.steps)),
        );
        const { dataset } = await rebuildRow(lossy, { manifest: made.manifest, row });
        await expectRow(made, dataset, row);
        // And a repair of the rest agrees.
        await repairDataset(lossy, { manifest: made.manifest });
        expect(dataset.heldCount).toBe(made.dataset.ref.leafCount);
      }),
      { numRuns: RUNS },
    ));

  it('asks for no more than K rows, data first, and for none of what is here', async () => {
    const made = await makeProtected({ blocks: 600, data: 6, parity: 3 });
    const { steps } = made;
    for (const row of [2, 7]) {
      const { asked, fetchInto } = network(made, { isLost: (leaf) => Math.floor(leaf / steps) === row });
      const local = await empty(made);
      await rebuildRow(local, { manifest: made.cid, row, fetchInto });
      const others = asked.filter((leaf) => Math.floor(leaf / steps) !== row);
      // One leaf on each side for the proof; it is one of the sources then, or not.
      expect(others.length).toBeGreaterThanOrEqual(6 * steps);
      expect(others.length).toBeLessThanOrEqual(6 * steps + 2);
      const parityAsked = others.filter((leaf) => leaf >= 6 * steps);
      expect(parityAsked.length).toBeLessThanOrEqual(row === 2 ? steps : 2);
      expect(local.dataset.heldCount).toBeLessThanOrEqual(steps + 2);
    }
  });

  it('only fetches when peers have the row', async () => {
    const made = await makeProtected({ blocks: 600, data: 6, parity: 3 });
    const { asked, fetchInto } = network(made, { isLost: () => false });
    const local = await empty(made);
    let stored = 0;
    const onStored = (_: number, blocks: number) => {
      stored += blocks;
    };
    const { dataset } = await rebuildRow(local, { manifest: made.cid, row: 8, fetchInto }, { onStored });
    await expectRow(made, dataset, 8);
    expect(asked.length).toBe(made.steps);
    expect(stored).toBe(made.steps);
    // Once more is no work.
    await rebuildRow(local, { manifest: made.cid, row: 8 });
  });

  it('proves a row between lost ones, however the tree is cut', async () => {
    for (const blocks of [517, 1030]) {
      const made = await makeProtected({ blocks, data: 4, parity: 4 });
      const { steps } = made;
      for (const row of [0, 2, 7]) {
        // Its neighbours on both sides, as far as M allows.
        const lost = new Set([row - 1, row, row + 1, row + 2].filter((r) => r >= 0 && r < 8));
        const { fetchInto } = network(made, { isLost: (leaf) => lost.has(Math.floor(leaf / steps)) });
        const local = await empty(made);
        const { dataset } = await rebuildRow(local, { manifest: made.cid, row, fetchInto });
        await expectRow(made, dataset, row);
        expect(local.repository.usage().quotaUsedBytes).toBeLessThanOrEqual((steps + 3) * 64 + 400);
      }
    }
  });

  it('goes on with a row between lost ones: what it needs of them is computed again', async () => {
    const made = await makeProtected({ blocks: 4000, data: 4, parity: 3 });
    const { steps } = made;
    const local = await empty(made);
    const isLost = (leaf: number) => leaf >= steps && leaf < 4 * steps;
    for (const afterLeaves of [steps + 1000, steps + 2800, Number.POSITIVE_INFINITY]) {
      const cancel = new AbortController();
      let left = afterLeaves;
      const onAsk = () => {
        if (--left === 0) cancel.abort(new Error('enough'));
      };
      const { fetchInto } = network(made, { isLost, onAsk });
      const rebuilt = rebuildRow(local, { manifest: made.cid, row: 2, fetchInto }, { signal: cancel.signal });
      if (afterLeaves === Number.POSITIVE_INFINITY) await rebuilt;
      else await expect(rebuilt).rejects.toThrow('enough');
    }
    await expectRow(made, local.dataset, 2);
  });

  it('gives up where too few rows can be had, keeps what it computed, and goes on with it', async () => {
    const made = await makeProtected({ blocks: 4000, data: 5, parity: 2 });
    const { steps } = made;
    const gone = (leaf: number) => leaf % steps === steps - 4 && leaf < 4 * steps;
    const local = await empty(made);
    const few = network(made, { isLost: (leaf) => leaf < steps || gone(leaf) });
    await expect(rebuildRow(local, { manifest: made.cid, row: 0, fetchInto: few.fetchInto })).rejects.toMatchObject({
      code: 'ERASURE_TOO_MANY_LOSSES',
      data: { column: steps - 4, present: 2, needed: 5 },
    });
    const kept = local.repository.usage().totalBlocks;
    expect(kept).toBeGreaterThan(steps / 2);
    const enough = network(made, { isLost: (leaf) => leaf < steps });
    const { dataset } = await rebuildRow(local, { manifest: made.cid, row: 0, fetchInto: enough.fetchInto });
    await expectRow(made, dataset, 0);
    expect(enough.asked.filter((leaf) => leaf >= steps).length).toBeLessThan(5 * (steps - kept) + 100);
  });

  it('is cancelled at any time, goes on, or is forgotten', async () => {
    const made = await makeProtected({ blocks: 4000, data: 4, parity: 2 });
    const { steps } = made;
    const isLost = (leaf: number) => leaf < steps;
    const local = await empty(made);
    const before = { ...local.repository.usage() };
    const cancelled = async (afterLeaves: number) => {
      const cancel = new AbortController();
      let left = afterLeaves;
      const onAsk = () => {
        if (--left === 0) cancel.abort(new Error('enough'));
      };
      const { fetchInto, asked } = network(made, { isLost, onAsk });
      await expect(
        rebuildRow(local, { manifest: made.cid, row: 0, fetchInto }, { signal: cancel.signal }),
      ).rejects.toThrow('enough');
      expect(local.memory.usedBytes).toBe(0);
      return asked.length;
    };
    await cancelled(10);
    await cancelled(steps + 1);
    await cancelled(steps + 2500);
    const half = local.repository.usage().totalBlocks;
    expect(half).toBeGreaterThan(before.totalBlocks + 200);
    await forgetRow(local, { manifest: made.cid, row: 0 });
    expect(local.repository.usage().totalBlocks).toBeLessThanOrEqual(before.totalBlocks + 2);
    await cancelled(steps + 2500);
    const seen: number[] = [];
    const { asked, fetchInto } = network(made, { isLost });
    const onProgress = ({ done, total }: { done: number; total: number }) => {
      expect(total).toBe(steps);
      seen.push(done);
    };
    await rebuildRow(local, { manifest: made.cid, row: 0, fetchInto }, { onProgress });
    await expectRow(made, local.dataset, 0);
    expect(asked.filter((leaf) => leaf >= steps).length).toBeLessThan(4 * steps - 1000);
    expect(seen).toEqual([...seen].sort((a, b) => a - b));
    expect(seen.at(-1)).toBe(steps);
  });

  it('refuses rows that there are not', async () => {
    const made = await makeProtected({ blocks: 20, data: 4, parity: 2 });
    for (const row of [-1, 6, 0.5, Number.NaN]) {
      await expect(rebuildRow(made.source, { manifest: made.cid, row })).rejects.toMatchObject({
        code: 'ERASURE_PARAMETERS_INVALID',
      });
    }
    await expect(rebuildRow(made.source, { manifest: made.plain, row: 0 })).rejects.toMatchObject({
      code: 'ERASURE_MANIFEST_UNSUITABLE',
    });
  });
});

describe('wrong sources', () => {
  it('of peers are refused and told of, and others are used', async () => {
    const made = await makeProtected({ blocks: 500, data: 5, parity: 4 });
    const { steps } = made;
    const told: number[] = [];
    // Two rows lie; half of their leaves come right from somebody else, the others never do.
    const lies = (leaf: number) => [1, 3].includes(Math.floor(leaf / steps));
    const { asked, refused, fetchInto } = network(made, { isLost: (leaf) => leaf < steps, lies });
    const local = await empty(made);
    const onWrong = (leaf: number) => told.push(leaf);
    const { dataset } = await rebuildRow(local, { manifest: made.cid, row: 0, fetchInto }, { onWrong });
    await expectRow(made, dataset, 0);
    const lied = asked.filter(lies);
    expect(refused.sort((a, b) => a - b)).toEqual(lied.sort((a, b) => a - b));
    // The leaf beside the row is fetched into the store, which refuses by itself.
    expect(lied.length - told.length).toBeLessThanOrEqual(1);
    expect(told.length).toBeGreaterThan(steps);
  });

  it('of the maker are found out: by the digest of the column, or by the tree', async () => {
    const made = await makeWrong(4);
    const { steps } = made;
    // The digests of the row are not known: only the tree can tell.
    const { fetchInto } = network(made, { isLost: (leaf) => leaf < steps });
    const local = await empty(made);
    const before = local.repository.usage().totalBlocks;
    await expect(rebuildRow(local, { manifest: made.cid, row: 0, fetchInto })).rejects.toMatchObject({
      code: 'ERASURE_TREE_MISMATCH',
    });
    expect(local.repository.usage().totalBlocks).toBeLessThanOrEqual(before + 1);
    expect([...local.dataset.missing({ start: 0, count: steps })]).toEqual([{ start: 0, count: steps }]);
    // They are known: another parity row takes the place of the wrong one.
    await local.dataset.learn(await made.dataset.prove({ start: 0, count: steps }));
    const { dataset } = await rebuildRow(local, { manifest: made.cid, row: 0, fetchInto });
    await expectRow(made, dataset, 0);
    // The wrong row itself is no code word's.
    const again = await empty(made);
    await again.dataset.learn(await made.dataset.prove({ start: 4 * steps, count: steps }));
    const wrong = network(made, { isLost: (leaf) => Math.floor(leaf / steps) === 4 });
    await expect(rebuildRow(again, { manifest: made.cid, row: 4, fetchInto: wrong.fetchInto })).rejects.toMatchObject({
      code: 'ERASURE_TREE_MISMATCH',
      data: { column: expect.any(Number) },
    });
  });
});

it('rebuilds in the memory of the node, and leaves some to others', async () => {
  // Six groups of 256 columns.
  const made = await makeProtected({ blocks: 6000, data: 4, parity: 2 });
  let most = 0;
  const local = await empty(made);
  const onAsk = () => {
    most = Math.max(most, local.memory.usedBytes);
  };
  const { fetchInto } = network(made, { isLost: (leaf) => leaf >= 5 * made.steps, onAsk });
  await rebuildRow(local, { manifest: made.cid, row: 5, fetchInto });
  expect(most).toBe(2 * 16 * 2 ** 20);
  await expectRow(made, local.dataset, 5);
});

async function expectOriginalPart(made: Protected, dataset: Dataset, row: number): Promise<void> {
  const { blockSize }: DatasetRef = dataset.ref;
  const bytes = await bytesOfRow(dataset, row, made.steps);
  const own = made.content.subarray(row * made.steps * blockSize, (row + 1) * made.steps * blockSize);
  expect(Buffer.from(sha256(bytes.subarray(0, own.length)))).toEqual(Buffer.from(sha256(own)));
  expect(bytes.subarray(own.length).every((byte) => byte === 0)).toBe(true);
}
