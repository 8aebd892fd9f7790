import { isCodexError } from '@codex/runtime';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import {
  buildTree,
  decodeCid,
  decodeManifest,
  decodeProof,
  decodeTree,
  encodeProof,
  encodeTree,
  parseCid,
  proveLeaf,
} from '../src/index.ts';
import { type ErasureVectors, type FileVectors, loadVectors, someLeaves, unhex } from './vectors.ts';

const RUNS = process.env.SOAK === 'short' ? 5_000 : 500_000;

const tree = buildTree(someLeaves(10));
const { files } = loadVectors<FileVectors>('files');
const { vectors } = loadVectors<ErasureVectors>('erasure_manifests');
const seeds = [
  unhex(files[0]!.treeCid.hex),
  unhex(files[3]!.manifestBytes),
  unhex(vectors[0]!.protected.manifestBytes),
  unhex(vectors[0]!.verifiable.manifestBytes),
  encodeProof(proveLeaf(tree, 9)),
  encodeTree(tree),
];
const text = new TextDecoder('latin1');
const decoders: ((bytes: Uint8Array) => unknown)[] = [
  decodeCid,
  decodeManifest,
  decodeProof,
  decodeTree,
  (bytes) => parseCid(text.decode(bytes)),
];

/** Several edits of a valid encoding: bytes changed, cut out, doubled. */
const edit = fc.record({ at: fc.nat(), length: fc.nat(8), value: fc.nat(255), kind: fc.nat(2) });
const damaged = fc
  .tuple(fc.constantFrom(...seeds), fc.array(edit, { minLength: 1, maxLength: 5 }))
  .map(([seed, edits]) => {
    let bytes = [...seed];
    for (const { at, length, value, kind } of edits) {
      const place = at % (bytes.length + 1);
      const piece = bytes.slice(place, place + length);
      if (kind === 0) bytes[Math.min(place, bytes.length)] = value;
      else
        bytes = [...bytes.slice(0, place), ...(kind === 1 ? [] : [...piece, ...piece]), ...bytes.slice(place + length)];
    }
    return Uint8Array.from(bytes);
  });

it(`gives a value or a coded error for ${RUNS} damaged encodings`, () => {
  const check = (bytes: Uint8Array) => {
    for (const decode of decoders) {
      try {
        decode(bytes);
      } catch (error) {
        if (!isCodexError(error)) throw error;
        expect(error.code).toMatch(/_INVALID$/);
      }
    }
  };
  fc.assert(fc.property(damaged, check), { numRuns: RUNS });
  fc.assert(fc.property(fc.uint8Array({ maxLength: 400 }), check), { numRuns: RUNS });
});
