import { hash } from 'node:crypto';
import { base2 } from 'multiformats/bases/base2';
import { base8 } from 'multiformats/bases/base8';
import { base10 } from 'multiformats/bases/base10';
import * as base16 from 'multiformats/bases/base16';
import * as base32 from 'multiformats/bases/base32';
import * as base36 from 'multiformats/bases/base36';
import { base58btc, base58flickr } from 'multiformats/bases/base58';
import * as base64 from 'multiformats/bases/base64';
import { base256emoji } from 'multiformats/bases/base256emoji';
import { CID } from 'multiformats/cid';
import { create as createDigest } from 'multiformats/hashes/digest';
import { DIGEST_BYTES, MAX_CID_DIGEST_BYTES, MAX_CID_TEXT_CHARS } from './constants.ts';
import { ContentError } from './errors.ts';
import {
  CODEX_BLOCK,
  CODEX_MANIFEST,
  CODEX_ROOT,
  CONTENT_CODECS,
  DAG_PB,
  DIGEST_LENGTHS,
  IDENTITY,
  SHA2_256,
  SHA2_512,
} from './multicodec.ts';

/** A content id: codec and multihash (01 §3). */
export type Cid = CID;
export type BlockCid = CID & { readonly __cid: 'block' };
export type ManifestCid = CID & { readonly __cid: 'manifest' };
export type TreeCid = CID & { readonly __cid: 'tree' };

const DECODERS = new Map(
  [
    base2,
    base8,
    base10,
    ...Object.values(base16),
    ...Object.values(base32),
    ...Object.values(base36),
    base58btc,
    base58flickr,
    ...Object.values(base64),
    base256emoji,
  ].map((base) => [base.prefix as string, base.decoder]),
);

/** A 34-byte CIDv0 is a bare sha2-256 multihash. */
const CID_V0_BYTES = 34;

function incorrect(reason: string): ContentError {
  return new ContentError('CID_INVALID', 'Incorrect Cid', { reason });
}

/** A multihash of a copy of `digest`: `create` of the library would keep the caller's memory. */
function multihash<Code extends number>(code: Code, digest: Uint8Array) {
  return createDigest(code, new Uint8Array(digest));
}

/** The content id of `digest` under a codec and hash. The digest is copied. */
export function makeCid(codec: number, hashCodec: number, digest: Uint8Array): Cid {
  return CID.createV1(codec, multihash(hashCodec, digest));
}

function sha256Cid(codec: number, digest: Uint8Array): Cid {
  if (digest.length !== DIGEST_BYTES) throw incorrect('digest is not 32 bytes');
  return makeCid(codec, SHA2_256, digest);
}

/** The id of a data, parity or padding block by the SHA-256 of its padded bytes. */
export function blockCid(digest: Uint8Array): BlockCid {
  return sha256Cid(CODEX_BLOCK, digest) as BlockCid;
}

/** The id of a manifest by the SHA-256 of its bytes. */
export function manifestCid(digest: Uint8Array): ManifestCid {
  return sha256Cid(CODEX_MANIFEST, digest) as ManifestCid;
}

/** The id of a dataset by the root of its tree, which is not hashed again. */
export function treeCid(root: Uint8Array): TreeCid {
  return sha256Cid(CODEX_ROOT, root) as TreeCid;
}

/** Reads a small canonical varint; returns the value and the offset behind it. Codes are below 2^28. */
function readCode(bytes: Uint8Array, offset: number): [number, number] {
  let value = 0;
  for (let i = 0; i < 4; i++) {
    const byte = bytes[offset + i];
    if (byte === undefined) throw incorrect('truncated');
    value |= (byte & 127) << (7 * i);
    if (byte < 128) {
      if (byte === 0 && i > 0) throw incorrect('varint is not minimal');
      return [value, offset + i + 1];
    }
  }
  throw incorrect('code too large');
}

/** Decodes a binary CID, version 1 or the 34-byte version 0 (01 §3). The bytes are copied. Error: `CID_INVALID`. */
export function decodeCid(bytes: Uint8Array): Cid {
  const v0 = bytes.length === CID_V0_BYTES && bytes[0] === SHA2_256 && bytes[1] === DIGEST_BYTES;
  let codec = DAG_PB;
  let at = 0;
  if (!v0) {
    let version: number;
    [version, at] = readCode(bytes, 0);
    if (version !== 1) throw incorrect('version is not 1');
    [codec, at] = readCode(bytes, at);
    if (!CONTENT_CODECS.has(codec)) throw incorrect('unknown content type');
  }
  const [hashCodec, lengthAt] = readCode(bytes, at);
  const [length, digestAt] = readCode(bytes, lengthAt);
  const expected = DIGEST_LENGTHS.get(hashCodec);
  if (expected === undefined && hashCodec !== IDENTITY) throw incorrect('unknown hash');
  if (length > MAX_CID_DIGEST_BYTES || length !== (expected ?? length)) throw incorrect('bad digest length');
  if (bytes.length !== digestAt + length) throw incorrect('bad length');
  const digest = bytes.subarray(digestAt);
  return v0 ? CID.createV0(multihash(SHA2_256, digest)) : makeCid(codec, hashCodec, digest);
}

/** Parses a CID in any multibase, or `Qm…` of version 0. Error: `CID_INVALID` with the message `Incorrect Cid`. */
export function parseCid(text: string): Cid {
  // Base 58 is quadratic in the length: refuse long input before it is decoded.
  if (text.length > MAX_CID_TEXT_CHARS) throw incorrect('too long');
  const v0 = text.startsWith('Qm');
  const prefixed = v0 ? base58btc.prefix + text : text;
  const prefix = String.fromCodePoint(prefixed.codePointAt(0) ?? 0);
  const decoder = DECODERS.get(prefix);
  if (!decoder) throw incorrect('unknown multibase');
  let bytes: Uint8Array;
  try {
    bytes = decoder.decode(prefixed);
  } catch {
    throw incorrect('bad characters');
  }
  const cid = decodeCid(bytes);
  if ((cid.version === 0) !== v0) throw incorrect('version 0 has no multibase prefix');
  return cid;
}

/** The text form: base58btc, `z…` (version 0: `Qm…`). */
export function formatCid(cid: Cid): string {
  return cid.toString(base58btc);
}

/** The form for log lines: the first 3 and the last 6 characters, `zDz*yzDSVL` (06 §8). */
export function shortCid(cid: Cid): string {
  const text = formatCid(cid);
  return `${text.slice(0, 3)}*${text.slice(-6)}`;
}

function isSha256(cid: Cid, codec: number): boolean {
  return cid.code === codec && cid.multihash.code === SHA2_256 && cid.multihash.digest.length === DIGEST_BYTES;
}

export function isBlockCid(cid: Cid): cid is BlockCid {
  return isSha256(cid, CODEX_BLOCK);
}

export function isManifestCid(cid: Cid): cid is ManifestCid {
  return isSha256(cid, CODEX_MANIFEST);
}

export function isTreeCid(cid: Cid): cid is TreeCid {
  return isSha256(cid, CODEX_ROOT);
}

/** The digest inside the multihash: not a copy. */
export function digestOf(cid: Cid): Uint8Array {
  return cid.multihash.digest;
}

/** SHA-256 of zero bytes: as a leaf it stands for one block of zeros (01 §4). */
export const EMPTY_DIGEST: Uint8Array = new Uint8Array(hash('sha256', '', 'buffer'));
const EMPTY_DIGEST_SHA2_512: Uint8Array = new Uint8Array(hash('sha512', '', 'buffer'));

/** The id of the empty block: never stored, always present, reads as zeros. */
export const EMPTY_BLOCK_CID: BlockCid = blockCid(EMPTY_DIGEST);

/** True for the id of the empty block, under either hash that the reference registers. */
export function isEmptyBlock(cid: Cid): boolean {
  if (cid.code !== CODEX_BLOCK) return false;
  const { code, digest } = cid.multihash;
  return code === SHA2_256 ? isEmptyDigest(digest) : code === SHA2_512 && equalBytes(digest, EMPTY_DIGEST_SHA2_512);
}

/** True for the leaf that stands for one block of zeros. */
export function isEmptyDigest(digest: Uint8Array): boolean {
  return equalBytes(digest, EMPTY_DIGEST);
}

export function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}

/** A key for maps: equal exactly when codec and multihash are equal. Not printable. */
export function cidKey(cid: Cid): string {
  const { buffer, byteOffset, byteLength } = cid.version === 1 ? cid.bytes : cid.toV1().bytes;
  return Buffer.from(buffer, byteOffset, byteLength).toString('latin1');
}
