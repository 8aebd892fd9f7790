import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import {
  type CodeParameters,
  createCodec,
  type ErasureCodec,
  KERNEL_BUILDS,
  Kernel,
  ReferenceCodec,
} from '../../src/index.ts';

type Make = (parameters: CodeParameters) => ErasureCodec;

/** The codecs on each build of the kernel; the pinned runtime takes all of them. */
export const kernelCodecs: readonly (readonly [string, Make])[] = KERNEL_BUILDS.map((build) => {
  const kernel = Kernel.make(build);
  if (!kernel) throw new Error(`This runtime does not take the ${build} kernel`);
  return [`${build} kernel`, (parameters) => createCodec(parameters, kernel)];
});

export const allCodecs: readonly (readonly [string, Make])[] = [
  ['reference', (parameters) => new ReferenceCodec(parameters)],
  ...kernelCodecs,
];

export const sha256 = (...parts: readonly Uint8Array[]) => {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(part);
  return hash.digest('hex');
};

/** A row of leopard.json: what the reference's library makes of a seed. */
export interface LeopardVector {
  readonly k: number;
  readonly m: number;
  readonly shardSize: number;
  readonly seed: string;
  readonly parityAllSha256: string;
  readonly paritySha256?: readonly string[];
  readonly parityHex?: readonly string[];
}

export const leopardVectors: readonly LeopardVector[] = JSON.parse(
  readFileSync(new URL('../vectors/leopard.json', import.meta.url), 'utf8'),
).vectors;

/** SHA256(seed || 64-bit counter) one after the other, cut into shards. */
export function seededShards(seed: string, count: number, shardBytes: number): Uint8Array[] {
  const bytes = new Uint8Array(Math.ceil((count * shardBytes) / 32) * 32);
  const counter = Buffer.alloc(8);
  for (let at = 0, c = 0n; at < bytes.length; at += 32, c++) {
    counter.writeBigUInt64LE(c);
    bytes.set(createHash('sha256').update(seed, 'ascii').update(counter).digest(), at);
  }
  return Array.from({ length: count }, (_, i) => bytes.subarray(i * shardBytes, (i + 1) * shardBytes));
}

/** The data of the table in 02 §6. */
export const patternShards = (count: number, shardBytes: number): Uint8Array[] =>
  Array.from({ length: count }, (_, i) =>
    Uint8Array.from({ length: shardBytes }, (_, j) => (31 * i + 7 * j + ((i * j) % 11) + 5) & 255),
  );

export const emptyShards = (count: number, shardBytes: number): Uint8Array[] =>
  Array.from({ length: count }, () => new Uint8Array(shardBytes));

export function encode(codec: ErasureCodec, data: readonly Uint8Array[]): Uint8Array[] {
  const parity = emptyShards(codec.parity, data[0]!.length);
  codec.encode(data, parity);
  return parity;
}

/** Decodes with the rows `lost` taken away: 0 … K−1 are data, K … parity. */
export function decode(
  codec: ErasureCodec,
  data: readonly Uint8Array[],
  parity: readonly Uint8Array[],
  lost: ReadonlySet<number>,
): Map<number, Uint8Array> {
  const restored = new Map<number, Uint8Array>();
  data.forEach((shard, i) => {
    // Not zeros, so that a buffer that was not written is seen.
    if (lost.has(i)) restored.set(i, new Uint8Array(shard.length).fill(0xa5));
  });
  codec.decode({
    data: data.map((shard, i) => (lost.has(i) ? undefined : shard)),
    parity: parity.map((shard, j) => (lost.has(codec.data + j) ? undefined : shard)),
    restored,
  });
  return restored;
}
