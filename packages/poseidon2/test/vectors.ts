import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { encodeElements } from '../src/index.ts';

/** Hexadecimal, lowest byte first, and decimal. */
interface Digest {
  readonly le: string;
  readonly dec: string;
}

export interface Vectors {
  readonly permutation: readonly { readonly in: readonly number[]; readonly out: readonly string[] }[];
  readonly compress: readonly { readonly a: number; readonly b: number; readonly key: number; readonly out: Digest }[];
  readonly merkle: readonly { readonly n: number; readonly root: Digest }[];
  readonly merkleProofs: readonly {
    readonly n: number;
    readonly index: number;
    readonly path: readonly string[];
    readonly root: string;
  }[];
  readonly spongeBytes: readonly {
    readonly seed: string;
    readonly len: number;
    readonly rate1: Digest;
    readonly rate2: Digest;
    readonly merkleBytes: Digest;
    readonly elements: number;
  }[];
  readonly spongeElements: readonly { readonly n: number; readonly rate1: Digest; readonly rate2: Digest }[];
  readonly elements: readonly { readonly seed: string; readonly len: number; readonly elements: readonly string[] }[];
  readonly cellDigests: readonly {
    readonly seed?: string;
    readonly len?: number;
    readonly zeros?: number;
    readonly digest: Digest;
  }[];
  readonly blockDigests: readonly {
    readonly seed?: string;
    readonly zeros?: number;
    readonly size: number;
    readonly cellSize: number;
    readonly root: Digest;
    readonly leaves: number;
    readonly multihash_merkle2kb: string;
    readonly multihash_sponge_r2: string;
  }[];
}

export const vectors = JSON.parse(readFileSync(new URL('vectors/poseidon2.json', import.meta.url), 'utf8')) as Vectors;

/** The first bytes of SHA-256 over the seed and a counter, as the vectors were made. */
export function seeded(seed: string, length: number): Uint8Array {
  const out = new Uint8Array(length);
  for (let at = 0, counter = 0n; at < length; at += 32, counter++) {
    const suffix = Buffer.alloc(8);
    suffix.writeBigUInt64LE(counter);
    const chunk = createHash('sha256').update(seed).update(suffix).digest();
    out.set(chunk.subarray(0, Math.min(32, length - at)), at);
  }
  return out;
}

export const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');

/** The elements from 1 to n. */
export const upTo = (n: number): Uint8Array => encodeElements(Array.from({ length: n }, (_, i) => BigInt(i + 1)));
