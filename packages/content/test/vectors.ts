import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';

/** Vectors were produced by running nim-codex, commit bd360322. */
export function loadVectors<T>(name: string): T {
  return JSON.parse(readFileSync(new URL(`./vectors/${name}.json`, import.meta.url), 'utf8')) as T;
}

/** The input stream of all vectors: SHA256(ascii(seed) ‖ u64le(c)) for c = 0, 1, 2 … */
export function data(seed: string, length: number): Uint8Array {
  const out = new Uint8Array(length);
  const counter = Buffer.alloc(8);
  for (let at = 0, c = 0n; at < length; at += 32, c++) {
    counter.writeBigUInt64LE(c);
    out.set(
      createHash('sha256')
        .update(seed)
        .update(counter)
        .digest()
        .subarray(0, length - at),
      at,
    );
  }
  return out;
}

export const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');
export const unhex = (text: string): Uint8Array => new Uint8Array(Buffer.from(text, 'hex'));

/** Digests of the padded blocks of a file, concatenated. */
export function leavesOf(bytes: Uint8Array, blockSize: number): Uint8Array {
  const count = Math.ceil(bytes.length / blockSize);
  const leaves = new Uint8Array(count * 32);
  const block = new Uint8Array(blockSize);
  for (let i = 0; i < count; i++) {
    block.fill(0);
    block.set(bytes.subarray(i * blockSize, (i + 1) * blockSize));
    leaves.set(createHash('sha256').update(block).digest(), i * 32);
  }
  return leaves;
}

/** Some distinct leaves. */
export function someLeaves(count: number): Uint8Array {
  return data(`leaves-${count}`, count * 32);
}

interface CidText {
  readonly str: string;
  readonly hex: string;
}

export interface FileVectors {
  readonly emptyBlockCid: CidText;
  readonly files: readonly {
    readonly seed: string;
    readonly size: number;
    readonly blockSize: number;
    readonly filename: string | null;
    readonly mimetype: string | null;
    readonly manifestCid: CidText;
    readonly manifestBytes: string;
    readonly treeCid: CidText;
    readonly merkleRoot: string;
    readonly blocksCount: number;
    readonly blockCids?: readonly string[];
  }[];
}

export interface TreeVectors {
  readonly trees: readonly {
    readonly nleaves: number;
    readonly root: string;
    readonly rootCid: CidText;
    readonly levels: number;
    readonly layers?: readonly (readonly string[])[];
    readonly treeEncoded?: string;
    readonly proofs: readonly {
      readonly index: number;
      readonly nleaves: number;
      readonly path: readonly string[];
      readonly encoded: string;
    }[];
  }[];
}

export interface ErasureVectors {
  readonly vectors: readonly {
    readonly size: number;
    readonly blockSize: number;
    readonly k: number;
    readonly m: number;
    readonly treeCid: string;
    readonly manifestCid: string;
    readonly protected: {
      readonly manifestCid: CidText;
      readonly manifestBytes: string;
      readonly treeCid: string;
      readonly datasetSize: number;
      readonly blocksCount: number;
    };
    readonly verifiable: {
      readonly manifestCid: CidText;
      readonly manifestBytes: string;
      readonly verifyRootCid: CidText;
      readonly cellSize: number;
      readonly numSlots: number;
      readonly slots: readonly string[];
    };
  }[];
}

export interface IndexingVectors {
  readonly vectors: readonly {
    readonly strategy: 'LinearStrategy' | 'SteppedStrategy';
    readonly first: number;
    readonly last: number;
    readonly iterations: number;
    readonly groupCount: number;
    readonly padBlockCount: number;
    readonly indices: readonly (readonly number[])[];
  }[];
}
