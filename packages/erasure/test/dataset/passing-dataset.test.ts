import { InlineCompute } from '@codex/compute';
import { expect, it } from 'vitest';
import { PassingDataset } from '../../src/dataset/passing-dataset.ts';
import { SourceWindow } from '../../src/dataset/source-window.ts';
import { protectedGeometry } from '../../src/index.ts';
import { makeProtected, withLosses } from './setup.ts';

/** Row 1 is rebuilt; the columns 2 … 5 are in work. */
async function setUp() {
  const made = await makeProtected({ blocks: 40, data: 4, parity: 2 });
  const { dataset: stored } = await withLosses(made, () => true);
  const geometry = protectedGeometry(made.manifest);
  const columns = { start: 2, count: 4 };
  const wrong: number[] = [];
  const bytes = new Uint8Array(new SharedArrayBuffer(6 * 4 * 64));
  const onWrong = (leaf: number) => wrong.push(leaf);
  const window = new SourceWindow({ compute: new InlineCompute() }, { geometry, row: 1, columns, bytes, onWrong });
  const passing = new PassingDataset(stored);
  const held: number[] = [];
  passing.onHeld(({ start, count }) => {
    for (let leaf = start; leaf < start + count; leaf++) held.push(leaf);
  });
  const blockOf = (leaf: number) => made.content.subarray(leaf * 64, (leaf + 1) * 64);
  const learn = async (start: number, count: number) => passing.learn(await made.dataset.prove({ start, count }));
  const put = (start: number, count: number) =>
    passing.putLeaves(
      start,
      Array.from({ length: count }, (_, i) => blockOf(start + i)),
    );
  return { made, stored, window, passing, stop: passing.pass(window), held, wrong, blockOf, learn, put };
}

it('keeps leaves of the columns in work in memory, and stores the others', async () => {
  const { stored, passing, window, held, learn, put, blockOf, stop } = await setUp();
  // The end of row 0 and the beginning of row 1: in work are 2 … 5 only, and of row 1 nothing is.
  await learn(0, 16);
  expect(await put(0, 16)).toEqual({ stored: 16, rejected: [] });
  expect([...stored.held()]).toEqual([
    { start: 0, count: 2 },
    { start: 6, count: 10 },
  ]);
  expect(held.sort((a, b) => a - b)).toEqual(Array.from({ length: 16 }, (_, i) => i));
  expect([...passing.missing({ start: 0, count: 20 })]).toEqual([{ start: 16, count: 4 }]);
  expect(passing.heldCount).toBe(16);
  expect(passing.has(3)).toBe(true);
  expect(Buffer.compare(window.slotOf(0, { start: 3, count: 1 }), blockOf(3))).toBe(0);
  // Nobody is served from memory, and what is known for a while only is not known.
  expect([...passing.held({ start: 0, count: 10 })]).toEqual([
    { start: 0, count: 2 },
    { start: 6, count: 4 },
  ]);
  expect(await passing.readInto({ start: 3, count: 1 }, new Uint8Array(64))).toEqual([3]);
  stop();
  expect([...passing.missing({ start: 0, count: 10 })]).toEqual([{ start: 2, count: 4 }]);
  // Known from the proof of the whole range.
  expect(await put(2, 4)).toEqual({ stored: 4, rejected: [] });
});

it('forgets proofs of sources with the window, and drops what comes too late', async () => {
  const { stored, passing, learn, put, stop } = await setUp();
  await learn(22, 4);
  await put(22, 4);
  expect(passing.has(22)).toBe(true);
  expect(await passing.knows({ start: 22, count: 4 })).toBe(false);
  expect(stored.node(0, 22)).toBeUndefined();
  stop();
  expect(await put(22, 4)).toEqual({ stored: 0, rejected: [] });
  expect(stored.heldCount).toBe(0);
});

it('takes one of many copies, refuses wrong ones, and takes none while it is sealed', async () => {
  const { passing, window, wrong, learn, put, blockOf } = await setUp();
  await learn(22, 4);
  const lie = Buffer.alloc(64, 1);
  const results = await Promise.all([
    passing.putLeaves(22, [lie, blockOf(23), Buffer.alloc(65), lie]),
    put(22, 3),
    passing.putLeaves(22, [lie, lie]),
    put(22, 3),
  ]);
  expect(results.reduce((sum, { stored }) => sum + stored, 0)).toBe(3);
  expect(results[0]!.rejected).toEqual([22, 24, 25]);
  expect(wrong).toEqual([22, 24, 25]);
  for (const leaf of [22, 23, 24]) {
    expect(Buffer.compare(window.slotOf(2, { start: leaf - 20, count: 1 }), blockOf(leaf))).toBe(0);
  }
  const late = put(25, 1);
  await window.seal();
  expect(window.has(25)).toBe(true);
  await learn(32, 1);
  expect(await put(32, 1)).toEqual({ stored: 0, rejected: [] });
  expect((await late).stored).toBe(1);
  window.unseal();
  expect((await put(32, 1)).stored).toBe(1);
});
