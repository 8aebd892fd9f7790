import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { buildTree, formatCid, layerLengths, type NodeRun, TreeBuilder, treeCid, treeDepth } from '../src/index.ts';
import { data, hex, loadVectors, someLeaves, type TreeVectors } from './vectors.ts';

const { trees } = loadVectors<TreeVectors>('codextree_sha256');

function vectorLeaves(count: number): Uint8Array {
  const leaves = new Uint8Array(count * 32);
  for (let i = 0; i < count; i++)
    leaves.set(
      createHash('sha256')
        .update(data(`leaf-${i}`, 32))
        .digest(),
      i * 32,
    );
  return leaves;
}

function build(leaves: Uint8Array, cuts: readonly number[]): { root: string; layers: Uint8Array[] } {
  const lengths = layerLengths(leaves.length / 32);
  const layers = lengths.map((length) => new Uint8Array(length * 32));
  const seen = lengths.map(() => 0);
  const builder = new TreeBuilder((run: NodeRun) => {
    expect(run.first).toBe(seen[run.layer]);
    seen[run.layer]! += run.nodes.length / 32;
    layers[run.layer]!.set(run.nodes, run.first * 32);
  });
  let at = 0;
  for (const cut of [...cuts, leaves.length / 32]) {
    const piece = leaves.slice(at * 32, Math.max(at, cut) * 32);
    builder.append(piece);
    piece.fill(0xff);
    at = Math.max(at, cut);
  }
  const { root, leafCount } = builder.finish();
  expect(leafCount).toBe(leaves.length / 32);
  expect(seen).toEqual(lengths);
  return { root: hex(root), layers };
}

describe('tree', () => {
  it('matches all layers of the vectors, at once and streamed', () => {
    for (const vector of trees) {
      const leaves = vectorLeaves(vector.nleaves);
      const tree = buildTree(leaves);
      expect(hex(tree.root)).toBe(vector.root);
      expect(formatCid(treeCid(tree.root))).toBe(vector.rootCid.str);
      expect(tree.layers.length).toBe(vector.levels);
      vector.layers?.forEach((layer, i) => {
        expect(hex(tree.layers[i]!)).toBe(layer.join(''));
      });
      expect(build(leaves, []).root).toBe(vector.root);
    }
  });

  it.each([
    [1, 'ab77a68f53293329179389d6f0feabc6e514057d49e8403c2aa913c30706b094'],
    [2, '0b642bff731e11e1438845a5c37ef8aa1278384e722862e03f19efb4dd51d737'],
    [3, 'd3baa021b74562dfc6c1fc0c077581aa408c813824a600590a09e2f6b14a0c98'],
    [7, '802487e6dfcdb9b457fd927bef32c6aacd4f39b52ea5d29e8e5f70f302f5fcaf'],
    [8, 'b3b9271afbe786de1db89c88448d3a97b785baff85f0584a25d3f2a4f9932d61'],
    [10, '15f8cf4ddf6aa3cf33ea1eef8b66522c4db60ff28d3557f9be62d73a215a3c47'],
  ])('has the root of the specification for %i leaves', (count, root) => {
    const text = Array.from({ length: count }, (_, i) => String(i + 1).padStart(32, '0')).join('');
    expect(hex(buildTree(new TextEncoder().encode(text)).root)).toBe(root);
  });

  it('streams in any pieces to the nodes of the plain twin', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 130 }), fc.array(fc.nat(130), { maxLength: 8 }), (count, cuts) => {
        const leaves = someLeaves(count);
        const sorted = cuts.map((cut) => Math.min(cut, count)).sort((a, b) => a - b);
        const streamed = build(leaves, sorted);
        const twin = buildTree(leaves);
        expect(streamed.root).toBe(hex(twin.root));
        expect(streamed.layers.map(hex)).toEqual(twin.layers.map(hex));
      }),
    );
  });

  it('knows its shape', () => {
    expect(layerLengths(1)).toEqual([1, 1]);
    expect(layerLengths(10)).toEqual([10, 5, 3, 2, 1]);
    for (let n = 1; n < 300; n++) expect(treeDepth(n)).toBe(layerLengths(n).length - 1);
    expect(treeDepth(2 ** 30)).toBe(30);
  });

  it('refuses trees without leaves, broken leaves and use after the end', () => {
    const bad = expect.objectContaining({ code: 'TREE_INVALID' });
    expect(() => buildTree(new Uint8Array())).toThrow(bad);
    expect(() => new TreeBuilder().finish()).toThrow(bad);
    expect(() => new TreeBuilder().append(new Uint8Array(33))).toThrow(bad);
    expect(() => layerLengths(2 ** 30 + 1)).toThrow(bad);
    const done = new TreeBuilder();
    done.append(someLeaves(3));
    done.finish();
    expect(() => done.append(someLeaves(1))).toThrow(bad);
    expect(() => done.finish()).toThrow(bad);
  });
});
