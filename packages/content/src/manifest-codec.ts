import type { TreeCid } from './cid.ts';
import { decodeCid, isTreeCid } from './cid.ts';
import {
  DIGEST_BYTES,
  MAX_BLOCK_SIZE_BYTES,
  MAX_ERASURE_ROWS,
  MAX_FILENAME_BYTES,
  MAX_LEAF_COUNT,
  MAX_MANIFEST_BYTES,
  MAX_MIMETYPE_BYTES,
} from './constants.ts';
import { ContentError } from './errors.ts';
import { blockCount, type Manifest, type Protection, type Verification } from './manifest.ts';
import { bytesKey, ProtoReader, ProtoWriter, varintKey } from './minprotobuf.ts';
import { CODEX_BLOCK, CODEX_PROVING_ROOT, CODEX_SLOT_ROOT, IDENTITY, SHA2_256 } from './multicodec.ts';

/** The version field is the ordinal of an enum: CIDv0 = 1, CIDv1 = 2 (01 §7). */
const CID_V1_ORDINAL = 2;

const utf8Encoder = new TextEncoder();
const utf8Decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

function invalid(reason: string, data?: Record<string, unknown>): ContentError {
  return new ContentError('MANIFEST_INVALID', `The manifest is not valid: ${reason}`, { reason, ...data });
}

/** Encodes a manifest byte for byte as the reference does (01 §7). Error: `MANIFEST_INVALID`. */
export function encodeManifest(manifest: Manifest): Uint8Array<ArrayBuffer> {
  checkManifest(manifest);
  const header = new ProtoWriter()
    .bytes(1, manifest.treeCid.bytes)
    .uint(2, manifest.blockSize)
    .uint(3, manifest.datasetSize)
    .uint(4, CODEX_BLOCK)
    .uint(5, SHA2_256)
    .uint(6, CID_V1_ORDINAL);
  if (manifest.protection) header.message(7, writeProtection(manifest.protection));
  if (manifest.filename) header.bytes(8, encodeText(manifest.filename, 'filename', MAX_FILENAME_BYTES));
  if (manifest.mimetype) header.bytes(9, encodeText(manifest.mimetype, 'mimetype', MAX_MIMETYPE_BYTES));
  const bytes = new ProtoWriter().message(1, header).finish();
  if (bytes.length > MAX_MANIFEST_BYTES) throw invalid('too long', { length: bytes.length });
  return bytes;
}

function writeProtection(protection: Protection): ProtoWriter {
  const writer = new ProtoWriter()
    .uint(1, protection.ecK)
    .uint(2, protection.ecM)
    .bytes(3, protection.originalTreeCid.bytes)
    .uint(4, protection.originalDatasetSize)
    .uint(5, protection.strategy);
  if (protection.verification) writer.message(6, writeVerification(protection.verification));
  return writer;
}

function writeVerification(verification: Verification): ProtoWriter {
  const writer = new ProtoWriter().bytes(1, verification.verifyRoot);
  for (const root of verification.slotRoots) writer.bytes(2, root);
  return writer.uint(3, verification.cellSize).uint(4, verification.strategy);
}

function encodeText(text: string, name: string, maxBytes: number): Uint8Array {
  const bytes = utf8Encoder.encode(text);
  if (bytes.length > maxBytes || !text.isWellFormed()) throw invalid(`bad ${name}`, { length: bytes.length });
  return bytes;
}

/**
 * Decodes the bytes of a manifest block, whatever they are. Nothing of the result refers to `bytes`.
 * Error: `MANIFEST_INVALID`.
 */
export function decodeManifest(bytes: Uint8Array): Manifest {
  if (bytes.length > MAX_MANIFEST_BYTES) throw invalid('too long', { length: bytes.length });
  try {
    const manifest = readOuter(bytes);
    checkManifest(manifest);
    return manifest;
  } catch (error) {
    if (error instanceof ContentError && error.code !== 'MANIFEST_INVALID') throw invalid(error.message, error.data);
    throw error;
  }
}

function readOuter(bytes: Uint8Array): Manifest {
  let header: ProtoReader | undefined;
  const outer = new ProtoReader(bytes);
  while (outer.next()) if (outer.key === bytesKey(1)) header = outer.message();
  if (!header) throw invalid('no header');
  return readHeader(header);
}

function readHeader(reader: ProtoReader): Manifest {
  let treeCid: TreeCid | undefined;
  let protection: Protection | undefined;
  let [filename, mimetype] = ['', ''];
  let [blockSize, datasetSize, codec, hashCodec, version] = [0, 0, 0, 0, 0];
  while (reader.next()) {
    if (reader.key === bytesKey(1)) treeCid = readTreeCid(reader);
    else if (reader.key === varintKey(2)) blockSize = reader.uint();
    else if (reader.key === varintKey(3)) datasetSize = reader.uint();
    else if (reader.key === varintKey(4)) codec = reader.uint();
    else if (reader.key === varintKey(5)) hashCodec = reader.uint();
    else if (reader.key === varintKey(6)) version = reader.uint();
    else if (reader.key === bytesKey(7)) protection = readProtection(reader.message());
    else if (reader.key === bytesKey(8)) filename = readText(reader, 'filename', MAX_FILENAME_BYTES);
    else if (reader.key === bytesKey(9)) mimetype = readText(reader, 'mimetype', MAX_MIMETYPE_BYTES);
  }
  if (!treeCid) throw invalid('no tree');
  if (codec !== CODEX_BLOCK || hashCodec !== SHA2_256 || version !== CID_V1_ORDINAL) {
    throw invalid('blocks are not named by CIDv1 with sha2-256', { codec, hashCodec, version });
  }
  return {
    treeCid,
    blockSize,
    datasetSize,
    ...(filename && { filename }),
    ...(mimetype && { mimetype }),
    ...(protection && { protection }),
  };
}

function readProtection(reader: ProtoReader): Protection {
  let originalTreeCid: TreeCid | undefined;
  let verification: Verification | undefined;
  let [ecK, ecM, originalDatasetSize, strategy] = [0, 0, 0, 0];
  while (reader.next()) {
    if (reader.key === varintKey(1)) ecK = reader.uint();
    else if (reader.key === varintKey(2)) ecM = reader.uint();
    else if (reader.key === bytesKey(3)) originalTreeCid = readTreeCid(reader);
    else if (reader.key === varintKey(4)) originalDatasetSize = reader.uint();
    else if (reader.key === varintKey(5)) strategy = reader.uint();
    else if (reader.key === bytesKey(6)) verification = readVerification(reader.message());
  }
  if (!originalTreeCid) throw invalid('no original tree');
  if (strategy !== 0 && strategy !== 1) throw invalid('unknown strategy', { strategy });
  return { ecK, ecM, originalTreeCid, originalDatasetSize, strategy, ...(verification && { verification }) };
}

function readVerification(reader: ProtoReader): Verification {
  let verifyRoot: Uint8Array | undefined;
  const slotRoots: Uint8Array[] = [];
  let [cellSize, strategy] = [0, 0];
  while (reader.next()) {
    if (reader.key === bytesKey(1)) verifyRoot = new Uint8Array(reader.bytes());
    else if (reader.key === bytesKey(2)) slotRoots.push(new Uint8Array(reader.bytes()));
    else if (reader.key === varintKey(3)) cellSize = reader.uint();
    else if (reader.key === varintKey(4)) strategy = reader.uint();
  }
  if (!verifyRoot) throw invalid('no verify root');
  return { verifyRoot, slotRoots, cellSize, strategy };
}

function readTreeCid(reader: ProtoReader): TreeCid {
  const cid = decodeCid(reader.bytes());
  if (!isTreeCid(cid)) throw invalid('not the CID of a tree');
  return cid;
}

function readText(reader: ProtoReader, name: string, maxBytes: number): string {
  const bytes = reader.bytes();
  if (bytes.length > maxBytes) throw invalid(`${name} too long`, { length: bytes.length });
  try {
    // A copy, because decoders refuse shared memory.
    return utf8Decoder.decode(new Uint8Array(bytes));
  } catch {
    throw invalid(`${name} is not UTF-8`);
  }
}

/** Refuses sizes and counts that contradict each other or that nothing downstream could handle. */
function checkManifest(manifest: Manifest): void {
  const { blockSize, datasetSize, protection } = manifest;
  if (!isWithin(blockSize, 1, MAX_BLOCK_SIZE_BYTES)) throw invalid('bad block size', { blockSize });
  if (!isWithin(datasetSize, 1, Number.MAX_SAFE_INTEGER)) throw invalid('bad dataset size', { datasetSize });
  if (blockCount(manifest) > MAX_LEAF_COUNT) throw invalid('too many blocks', { datasetSize, blockSize });
  if (!isTreeCid(manifest.treeCid)) throw invalid('not the CID of a tree');
  if (protection) checkProtection(protection, manifest);
}

function checkProtection(protection: Protection, manifest: Manifest): void {
  const { ecK, ecM, originalDatasetSize, verification } = protection;
  const rows = ecK + ecM;
  if (!isWithin(ecK, 1, MAX_ERASURE_ROWS) || !isWithin(ecM, 0, MAX_ERASURE_ROWS) || rows > MAX_ERASURE_ROWS) {
    throw invalid('bad erasure parameters', { ecK, ecM });
  }
  if (!isWithin(originalDatasetSize, 1, manifest.datasetSize))
    throw invalid('bad original size', { originalDatasetSize });
  if (!isTreeCid(protection.originalTreeCid)) throw invalid('not the CID of a tree');
  const steps = Math.ceil(Math.ceil(originalDatasetSize / manifest.blockSize) / ecK);
  if (blockCount(manifest) !== steps * rows) {
    throw invalid('block counts contradict each other', { blocks: blockCount(manifest), steps, ecK, ecM });
  }
  if (verification) checkVerification(verification, rows, manifest.blockSize);
}

function checkVerification(verification: Verification, slots: number, blockSize: number): void {
  const { verifyRoot, slotRoots, cellSize, strategy } = verification;
  if (slotRoots.length !== slots) throw invalid('one root per slot is needed', { slots, roots: slotRoots.length });
  if (!isWithin(cellSize, 1, blockSize) || blockSize % cellSize !== 0) throw invalid('bad cell size', { cellSize });
  if (strategy !== 0 && strategy !== 1) throw invalid('unknown strategy', { strategy });
  checkFieldCid(verifyRoot, CODEX_PROVING_ROOT, 'verify root');
  for (const root of slotRoots) checkFieldCid(root, CODEX_SLOT_ROOT, 'slot root');
}

/** A field element in an identity multihash. */
function checkFieldCid(bytes: Uint8Array, codec: number, name: string): void {
  const cid = decodeCid(bytes);
  if (cid.code !== codec || cid.multihash.code !== IDENTITY || cid.multihash.digest.length !== DIGEST_BYTES) {
    throw invalid(`bad ${name}`);
  }
}

function isWithin(value: number, min: number, max: number): boolean {
  return Number.isSafeInteger(value) && value >= min && value <= max;
}
