import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  buildTree,
  decodeProof,
  decodeTree,
  encodeProof,
  encodeTree,
  isEmptyDigest,
  nodeAt,
  ProtoWriter,
  proveLeaf,
  verifyProof,
} from '../src/index.ts';
import { data, hex, loadVectors, someLeaves, type TreeVectors, unhex } from './vectors.ts';

const { trees } = loadVectors<TreeVectors>('codextree_sha256');
const refused = expect.objectContaining({ code: 'PROOF_INVALID' });

describe('inclusion proof', () => {
  it('encodes and decodes every proof of the vectors to the same bytes, and verifies them', () => {
    for (const vector of trees) {
      for (const row of vector.proofs) {
        const proof = decodeProof(unhex(row.encoded));
        expect(proof).toMatchObject({ index: row.index, leafCount: row.nleaves, hashCodec: 0x12 });
        expect(proof.path.map(hex)).toEqual(row.path);
        expect(hex(encodeProof(proof))).toBe(row.encoded);
        const leaf = createHash('sha256')
          .update(data(`leaf-${row.index}`, 32))
          .digest();
        verifyProof(proof, leaf, unhex(vector.root), { leafCount: vector.nleaves });
      }
    }
  });

  it('matches the encodings of the specification for the tree of 10 leaves', () => {
    const text = Array.from({ length: 10 }, (_, i) => String(i + 1).padStart(32, '0')).join('');
    const tree = buildTree(new TextEncoder().encode(text));
    const sha = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');
    const last = encodeProof(proveLeaf(tree, 9));
    expect(last.length).toBe(150);
    expect(hex(last).startsWith('08121009180a22220a20')).toBe(true);
    expect(sha(encodeProof(proveLeaf(tree, 4)))).toBe(
      'edc52d8a0ae89794218338668d9384074f9287b6826264a100d41d9666b5f0ea',
    );
    const encoded = encodeTree(tree);
    expect(encoded.length).toBe(760);
    expect(sha(encoded)).toBe('d0fff66a0e75b58bec270c9a7d6b37183a9995d98f1c1b354fecac759dd6d714');
  });

  it('proves every leaf of every small tree, and no other leaf', () => {
    for (let count = 1; count <= 33; count++) {
      const leaves = someLeaves(count);
      const tree = buildTree(leaves);
      for (let i = 0; i < count; i++) {
        const proof = proveLeaf(tree, i);
        verifyProof(proof, nodeAt(leaves, i), tree.root, { leafCount: count });
        if (count === 1) continue;
        expect(() => verifyProof(proof, nodeAt(leaves, (i + 1) % count), tree.root)).toThrow(refused);
      }
      if (count === 1) continue;
      expect(() => verifyProof({ ...proveLeaf(tree, 0), index: 1 }, nodeAt(leaves, 0), tree.root)).toThrow(refused);
    }
  });

  it('makes the checks that upstream lacks', () => {
    const leaves = someLeaves(5);
    const tree = buildTree(leaves);
    const leaf = nodeAt(leaves, 4);
    const proof = proveLeaf(tree, 4);
    const { path } = proof;
    const nonZero = new Uint8Array(32).fill(1);
    const bad = [
      { ...proof, index: 5 },
      { ...proof, index: -1 },
      { ...proof, leafCount: 0 },
      { ...proof, leafCount: 6 },
      { ...proof, hashCodec: 0 },
      { ...proof, path: path.slice(1) },
      { ...proof, path: [...path, nonZero] },
      { ...proof, path: [nonZero, ...path.slice(1)] },
      { ...proof, path: [new Uint8Array(31), ...path.slice(1)] },
    ];
    verifyProof(proof, leaf, tree.root, { leafCount: 5 });
    for (const one of bad) expect(() => verifyProof(one, leaf, tree.root)).toThrow(refused);
    expect(() => verifyProof(proof, leaf, tree.root, { leafCount: 6 })).toThrow(refused);
    expect(() => verifyProof(proof, leaf.subarray(1), tree.root)).toThrow(refused);
    expect(isEmptyDigest(leaf)).toBe(false);
  });

  it('reads as minprotobuf does: unknown fields skipped, wrong types ignored, the last scalar wins', () => {
    const tree = buildTree(someLeaves(2));
    const proof = proveLeaf(tree, 1);
    const extra = new ProtoWriter()
      .uint(2, 7)
      .bytes(3, new Uint8Array(3))
      .uint(90, 5)
      .bytes(91, new Uint8Array(2))
      .finish();
    const bytes = new Uint8Array([...extra, ...encodeProof(proof)]);
    expect(hex(encodeProof(decodeProof(bytes)))).toBe(hex(encodeProof(proof)));
  });

  it('refuses empty paths, long paths and nodes of a wrong length', () => {
    const head = () => new ProtoWriter().uint(1, 0x12).uint(2, 0).uint(3, 1);
    const node = (length: number) => new ProtoWriter().bytes(1, new Uint8Array(length));
    expect(() => decodeProof(head().finish())).toThrow(refused);
    expect(() => decodeProof(head().message(4, node(31)).finish())).toThrow(refused);
    expect(() => decodeProof(head().message(4, new ProtoWriter()).finish())).toThrow(refused);
    const long = head();
    for (let i = 0; i < 41; i++) long.message(4, node(32));
    expect(() => decodeProof(long.finish())).toThrow(refused);
    expect(() => decodeProof(new Uint8Array(5000))).toThrow(refused);
  });

  it('never fails in another way, whatever comes', () => {
    const valid = encodeProof(proveLeaf(buildTree(someLeaves(10)), 9));
    const coded = expect.objectContaining({ code: expect.stringMatching(/^(PROOF|PROTOBUF|TREE)_INVALID$/) });
    const check = (bytes: Uint8Array) => {
      for (const decode of [decodeProof, decodeTree]) {
        try {
          decode(bytes);
        } catch (error) {
          expect(error).toEqual(coded);
        }
      }
    };
    fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), check));
    fc.assert(fc.property(fc.nat(valid.length), (length) => check(valid.subarray(0, length))));
    fc.assert(
      fc.property(fc.nat(valid.length - 1), fc.nat(255), (at, value) => {
        const mutated = valid.slice();
        mutated[at] = value;
        check(mutated);
      }),
    );
  });
});

describe('encoded tree', () => {
  it('matches the vectors both ways', () => {
    for (const { treeEncoded, root } of trees) {
      if (!treeEncoded) continue;
      const tree = decodeTree(unhex(treeEncoded));
      expect(hex(tree.root)).toBe(root);
      expect(hex(encodeTree(tree))).toBe(treeEncoded);
    }
  });

  it('refuses nodes that do not fit', () => {
    const bytes = encodeTree(buildTree(someLeaves(6)));
    const bad = expect.objectContaining({ code: 'TREE_INVALID' });
    bytes[bytes.length - 1]! ^= 1;
    expect(() => decodeTree(bytes)).toThrow(bad);
    expect(() => decodeTree(encodeTree(buildTree(someLeaves(6))).subarray(0, -36))).toThrow(bad);
    expect(() => decodeTree(new Uint8Array())).toThrow(bad);
  });
});
