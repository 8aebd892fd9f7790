import fc from 'fast-check';
import { base16 } from 'multiformats/bases/base16';
import { base32 } from 'multiformats/bases/base32';
import { base36 } from 'multiformats/bases/base36';
import { base64url } from 'multiformats/bases/base64';
import { base256emoji } from 'multiformats/bases/base256emoji';
import { describe, expect, it } from 'vitest';
import {
  blockCid,
  cidKey,
  decodeCid,
  digestOf,
  EMPTY_BLOCK_CID,
  formatCid,
  isBlockCid,
  isEmptyBlock,
  isManifestCid,
  isTreeCid,
  makeCid,
  manifestCid,
  parseCid,
  shortCid,
  treeCid,
} from '../src/index.ts';
import { type FileVectors, hex, loadVectors, unhex } from './vectors.ts';

const { files, emptyBlockCid } = loadVectors<FileVectors>('files');
const incorrect = expect.objectContaining({ code: 'CID_INVALID', message: 'Incorrect Cid' });
const V0 = 'QmYwAPJzv5CZsnA625s3Xf2nemtYgPpHdWEz79ojWnPbdG';

describe('cid', () => {
  it('reads and writes every CID of the vectors in both forms', () => {
    for (const file of files) {
      for (const { str, hex: binary } of [file.manifestCid, file.treeCid]) {
        expect(hex(parseCid(str).bytes)).toBe(binary);
        expect(formatCid(decodeCid(unhex(binary)))).toBe(str);
      }
      for (const block of file.blockCids ?? []) {
        const cid = parseCid(block);
        expect(isBlockCid(cid)).toBe(true);
        expect(formatCid(blockCid(digestOf(cid)))).toBe(block);
      }
    }
  });

  it('tells manifests, trees and blocks apart', () => {
    const digest = new Uint8Array(32).fill(7);
    const cids = [manifestCid(digest), treeCid(digest), blockCid(digest)];
    expect(cids.map(isManifestCid)).toEqual([true, false, false]);
    expect(cids.map(isTreeCid)).toEqual([false, true, false]);
    expect(cids.map(isBlockCid)).toEqual([false, false, true]);
    expect(new Set(cids.map(cidKey)).size).toBe(3);
    expect(isTreeCid(makeCid(0xcd03, 0, digest))).toBe(false);
    expect(cids.map((cid) => formatCid(cid).slice(0, 7))).toEqual(['zDvZRwz', 'zDzSvJT', 'zDxWB8E']);
  });

  it('knows the empty block', () => {
    expect(formatCid(EMPTY_BLOCK_CID)).toBe(emptyBlockCid.str);
    expect(hex(EMPTY_BLOCK_CID.bytes)).toBe(emptyBlockCid.hex);
    expect(isEmptyBlock(parseCid(emptyBlockCid.str))).toBe(true);
    expect(isEmptyBlock(manifestCid(digestOf(EMPTY_BLOCK_CID)))).toBe(false);
    expect(isEmptyBlock(blockCid(new Uint8Array(32)))).toBe(false);
  });

  it('parses any multibase, and version 0', () => {
    const cid = parseCid(files[0]!.treeCid.str);
    for (const base of [base16, base32, base36, base64url, base256emoji]) {
      expect(cidKey(parseCid(cid.toString(base.encoder as typeof base16.encoder)))).toBe(cidKey(cid));
    }
    const v0 = parseCid(V0);
    expect(v0.version).toBe(0);
    expect(formatCid(v0)).toBe(V0);
    expect(decodeCid(v0.bytes).version).toBe(0);
    expect(cidKey(v0)).toBe(cidKey(v0.toV1()));
    expect(() => parseCid(`z${V0}`)).toThrow(incorrect);
  });

  it('shortens for log lines', () => {
    expect(shortCid(parseCid('zDzSvJTezk7bJNQqFq8k1iHXY84psNuUfZVusA5bBQQUSuyzDSVL'))).toBe('zDz*yzDSVL');
  });

  it.each([
    ['nothing', ''],
    ['a wrong character', '01829a031220'],
    ['another version', `02829a031220${'00'.repeat(32)}`],
    ['an unknown codec', `01879a031220${'00'.repeat(32)}`],
    ['an unknown hash', `01829a037720${'00'.repeat(32)}`],
    ['a short digest', `01829a03121f${'00'.repeat(31)}`],
    ['a truncated digest', `01829a031220${'00'.repeat(31)}`],
    ['bytes behind the end', `01829a031220${'00'.repeat(33)}`],
    ['a varint that is not minimal', `0182da80001220${'00'.repeat(32)}`],
    ['a huge identity digest', `01829a03008101${'00'.repeat(129)}`],
  ])('refuses %s', (_, binary) => {
    expect(() => decodeCid(unhex(binary))).toThrow(incorrect);
    expect(() => parseCid(`f${binary}`)).toThrow(incorrect);
  });

  it.each(['', 'z', 'hello', '\u{1f600}x', 'z'.repeat(100_000), 'Qm', `${V0}x`, 'bl0l'])(
    'refuses the text %.20s',
    (text) => {
      expect(() => parseCid(text)).toThrow(incorrect);
    },
  );

  it('never fails in another way, whatever comes', () => {
    const check = (run: () => unknown) => {
      try {
        run();
      } catch (error) {
        expect(error).toEqual(incorrect);
      }
    };
    fc.assert(fc.property(fc.uint8Array({ maxLength: 80 }), (bytes) => check(() => decodeCid(bytes))));
    fc.assert(fc.property(fc.string({ maxLength: 80 }), (text) => check(() => parseCid(text))));
    const valid = unhex(files[0]!.treeCid.hex);
    fc.assert(
      fc.property(fc.nat(valid.length - 1), fc.nat(255), (at, value) => {
        const mutated = valid.slice();
        mutated[at] = value;
        check(() => {
          const cid = decodeCid(mutated);
          expect(hex(cid.bytes)).toBe(hex(mutated));
        });
      }),
    );
  });

  it('keeps nothing of the memory it was made from, buffers and shared memory included', () => {
    const { hex: binary, str } = files[0]!.treeCid;
    const shared = new Uint8Array(new SharedArrayBuffer(38));
    shared.set(unhex(binary));
    for (const bytes of [unhex(binary), Buffer.from(binary, 'hex'), shared]) {
      const cids = [decodeCid(bytes), treeCid(bytes.subarray(6)), makeCid(0xcd03, 0x12, bytes.subarray(6))];
      bytes.fill(0);
      for (const cid of cids) {
        expect(formatCid(cid)).toBe(str);
        expect(hex(digestOf(cid))).toBe(binary.slice(12));
      }
    }
  });
});
