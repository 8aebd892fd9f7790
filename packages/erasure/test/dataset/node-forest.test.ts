import { buildTree, nodeAt, sha256 } from '@codex/content';
import { seededRandom } from '@codex/runtime';
import { expect, it } from 'vitest';
import { NodeForest } from '../../src/dataset/node-forest.ts';

function leavesOf(count: number): Buffer {
  return Buffer.concat(Array.from({ length: count }, (_, i) => sha256(Buffer.from(`leaf ${i}`))));
}

it('comes to the root of any tree, in whatever order its leaves come', () => {
  const random = seededRandom(3);
  for (const count of [1, 2, 3, 5, 8, 13, 100, 255, 1025]) {
    const leaves = leavesOf(count);
    const tree = buildTree(leaves);
    for (const keepsChildren of [false, true]) {
      const forest = new NodeForest(count, { keepsChildren });
      const order = Array.from({ length: count }, (_, i) => i);
      for (let i = count - 1; i > 0; i--) {
        const j = random.int(i + 1);
        [order[i], order[j]] = [order[j]!, order[i]!];
      }
      for (const leaf of order) {
        expect(forest.covers(leaf)).toBe(false);
        forest.put(0, leaf, nodeAt(leaves, leaf));
        expect(forest.covers(leaf)).toBe(true);
      }
      const root = forest.get(tree.layers.length - 1, 0);
      expect(Buffer.from(root!)).toEqual(Buffer.from(tree.root));
      expect(forest.size).toBe(keepsChildren ? tree.layers.reduce((sum, layer) => sum + layer.length / 32, 0) : 1);
    }
  }
});

it('keeps a few nodes of a row that comes in order, by groups', () => {
  const leaves = leavesOf(4000);
  const forest = new NodeForest(100_000);
  let most = 0;
  // Two groups of eight at a time, the later one first.
  for (let start = 0; start < 4000; start += 16) {
    for (let i = 15; i >= 0; i--) forest.put(0, 1111 + start + i, nodeAt(leaves, start + i));
    most = Math.max(most, forest.size);
  }
  expect(most).toBeLessThan(40);
});

it('finds neighbours elsewhere, too', () => {
  const leaves = leavesOf(4);
  const tree = buildTree(leaves);
  const forest = new NodeForest(4);
  const other = (layer: number, index: number) => (layer === 1 && index === 1 ? nodeAt(tree.layers[1]!, 1) : undefined);
  forest.put(0, 0, nodeAt(leaves, 0), other);
  forest.put(0, 1, nodeAt(leaves, 1), other);
  expect(Buffer.from(forest.get(2, 0)!)).toEqual(Buffer.from(tree.root));
});
