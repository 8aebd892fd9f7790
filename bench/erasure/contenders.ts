import { type CodeParameters, createCodec, type ErasureCodec, Kernel, ReferenceCodec } from '@codex/erasure';
import { installRivals, loadNative, loadRival } from './rivals/load.ts';

/** The shards of one code word, and room for what is made of them. */
export interface Word extends CodeParameters {
  readonly shardBytes: number;
  /** Data and then parity, one after the other. */
  readonly bytes: Uint8Array;
  /** Indices of the data shards that decoding has to do without. */
  readonly lost: readonly number[];
}

export const shardOf = ({ bytes, shardBytes }: Word, index: number): Uint8Array =>
  bytes.subarray(index * shardBytes, (index + 1) * shardBytes);

/** One implementation at work on one word. */
export interface Coder {
  encode(): void | Promise<void>;
  /** Restores the lost data shards; returns them in order, to be compared. Absent where it cannot decode. */
  decode?(): readonly Uint8Array[] | Promise<readonly Uint8Array[]>;
}

export interface Implementation {
  readonly name: string;
  /** Undefined where the implementation does not go so far. */
  open(word: Word): Coder | undefined;
}

function ours(name: string, make: (parameters: CodeParameters) => ErasureCodec): Implementation {
  return {
    name,
    open(word) {
      const codec = make(word);
      const shards = Array.from({ length: word.data + word.parity }, (_, i) => shardOf(word, i));
      const data = shards.slice(0, word.data);
      const parity = shards.slice(word.data);
      const left = data.map((shard, i) => (word.lost.includes(i) ? undefined : shard));
      const restored = new Map(word.lost.map((i) => [i, new Uint8Array(word.shardBytes)]));
      return {
        encode: () => codec.encode(data, parity),
        decode() {
          codec.decode({ data: left, parity, restored });
          return [...restored.values()];
        },
      };
    },
  };
}

/** The data shards copied: what taking them in costs any codec. */
export const copy: Implementation = {
  name: 'memcpy',
  open(word) {
    const from = word.bytes.subarray(0, word.data * word.shardBytes);
    const to = new Uint8Array(from.length);
    const all = (): void => {
      for (let at = 0; at < from.length; at += word.shardBytes) to.set(from.subarray(at, at + word.shardBytes), at);
    };
    return { encode: all };
  },
};

export const twin = ours('our twin', (parameters) => new ReferenceCodec(parameters));

const kernelOf = (build: 'relaxed' | 'simd') => {
  const kernel = Kernel.make(build);
  return kernel && ours(`our ${build} kernel`, (parameters) => createCodec(parameters, kernel));
};
export const relaxed = kernelOf('relaxed');
export const simd = kernelOf('simd');

/** Two packages with the same interface: reed-solomon-erasure of Rust, in WebAssembly. Matrices over GF(2^8). */
interface RustWasm {
  encode(shards: Uint8Array, data: number, parity: number): number;
  reconstruct(shards: Uint8Array, data: number, parity: number, available: boolean[]): number;
}

function rustWasm(name: string, instance: RustWasm): Implementation {
  const done = (result: number): void => {
    if (result !== 0) throw new Error(`${name} failed with ${result}`);
  };
  return {
    name,
    open(word) {
      if (word.data + word.parity > 255) return undefined;
      const own = word.bytes.slice();
      const available = Array.from({ length: word.data + word.parity }, (_, i) => !word.lost.includes(i));
      const inOwn = (index: number) => shardOf({ ...word, bytes: own }, index);
      return {
        encode: () => done(instance.encode(own, word.data, word.parity)),
        decode() {
          for (const index of word.lost) inOwn(index).fill(0);
          done(instance.reconstruct(own, word.data, word.parity, available));
          return word.lost.map(inOwn);
        },
      };
    },
  };
}

/** A port of klauspost's matrices to JavaScript, which only encodes. */
interface Bnb {
  readonly ReedSolomon: new (
    data: number,
    parity: number,
    segmentBytes: number,
  ) => { encodeSegment(segment: Uint8Array): Uint8Array[] };
}

function bnb({ ReedSolomon }: Bnb): Implementation {
  return {
    name: '@bnb-chain',
    open(word) {
      if (word.data + word.parity > 255) return undefined;
      const dataBytes = word.data * word.shardBytes;
      const codec = new ReedSolomon(word.data, word.parity, dataBytes);
      const segment = word.bytes.slice(0, dataBytes);
      return { encode: () => void codec.encodeSegment(segment) };
    },
  };
}

/** Cauchy bit matrices in C, on a thread of the pool; at most 24 + 6 rows. */
interface Ronomon {
  readonly MAX_K: number;
  readonly MAX_M: number;
  create(data: number, parity: number): object;
  encode(
    context: object,
    sources: number,
    targets: number,
    buffer: Uint8Array,
    bufferOffset: number,
    bufferSize: number,
    parity: Uint8Array,
    parityOffset: number,
    paritySize: number,
    done: (error?: Error) => void,
  ): void;
}

function ronomon(addon: Ronomon): Implementation {
  return {
    name: '@ronomon (C)',
    open(word) {
      if (word.data > addon.MAX_K || word.parity > addon.MAX_M) return undefined;
      const context = addon.create(word.data, word.parity);
      const dataBytes = word.data * word.shardBytes;
      const data = Buffer.from(word.bytes.slice(0, dataBytes));
      const parity = Buffer.alloc(word.parity * word.shardBytes);
      const rows = 2 ** word.data - 1;
      const parityRows = (2 ** word.parity - 1) * 2 ** word.data;
      const lost = word.lost.reduce((bits, index) => bits + 2 ** index, 0);
      const run = (sources: number, targets: number) =>
        new Promise<void>((resolve, reject) => {
          const done = (error?: Error) => (error ? reject(error) : resolve());
          addon.encode(context, sources, targets, data, 0, data.length, parity, 0, parity.length, done);
        });
      const own = { ...word, bytes: data };
      return {
        encode: () => run(rows, parityRows),
        async decode() {
          await run(rows - lost + parityRows, lost);
          return word.lost.map((index) => shardOf(own, index));
        },
      };
    },
  };
}

export const isOurs = (name: string): boolean => name.startsWith('our ');
export const isNative = (name: string): boolean => name.endsWith('(C)');

/** What npm has; a rival that this machine cannot run is left out with a note. */
export function rivals(note: (text: string) => void): Implementation[] {
  installRivals();
  const found: Implementation[] = [];
  const attempt = (make: () => Implementation): void => {
    try {
      found.push(make());
    } catch (error) {
      note(`left out: ${(error as Error).message}`);
    }
  };
  attempt(() => {
    type Module = { readonly ReedSolomonErasure: { fromCurrentDirectorySync(): RustWasm } };
    const module = loadRival<Module>('@digitaldefiance/reed-solomon-erasure.wasm');
    return rustWasm('@digitaldefiance (WASM)', module.ReedSolomonErasure.fromCurrentDirectorySync());
  });
  attempt(() => {
    type Module = { createWasmReedSolomonBinding(): RustWasm };
    const module = loadRival<Module>('@shelby-protocol/reed-solomon');
    return rustWasm('@shelby-protocol (WASM)', module.createWasmReedSolomonBinding());
  });
  attempt(() => bnb(loadRival<Bnb>('@bnb-chain/reed-solomon')));
  attempt(() => ronomon(loadNative<Ronomon>()));
  return found;
}
