import { DIGEST_BYTES } from '@codex/content';

/** What a block is known by. Lengths and offsets in bytes. */
export interface BlockRecord {
  readonly segment: number;
  readonly offset: number;
  /** Bytes in the segment: zeros at the end of a block are not written. */
  readonly physicalBytes: number;
  readonly logicalBytes: number;
  /** CRC-32 of the physical bytes. */
  readonly crc: number;
  /** Leaves of all trees that hold it. */
  readonly references: number;
  /** Put on its own, until an expiry. */
  readonly pinned: boolean;
  /** The bytes were found corrupt; the record lives on for its references. */
  readonly lost: boolean;
}

const RECORD_BYTES = 25;
const PINNED = 1;
const LOST = 2;

export function encodeBlockRecord(record: BlockRecord): Uint8Array {
  const out = Buffer.allocUnsafe(RECORD_BYTES);
  out.writeUInt32LE(record.segment, 0);
  out.writeUInt32LE(record.offset, 4);
  out.writeUInt32LE(record.physicalBytes, 8);
  out.writeUInt32LE(record.logicalBytes, 12);
  out.writeUInt32LE(record.crc, 16);
  out.writeUInt32LE(record.references, 20);
  out[24] = (record.pinned ? PINNED : 0) | (record.lost ? LOST : 0);
  return out;
}

export function decodeBlockRecord(bytes: Uint8Array): BlockRecord {
  const view = asBuffer(bytes);
  return {
    segment: view.readUInt32LE(0),
    offset: view.readUInt32LE(4),
    physicalBytes: view.readUInt32LE(8),
    logicalBytes: view.readUInt32LE(12),
    crc: view.readUInt32LE(16),
    references: view.readUInt32LE(20),
    pinned: (view[24]! & PINNED) !== 0,
    lost: (view[24]! & LOST) !== 0,
  };
}

/** The tree of a root. */
export interface TreeRecord {
  readonly id: number;
  readonly leafCount: number;
  readonly blockSize: number;
}

export function encodeTreeRecord({ id, leafCount, blockSize }: TreeRecord): Uint8Array {
  const out = Buffer.allocUnsafe(14);
  out.writeUIntLE(id, 0, 6);
  out.writeUInt32LE(leafCount, 6);
  out.writeUInt32LE(blockSize, 10);
  return out;
}

export function decodeTreeRecord(bytes: Uint8Array): TreeRecord {
  const view = asBuffer(bytes);
  return { id: view.readUIntLE(0, 6), leafCount: view.readUInt32LE(6), blockSize: view.readUInt32LE(10) };
}

/** State of a tree id in the work table: what happens to its references when the store is opened. */
export const WORK = {
  /** An upload: released, as nobody can go on with it. */
  building: Buffer.of(0),
  /** Released: somebody gave the tree up. */
  doomed: Buffer.of(1),
  /** An assembly: kept for the next one who asks for its key. */
  assembling: Buffer.of(2),
} as const;

/** An unfinished assembly. */
export interface AssemblyRecord extends TreeRecord {
  /** When somebody last began or ended to work on it, Unix ms. */
  readonly touchedMs: number;
}

export function encodeAssemblyRecord(record: AssemblyRecord): Uint8Array {
  return Buffer.concat([encodeTreeRecord(record), encodeNumbers(record.touchedMs)]);
}

export function decodeAssemblyRecord(bytes: Uint8Array): AssemblyRecord {
  return { ...decodeTreeRecord(bytes), touchedMs: decodeNumbers(bytes.subarray(14))[0]! };
}

/** Several numbers in a row, as doubles. */
export function encodeNumbers(...numbers: number[]): Uint8Array {
  const out = Buffer.allocUnsafe(8 * numbers.length);
  for (const [i, number] of numbers.entries()) out.writeDoubleLE(number, 8 * i);
  return out;
}

export function decodeNumbers(bytes: Uint8Array): number[] {
  const view = asBuffer(bytes);
  return Array.from({ length: bytes.length >> 3 }, (_, i) => view.readDoubleLE(8 * i));
}

/** A manifest with its expiry (Unix ms; Infinity = never). */
export function encodeManifestRecord(expiry: number, manifest: Uint8Array): Uint8Array {
  return Buffer.concat([encodeNumbers(expiry), manifest]);
}

export function decodeManifestRecord(record: Uint8Array): { expiry: number; bytes: Uint8Array } {
  return { expiry: asBuffer(record).readDoubleLE(0), bytes: record.subarray(8) };
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

const prefix = (letter: string) => Buffer.from(letter, 'latin1');

/** First byte of every key: which table it belongs to. */
export const TABLE = {
  /** Unfinished assemblies by the SHA-256 of their keys. */
  assembly: prefix('a'),
  block: prefix('b'),
  counters: prefix('c'),
  expiry: prefix('x'),
  held: prefix('h'),
  manifest: prefix('m'),
  /** Trees that no manifest names: they live as long as somebody has them open. */
  orphan: prefix('o'),
  pages: prefix('n'),
  pin: prefix('p'),
  /** Which manifests name a tree. */
  reference: prefix('r'),
  segment: prefix('s'),
  tree: prefix('t'),
  version: prefix('v'),
  /** Tree ids whose references must be released: uploads under way and doomed trees. */
  work: prefix('w'),
} as const;

/** What an entry of the expiry index is about. */
export const EXPIRING = { block: 0, manifest: 1 } as const;
export type Expiring = (typeof EXPIRING)[keyof typeof EXPIRING];

export function digestKey(table: Uint8Array, ...digests: Uint8Array[]): Uint8Array {
  const key = Buffer.allocUnsafe(1 + DIGEST_BYTES * digests.length);
  key[0] = table[0]!;
  for (const [i, digest] of digests.entries()) key.set(digest, 1 + DIGEST_BYTES * i);
  return key;
}

/** Positive doubles sort by their big-endian bytes: the index is in order of time. */
export function expiryKey(expiry: number, kind: Expiring, digest: Uint8Array): Uint8Array {
  const key = Buffer.allocUnsafe(10 + DIGEST_BYTES);
  key[0] = TABLE.expiry[0]!;
  key.writeDoubleBE(expiry, 1);
  key[9] = kind;
  key.set(digest, 10);
  return key;
}

export function segmentKey(number: number): Uint8Array {
  const key = Buffer.allocUnsafe(5);
  key[0] = TABLE.segment[0]!;
  key.writeUInt32BE(number, 1);
  return key;
}

/** A key of a tree by its numeric id; parts follow in order of their significance. */
export function treeIdKey(table: Uint8Array, id: number): Buffer {
  const key = Buffer.allocUnsafe(7);
  key[0] = table[0]!;
  key.writeUIntBE(id, 1, 6);
  return key;
}

export function nodePageKey(id: number, group: number, page: number): Uint8Array {
  const key = Buffer.allocUnsafe(12);
  treeIdKey(TABLE.pages, id).copy(key);
  key[7] = group;
  key.writeUInt32BE(page, 8);
  return key;
}

export function heldPageKey(id: number, page: number): Uint8Array {
  const key = Buffer.allocUnsafe(11);
  treeIdKey(TABLE.held, id).copy(key);
  key.writeUInt32BE(page, 7);
  return key;
}
