import { createCompute, InlineCompute } from '@codex/compute';
import { afterAll, describe, expect, it } from 'vitest';
import {
  blockDigest,
  blockDigests,
  cellDigests,
  createHasher,
  decodeElement,
  depthOf,
  digestBlocks,
  encodeElement,
  encodeElements,
  growTree,
  MerkleTree,
  merkleRoot,
  merkleRoots,
  permutationsPerBlock,
  rootOfProof,
  verifyProof,
  zeroBlockDigest,
  zeroCellDigest,
} from '../src/index.ts';
import { hex, seeded, upTo } from './vectors.ts';

const hasher = createHasher();
const SHAPE = { blockSize: 65_536, cellSize: 2048 };
const invalid = expect.objectContaining({ code: 'POSEIDON2_INPUT_INVALID' });
const noElement = expect.objectContaining({ code: 'POSEIDON2_ELEMENT_INVALID' });
const empty = expect.objectContaining({ code: 'POSEIDON2_TREE_EMPTY' });

describe('blocks', () => {
  const filled = Uint8Array.from({ length: SHAPE.blockSize }, (_, i) => i >> 11);

  it('have the digests of 10 §6', () => {
    const digests = blockDigests(hasher, new Uint8Array([...filled, ...new Uint8Array(SHAPE.blockSize)]), SHAPE);
    expect(decodeElement(digests.subarray(0, 32))).toBe(
      21867254428814659461517580105257555988276054753594294870634239391067032587460n,
    );
    expect(decodeElement(digests.subarray(32))).toBe(
      3952633175115817719652826365077208226235197743380403001936311199014828401604n,
    );
    expect(decodeElement(cellDigests(hasher, filled).subarray(31 * 32))).toBe(
      3598582369973378358541520921715634360300377574021124598027933234134263064845n,
    );
  });

  it('of zeros are remembered, and handed out as copies', () => {
    const digest = zeroBlockDigest(hasher, SHAPE);
    expect(hex(digest)).toBe(hex(blockDigest(hasher, new Uint8Array(SHAPE.blockSize))));
    digest.fill(7);
    expect(hex(zeroBlockDigest(hasher, SHAPE))).not.toBe(hex(digest));
    expect(decodeElement(zeroCellDigest(hasher))).toBe(
      9010113475052329305091696844352158666421830161907049466576133683123358129426n,
    );
    const slotRoot = merkleRoots(hasher, zeroBlockDigest(hasher, SHAPE), 1);
    expect(decodeElement(slotRoot)).toBe(4384952928893449621043813462127473665827607506450269414578024890565381960560n);
    for (let cellSize = 1; cellSize <= 20; cellSize++) {
      expect(hex(zeroCellDigest(hasher, cellSize))).toBe(hex(cellDigests(hasher, new Uint8Array(cellSize), cellSize)));
    }
  });

  it('are done together as one by one, also with an odd number of cells', () => {
    for (const [blockSize, cellSize] of [
      [1500, 100],
      [320, 320],
      [96, 32],
    ] as const) {
      const blocks = seeded('together', 5 * blockSize);
      const each = Array.from({ length: 5 }, (_, i) =>
        hex(blockDigest(hasher, blocks.subarray(i * blockSize, (i + 1) * blockSize), cellSize)),
      );
      expect(hex(blockDigests(hasher, blocks, { blockSize, cellSize }))).toBe(each.join(''));
    }
    expect(blockDigests(hasher, new Uint8Array(0), SHAPE)).toHaveLength(0);
  });

  it('cost what is said', () => {
    expect(permutationsPerBlock(SHAPE)).toBe(32 * 34 + 32);
  });

  it('are made of whole cells', () => {
    expect(() => blockDigests(hasher, new Uint8Array(100), { blockSize: 100, cellSize: 30 })).toThrow(invalid);
    expect(() => blockDigests(hasher, new Uint8Array(101), { blockSize: 100, cellSize: 50 })).toThrow(invalid);
    expect(() => cellDigests(hasher, new Uint8Array(8), 0)).toThrow(invalid);
    expect(() => blockDigest(hasher, new Uint8Array(0))).toThrow(empty);
  });
});

describe('trees', () => {
  it('equal the twin for all small sizes', () => {
    for (let n = 1; n <= 20; n++) {
      const leaves = Array.from({ length: n }, (_, i) => BigInt(i) ** 58n);
      const tree = MerkleTree.over(hasher, encodeElements(leaves));
      expect(decodeElement(tree.root)).toBe(merkleRoot(leaves));
      expect(tree.layers).toHaveLength(depthOf(n) + 1);
    }
  });

  it('of 2^17 leaves have the root of 10 §5', () => {
    expect(hex(merkleRoots(hasher, upTo(2 ** 17), 2 ** 17))).toBe(
      '593e01f200cb1aee4e75fe2a9206abc3abd2a1216ab75f1061965e97371e8623',
    );
  });

  it('need a leaf, and elements', () => {
    expect(() => MerkleTree.over(hasher, new Uint8Array(0))).toThrow(empty);
    expect(() => merkleRoots(hasher, new Uint8Array(0), 0)).toThrow(empty);
    expect(() => MerkleTree.over(hasher, new Uint8Array(64).fill(255))).toThrow(noElement);
    expect(() => merkleRoots(hasher, new Uint8Array(96), 2)).toThrow(invalid);
  });

  it('prove every leaf, and nothing else', () => {
    for (const n of [1, 2, 5, 8, 13]) {
      const tree = MerkleTree.over(hasher, upTo(n));
      for (let index = 0; index < n; index++) {
        const leaf = encodeElement(BigInt(index + 1));
        const proof = tree.proof(index);
        expect(verifyProof(hasher, leaf, proof, tree.root)).toBe(true);
        expect(verifyProof(hasher, leaf, { ...proof, index: index + 1 }, tree.root)).toBe(false);
        expect(verifyProof(hasher, leaf, { ...proof, path: proof.path.slice(1) }, tree.root)).toBe(false);
        expect(verifyProof(hasher, leaf, { ...proof, leafCount: 2 * n + 2 }, tree.root)).toBe(false);
        for (const [height, sibling] of proof.path.entries()) {
          const forged = proof.path.with(
            height,
            sibling.map((byte, i) => (i === 0 ? byte ^ 1 : byte)),
          );
          expect(verifyProof(hasher, leaf, { ...proof, path: forged }, tree.root)).toBe(false);
        }
      }
      for (const index of [-1, n, 0.5, Number.NaN]) expect(() => tree.proof(index)).toThrow(invalid);
    }
    const proof = MerkleTree.over(hasher, upTo(2)).proof(0);
    expect(() => rootOfProof(hasher, new Uint8Array(31), proof)).toThrow(noElement);
    expect(() => rootOfProof(hasher, encodeElement(1n), { ...proof, path: [new Uint8Array(64)] })).toThrow(noElement);
  });
});

describe('in parallel', () => {
  const compute = createCompute({ threads: 2 });
  const inline = new InlineCompute();
  afterAll(async () => {
    inline.stop();
    await compute.stop();
  });

  it('blocks and trees are the same, from shared memory and from other', async () => {
    const own = seeded('parallel', 7 * SHAPE.blockSize);
    const shared = new Uint8Array(new SharedArrayBuffer(own.length));
    shared.set(own);
    const expected = hex(blockDigests(hasher, own, SHAPE));
    for (const blocks of [own, shared]) {
      expect(hex(await digestBlocks(compute, blocks, SHAPE))).toBe(expected);
      expect(hex(await digestBlocks(inline, blocks, SHAPE))).toBe(expected);
    }
    for (const n of [1, 3, 9001]) {
      const tree = await growTree(compute, upTo(n));
      expect(tree.layers).toEqual(MerkleTree.over(hasher, upTo(n)).layers);
    }
  });

  it('refuse the same', async () => {
    await expect(digestBlocks(compute, new Uint8Array(100), { blockSize: 100, cellSize: 30 })).rejects.toThrow(invalid);
    await expect(digestBlocks(compute, new Uint8Array(101), { blockSize: 100, cellSize: 50 })).rejects.toThrow(invalid);
    await expect(growTree(compute, new Uint8Array(0))).rejects.toThrow(empty);
    await expect(growTree(compute, new Uint8Array(32).fill(255))).rejects.toThrow(noElement);
    expect(await digestBlocks(compute, new Uint8Array(0), SHAPE)).toHaveLength(0);
  });

  it('stop when they are told', async () => {
    const signal = AbortSignal.abort(new Error('enough'));
    await expect(digestBlocks(compute, new Uint8Array(SHAPE.blockSize), SHAPE, { signal })).rejects.toThrow('enough');
    await expect(growTree(compute, upTo(3), { signal })).rejects.toThrow('enough');
  });
});
