import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  blockCount,
  buildTree,
  datasetRef,
  decodeManifest,
  encodeManifest,
  formatCid,
  type Manifest,
  manifestCidOf,
  manifestJson,
  originalManifest,
  originalSize,
  type Protection,
  ProtoWriter,
  parseCid,
  type TreeCid,
  treeCid,
} from '../src/index.ts';
import { data, type ErasureVectors, type FileVectors, hex, leavesOf, loadVectors, unhex } from './vectors.ts';

const { files } = loadVectors<FileVectors>('files');
const { vectors: erasures } = loadVectors<ErasureVectors>('erasure_manifests');
const refused = expect.objectContaining({ code: 'MANIFEST_INVALID' });
const someTree = treeCid(new Uint8Array(32).fill(3));
const plain: Manifest = { treeCid: someTree, blockSize: 65536, datasetSize: 100_000 };
const protection: Protection = {
  ecK: 2,
  ecM: 1,
  originalTreeCid: someTree,
  originalDatasetSize: 131_072,
  strategy: 1,
};
const protectedManifest: Manifest = { ...plain, datasetSize: 196_608, protection };

describe('manifest', () => {
  it('is made from files to the bytes and CIDs of the vectors', () => {
    for (const file of files) {
      const tree = buildTree(leavesOf(data(file.seed, file.size), file.blockSize));
      const bytes = encodeManifest({
        treeCid: treeCid(tree.root),
        blockSize: file.blockSize,
        datasetSize: file.size,
        ...(file.filename !== null && { filename: file.filename }),
        ...(file.mimetype !== null && { mimetype: file.mimetype }),
      });
      expect(hex(bytes)).toBe(file.manifestBytes);
      expect(formatCid(manifestCidOf(bytes))).toBe(file.manifestCid.str);
      const manifest = decodeManifest(bytes);
      expect(blockCount(manifest)).toBe(file.blocksCount);
      expect(datasetRef(manifest)).toMatchObject({ leafCount: file.blocksCount, blockSize: file.blockSize });
      expect(manifestJson(manifest)).toEqual({
        treeCid: file.treeCid.str,
        datasetSize: file.size,
        blockSize: file.blockSize,
        filename: file.filename,
        mimetype: file.mimetype,
        protected: false,
      });
    }
  });

  it('re-encodes protected and verifiable manifests of the vectors to the same bytes', () => {
    for (const vector of erasures) {
      const inner = decodeManifest(unhex(vector.protected.manifestBytes));
      expect(hex(encodeManifest(inner))).toBe(vector.protected.manifestBytes);
      expect(formatCid(manifestCidOf(encodeManifest(inner)))).toBe(vector.protected.manifestCid.str);
      expect(inner).toMatchObject({ datasetSize: vector.protected.datasetSize, blockSize: vector.blockSize });
      expect(inner.protection).toMatchObject({ ecK: vector.k, ecM: vector.m, originalDatasetSize: vector.size });
      expect(blockCount(inner)).toBe(vector.protected.blocksCount);
      expect(originalSize(inner)).toBe(vector.size);
      expect(manifestJson(inner)).toMatchObject({ protected: true, verifiable: false });

      const outer = decodeManifest(unhex(vector.verifiable.manifestBytes));
      expect(hex(encodeManifest(outer))).toBe(vector.verifiable.manifestBytes);
      expect(formatCid(manifestCidOf(encodeManifest(outer)))).toBe(vector.verifiable.manifestCid.str);
      const { verifyRoot, slotRoots, cellSize } = outer.protection!.verification!;
      expect(hex(verifyRoot)).toBe(vector.verifiable.verifyRootCid.hex);
      expect(slotRoots.map(hex)).toEqual(vector.verifiable.slots);
      expect(cellSize).toBe(vector.verifiable.cellSize);
      expect(manifestJson(outer)).toMatchObject({ protected: true, verifiable: true });

      const original = originalManifest(outer);
      expect(formatCid(original.treeCid)).toBe(vector.treeCid);
      expect(formatCid(manifestCidOf(encodeManifest(original)))).toBe(vector.manifestCid);
    }
  });

  it('has the CIDs of the specification for a small file', () => {
    const tree = buildTree(leavesOf(new TextEncoder().encode('some file contents'), 65536));
    const manifest = { treeCid: treeCid(tree.root), blockSize: 65536, datasetSize: 18 };
    expect(formatCid(manifest.treeCid)).toBe('zDzSvJTezk7bJNQqFq8k1iHXY84psNuUfZVusA5bBQQUSuyzDSVL');
    const cidOf = (one: Manifest) => formatCid(manifestCidOf(encodeManifest(one)));
    expect(cidOf(manifest)).toBe('zDvZRwzm1ePSzKSXt57D5YxHwcSDmsCyYN65wW4HT7fuX9HrzFXy');
    const named = { ...manifest, filename: 'example.txt', mimetype: 'text/plain' };
    expect(cidOf(named)).toBe('zDvZRwzmB6AgvXrYUJ3MNeMGVMJHPrwSfJTbmgU4FqzTuC3U8hMk');
    expect(cidOf({ ...manifest, filename: '', mimetype: '' })).toBe(cidOf(manifest));
  });

  it('survives a round trip with any names', () => {
    const text = fc.option(fc.string({ minLength: 1, unit: 'grapheme', maxLength: 40 }), { nil: undefined });
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 2 ** 45 }), text, text, (datasetSize, filename, mimetype) => {
        const manifest = { ...plain, datasetSize, ...(filename && { filename }), ...(mimetype && { mimetype }) };
        const decoded = decodeManifest(encodeManifest(manifest));
        expect({ ...decoded, treeCid: 0 }).toEqual({ ...manifest, treeCid: 0 });
      }),
    );
  });

  const bad: [string, Manifest][] = [
    ['block size 0', { ...plain, blockSize: 0 }],
    ['a huge block size', { ...plain, blockSize: 2 ** 20 + 1 }],
    ['an empty dataset', { ...plain, datasetSize: 0 }],
    ['a size that overflows', { ...plain, datasetSize: 2 ** 53 }],
    ['too many blocks', { ...plain, blockSize: 1, datasetSize: 2 ** 30 + 1 }],
    ['a tree CID of another type', { ...plain, treeCid: parseCid(files[0]!.manifestCid.str) as unknown as TreeCid }],
    ['a long file name', { ...plain, filename: 'x'.repeat(4097) }],
    ['half a character', { ...plain, filename: '\ud800' }],
    ['K of 0', { ...protectedManifest, protection: { ...protection, ecK: 0 } }],
    ['too many rows', { ...protectedManifest, protection: { ...protection, ecK: 65536 } }],
    ['counts that disagree', { ...protectedManifest, protection: { ...protection, ecM: 2 } }],
    [
      'an original that is larger',
      { ...protectedManifest, protection: { ...protection, originalDatasetSize: 2 ** 40 } },
    ],
    ['a missing slot root', withVerification({ slotRoots: [] })],
    ['a slot root of another type', withVerification({ slotRoots: [0, 0, 0].map(() => someTree.bytes) })],
    ['cell size 0', withVerification({ cellSize: 0 })],
    ['cells that do not fill a block', withVerification({ cellSize: 3000 })],
  ];

  function withVerification(change: object): Manifest {
    const verified = decodeManifest(unhex(erasures[0]!.verifiable.manifestBytes));
    const verification = { ...verified.protection!.verification!, ...change };
    return { ...verified, protection: { ...verified.protection!, verification } };
  }

  it.each(bad)('refuses %s, writing and reading', (_, manifest) => {
    expect(() => encodeManifest(manifest)).toThrow(refused);
  });

  it('refuses bytes that lack fields or carry nonsense', () => {
    const fields = (change: (header: ProtoWriter) => ProtoWriter) =>
      new ProtoWriter().message(1, change(new ProtoWriter().bytes(1, someTree.bytes))).finish();
    const good = (header: ProtoWriter) => header.uint(2, 65536).uint(3, 1).uint(4, 0xcd02).uint(5, 0x12).uint(6, 2);
    expect(decodeManifest(fields(good)).datasetSize).toBe(1);
    const cases = [
      new Uint8Array(),
      new ProtoWriter().bytes(1, new Uint8Array()).finish(),
      new ProtoWriter().uint(1, 5).finish(),
      fields((header) => header),
      fields((header) => good(header).uint(2, 0)),
      fields((header) => good(header).uint(3, 0)),
      fields((header) => good(header).uint(4, 0xcd01)),
      fields((header) => good(header).uint(5, 0)),
      fields((header) => good(header).uint(6, 1)),
      fields((header) => good(header).bytes(8, Uint8Array.of(0xff))),
      fields((header) => good(header).bytes(9, new Uint8Array(1025))),
      fields((header) => good(header).bytes(7, new Uint8Array())),
      fields((header) => good(header).bytes(1, new Uint8Array(38))),
      new Uint8Array(65537),
    ];
    for (const bytes of cases) expect(() => decodeManifest(bytes)).toThrow(refused);
    // 2^64 − 1 as the dataset size.
    const huge = unhex(`0a0b18${'ff'.repeat(9)}01`);
    expect(() => decodeManifest(huge)).toThrow(refused);
  });

  it('never fails in another way, whatever comes', () => {
    const check = (bytes: Uint8Array) => {
      try {
        const manifest = decodeManifest(bytes);
        expect(decodeManifest(encodeManifest(manifest))).toEqual(manifest);
      } catch (error) {
        expect(error).toEqual(refused);
      }
    };
    fc.assert(fc.property(fc.uint8Array({ maxLength: 100 }), check));
    const valid = [files[3]!.manifestBytes, erasures[0]!.verifiable.manifestBytes].map(unhex);
    for (const bytes of valid) {
      for (let length = 0; length < bytes.length; length++) check(bytes.subarray(0, length));
      fc.assert(
        fc.property(fc.nat(bytes.length - 1), fc.nat(255), (at, value) => {
          const mutated = bytes.slice();
          mutated[at] = value;
          check(mutated);
        }),
        { numRuns: 500 },
      );
    }
  });

  it('decodes from buffers and shared memory, and keeps nothing of them', () => {
    for (const encoded of [files[3]!.manifestBytes, erasures[0]!.verifiable.manifestBytes]) {
      const shared = new SharedArrayBuffer(encoded.length / 2);
      for (const bytes of [unhex(encoded), Buffer.from(encoded, 'hex'), new Uint8Array(shared), Buffer.from(shared)]) {
        bytes.set(unhex(encoded));
        const manifest = decodeManifest(bytes);
        bytes.fill(0);
        expect(hex(encodeManifest(manifest))).toBe(encoded);
        expect(hex(manifest.treeCid.multihash.digest)).not.toBe('00'.repeat(32));
      }
    }
  });
});
