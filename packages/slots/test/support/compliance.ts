import { encodeElement } from '@codex/poseidon2';
import { seededRandom } from '@codex/runtime';
import { describe, expect, it } from 'vitest';
import type { SlotTreeDraft, SlotTreeStore } from '../../src/index.ts';

const SHAPE = { blockSize: 1024, cellSize: 256 };
const CELLS = 4;
const ELEMENT = 32;

const originOf = (number: number) => number.toString(16).padStart(32, '0');
const rootOf = (number: number) => encodeElement(BigInt(number) + 1n);

export interface TreeOf {
  readonly blocks: number;
  readonly paddedBlocks: number;
}

/** Fills every section with bytes that tell their place. */
export async function fill(draft: SlotTreeDraft, { blocks }: TreeOf, seed: number): Promise<Uint8Array> {
  const body = seededRandom(seed).bytes(draft.plan.fileBytes - draft.plan.cellsAt(0));
  const half = Math.floor(body.length / 2);
  const start = draft.plan.cellsAt(0);
  // The later half first, as threads end in any order.
  await draft.write(body.subarray(half), start + half);
  await draft.write(body.subarray(0, half), start);
  const again = new Uint8Array(body.length);
  expect(await draft.read(again, start)).toBe(body.length);
  expect(again).toEqual(body);
  expect(draft.plan.nodesIn(0)).toBe(blocks);
  return body;
}

export async function keep(store: SlotTreeStore, number: number, tree: TreeOf, origin = number): Promise<Uint8Array> {
  const draft = await store.create({ shape: SHAPE, ...tree }, originOf(origin));
  const body = await fill(draft, tree, number);
  await draft.commit(rootOf(number));
  await draft.discard();
  return body;
}

/** What every store of slot trees must do. `withStore` gives an empty one. */
export function slotTreeCompliance(withStore: (work: (store: SlotTreeStore) => Promise<void>) => Promise<void>): void {
  const sorted = async (store: SlotTreeStore) => (await store.list()).map((root) => Buffer.from(root).toString('hex'));
  const hexOf = (number: number) => Buffer.from(rootOf(number)).toString('hex');

  describe('a store of slot trees', () => {
    it('is empty at first', () =>
      withStore(async (store) => {
        expect(await store.list()).toEqual([]);
        expect(await store.open(rootOf(1))).toBeUndefined();
        expect(await store.find(originOf(1))).toBeUndefined();
        expect(await store.has(rootOf(1))).toBe(false);
        expect(await store.delete(rootOf(1))).toBe(false);
      }));

    it.each([
      { blocks: 1, paddedBlocks: 1 },
      { blocks: 0, paddedBlocks: 1 },
      { blocks: 0, paddedBlocks: 8 },
      { blocks: 5, paddedBlocks: 8 },
      { blocks: 8, paddedBlocks: 8 },
      { blocks: 1, paddedBlocks: 64 },
    ])('gives back what was put: $blocks of $paddedBlocks blocks', (tree) =>
      withStore(async (store) => {
        const body = await keep(store, 7, tree);
        const found = (await store.open(rootOf(7)))!;
        expect(found.header).toEqual({ shape: SHAPE, ...tree, root: rootOf(7) });
        expect(await store.find(originOf(7))).toEqual(rootOf(7));
        expect(await store.has(rootOf(7))).toBe(true);
        const depth = Math.log2(tree.paddedBlocks);
        for (let block = 0; block < tree.paddedBlocks; block++) {
          const cells = await found.cellDigests(block);
          const at = block * CELLS * ELEMENT;
          expect(cells).toEqual(block < tree.blocks ? body.slice(at, at + CELLS * ELEMENT) : undefined);
          const siblings = await found.siblings(block);
          expect(siblings.length).toBe(depth);
          let start = tree.blocks * CELLS * ELEMENT;
          for (const [height, sibling] of siblings.entries()) {
            const nodes = Math.ceil(tree.blocks / 2 ** height);
            const place = Math.floor(block / 2 ** height) ^ 1;
            const expected = body.slice(start + place * ELEMENT, start + (place + 1) * ELEMENT);
            expect(sibling).toEqual(place < nodes ? expected : undefined);
            start += nodes * ELEMENT;
          }
        }
        await found.close();
      }),
    );

    it('has only what was committed', () =>
      withStore(async (store) => {
        const tree = { blocks: 3, paddedBlocks: 4 };
        const draft = await store.create({ shape: SHAPE, ...tree }, originOf(1));
        await fill(draft, tree, 1);
        expect(await store.list()).toEqual([]);
        expect(await store.find(originOf(1))).toBeUndefined();
        await draft.discard();
        await draft.discard();
        expect(await store.list()).toEqual([]);
      }));

    it('builds the same tree twice at a time', () =>
      withStore(async (store) => {
        const tree = { blocks: 3, paddedBlocks: 4 };
        await Promise.all([keep(store, 1, tree), keep(store, 1, tree)]);
        expect(await sorted(store)).toEqual([hexOf(1)]);
      }));

    it('lists and deletes', () =>
      withStore(async (store) => {
        for (const number of [1, 2, 3]) await keep(store, number, { blocks: 2, paddedBlocks: 2 });
        expect((await sorted(store)).sort()).toEqual([1, 2, 3].map(hexOf).sort());
        expect(await store.delete(rootOf(2))).toBe(true);
        expect(await store.delete(rootOf(2))).toBe(false);
        expect(await store.open(rootOf(2))).toBeUndefined();
        expect(await store.find(originOf(2))).toBeUndefined();
        expect((await sorted(store)).sort()).toEqual([1, 3].map(hexOf).sort());
        await keep(store, 2, { blocks: 2, paddedBlocks: 2 });
        await (await store.open(rootOf(2)))!.close();
      }));

    it('keeps slots of one root apart until they are purged', () =>
      withStore(async (store) => {
        await keep(store, 1, { blocks: 2, paddedBlocks: 2 }, 10);
        await keep(store, 1, { blocks: 2, paddedBlocks: 2 }, 11);
        expect(await sorted(store)).toEqual([hexOf(1)]);
        expect(await store.find(originOf(10))).toEqual(rootOf(1));
        expect(await store.find(originOf(11))).toEqual(rootOf(1));
        expect(await store.delete(rootOf(1))).toBe(true);
        expect(await store.find(originOf(10))).toBeUndefined();
        expect(await store.find(originOf(11))).toBeUndefined();
      }));

    it('replaces the tree of an origin', () =>
      withStore(async (store) => {
        await keep(store, 1, { blocks: 2, paddedBlocks: 2 }, 10);
        await keep(store, 2, { blocks: 2, paddedBlocks: 2 }, 10);
        expect(await sorted(store)).toEqual([hexOf(2)]);
        expect(await store.open(rootOf(1))).toBeUndefined();
      }));

    it('reads a tree that is purged meanwhile', () =>
      withStore(async (store) => {
        const body = await keep(store, 1, { blocks: 2, paddedBlocks: 2 });
        const tree = (await store.open(rootOf(1)))!;
        await store.delete(rootOf(1));
        expect(await tree.cellDigests(0)).toEqual(body.slice(0, CELLS * ELEMENT));
        await tree.close();
      }));
  });
}
