import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  buildTree,
  inclusionProof,
  type MerkleTree,
  nodeAt,
  ProvedRange,
  provedFromNodes,
  proveLeaf,
  rangeFromInclusionProof,
  siblingPositions,
  treeCid,
  verifyRange,
} from '../src/index.ts';
import { hex, someLeaves } from './vectors.ts';

const refused = expect.objectContaining({ code: 'PROOF_INVALID' });

const lookupIn = (tree: MerkleTree) => (layer: number, index: number) => nodeAt(tree.layers[layer]!, index);

function prove(tree: MerkleTree, start: number, count: number): { digests: Uint8Array; siblings: Uint8Array[] } {
  const siblings = siblingPositions(tree.leafCount, { start, count }).map(({ layer, index }) =>
    lookupIn(tree)(layer, index),
  );
  return { digests: tree.layers[0]!.slice(start * 32, (start + count) * 32), siblings };
}

/** A tree size and a range in it. */
const ranges = fc
  .integer({ min: 1, max: 100 })
  .chain((leafCount) =>
    fc
      .nat(leafCount - 1)
      .chain((start) => fc.integer({ min: 1, max: leafCount - start }).map((count) => ({ leafCount, start, count }))),
  );

describe('range proof', () => {
  it('proves every range of every small tree with nodes that are all right', () => {
    for (let leafCount = 1; leafCount <= 17; leafCount++) {
      const tree = buildTree(someLeaves(leafCount));
      for (let start = 0; start < leafCount; start++) {
        for (let count = 1; start + count <= leafCount; count++) {
          const { digests, siblings } = prove(tree, start, count);
          const proved = verifyRange(tree, start, digests, siblings);
          expect(proved).toMatchObject({ leafCount, start, count });
          expect(hex(proved.digests)).toBe(hex(digests));
          expect(proved.siblings.map(hex)).toEqual(siblings.map(hex));
          expect(proved.runs.length).toBe(tree.layers.length);
          for (const { layer, first, nodes } of proved.runs) {
            expect(hex(nodes)).toBe(hex(tree.layers[layer]!.subarray(first * 32, first * 32 + nodes.length)));
          }
        }
      }
    }
  });

  it('takes a dataset reference for a tree', () => {
    const tree = buildTree(someLeaves(9));
    const { digests, siblings } = prove(tree, 2, 5);
    const ref = { treeCid: treeCid(tree.root), leafCount: 9, blockSize: 65536 };
    expect(verifyRange(ref, 2, digests, siblings).count).toBe(5);
  });

  it('refuses every change of a leaf, a sibling, the place or the size', () => {
    fc.assert(
      fc.property(ranges, fc.nat(), fc.nat(), ({ leafCount, start, count }, pick, bit) => {
        const tree = buildTree(someLeaves(leafCount));
        const { digests, siblings } = prove(tree, start, count);
        const all = [digests, ...siblings];
        const target = all[pick % all.length]!.slice();
        target[bit % target.length]! ^= 1 << (bit % 8);
        const changed = all.map((bytes, i) => (i === pick % all.length ? target : bytes));
        expect(() => verifyRange(tree, start, changed[0]!, changed.slice(1))).toThrow(refused);
        expect(() => verifyRange(tree, start, digests, [...siblings, new Uint8Array(32)])).toThrow(refused);
        if (siblings.length > 0) expect(() => verifyRange(tree, start, digests, siblings.slice(1))).toThrow(refused);
        if (start > 0) expect(() => verifyRange(tree, start - 1, digests, siblings)).toThrow(refused);
        // The size shows at the right edge only: elsewhere a tree with one more leaf has the same path.
        if (start + count === leafCount) {
          expect(() => verifyRange({ ...tree, leafCount: leafCount + 1 }, start, digests, siblings)).toThrow(refused);
        }
      }),
    );
  });

  it('is made from the nodes of a store, or not when one is missing', () => {
    fc.assert(
      fc.property(ranges, fc.nat(), ({ leafCount, start, count }, pick) => {
        const tree = buildTree(someLeaves(leafCount));
        const proved = provedFromNodes(tree, { start, count }, lookupIn(tree))!;
        expect(ProvedRange.is(proved)).toBe(true);
        expect(proved.siblings.map(hex)).toEqual(prove(tree, start, count).siblings.map(hex));
        const asked = count + proved.siblings.length;
        let calls = 0;
        const gap = (layer: number, index: number) =>
          calls++ === pick % asked ? undefined : lookupIn(tree)(layer, index);
        expect(provedFromNodes(tree, { start, count }, gap)).toBeUndefined();
      }),
    );
    const tree = buildTree(someLeaves(4));
    expect(() => provedFromNodes(tree, { start: 0, count: 1 }, () => new Uint8Array(32))).toThrow(refused);
  });

  it('and inclusion proofs turn into one another', () => {
    for (let leafCount = 1; leafCount <= 20; leafCount++) {
      const tree = buildTree(someLeaves(leafCount));
      for (let index = 0; index < leafCount; index++) {
        const proof = proveLeaf(tree, index);
        const leaf = nodeAt(tree.layers[0]!, index);
        const proved = rangeFromInclusionProof(tree, proof, leaf);
        expect(inclusionProof(proved)).toEqual({ ...proof, path: proof.path.map((node) => new Uint8Array(node)) });
        expect(() => rangeFromInclusionProof({ ...tree, leafCount: leafCount + 1 }, proof, leaf)).toThrow(refused);
      }
    }
    const tree = buildTree(someLeaves(5));
    const proof = proveLeaf(tree, 4);
    const lying = { ...proof, path: [new Uint8Array(32).fill(1), ...proof.path.slice(1)] };
    expect(() => rangeFromInclusionProof(tree, lying, nodeAt(tree.layers[0]!, 4))).toThrow(refused);
    const two = prove(tree, 0, 2);
    expect(() => inclusionProof(verifyRange(tree, 0, two.digests, two.siblings))).toThrow(refused);
  });

  it.each([
    [-1, 1],
    [0, 0],
    [3, 2],
    [4, 1],
    [0.5, 1],
    [0, Number.NaN],
  ])('refuses the range %d + %d of 4 leaves', (start, count) => {
    expect(() => siblingPositions(4, { start, count })).toThrow(refused);
  });

  it('copies what it was given', () => {
    const tree = buildTree(someLeaves(6));
    const { digests, siblings } = prove(tree, 1, 2);
    const copies = siblings.map((sibling) => sibling.slice());
    const proved = verifyRange(tree, 1, digests, copies);
    const before = [proved.digests, ...proved.siblings].map(hex);
    for (const bytes of [digests, ...copies]) bytes.fill(0);
    expect([proved.digests, ...proved.siblings].map(hex)).toEqual(before);
  });
});
