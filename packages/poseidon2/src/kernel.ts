import { type WasmInstance, wasm } from '@codex/runtime';
import { checkKey, elementsPerMessage, itemsIn, KEYS, messageBytes } from './batch.ts';
import { WIDTH } from './constants.ts';
import { CHUNK_BYTES, ELEMENT_BYTES, encodeElement, encodeElements } from './field.ts';
import type { Messages, Poseidon2 } from './hasher.ts';
import { kernelConstants } from './kernel-constants.ts';
import { FUSED_KERNEL, PLAIN_KERNEL } from './kernels.generated.ts';
import { initialValue, type Rate } from './reference.ts';

/** What the WebAssembly modules export (see kernel/build.ts). Counts are multiples of `LANES`. */
interface Exports {
  readonly memory: { readonly buffer: ArrayBuffer; grow(pages: number): number };
  readonly mixConstants: { readonly value: number };
  readonly innerConstants: { readonly value: number };
  readonly heap: { readonly value: number };
  readonly isFused?: (a: number, c: number) => number;
  prepare(): void;
  permute(data: number, count: number): void;
  compress(from: number, to: number, count: number, key: number): void;
  sponge(
    from: number,
    stride: number,
    size: number,
    steps: number,
    rate: number,
    to: number,
    count: number,
    iv: number,
  ): void;
}

export const KERNEL_BUILDS = ['fused', 'plain'] as const;
/** With multiplications and additions in one instruction, or one after the other. */
export type KernelBuild = (typeof KERNEL_BUILDS)[number];

/** Permutations that a kernel does side by side. */
const LANES = 4;
const PAGE_BYTES = 65_536;
/** Items of one call into the kernel: their bytes stay in the second cache. */
const ITEMS_MAX = 256;
/** Memory for the messages of one call, unless four of them are larger. */
const ROOM_BYTES = 512 * 1024;
const STATE_BYTES = WIDTH * ELEMENT_BYTES;
const PAIR_BYTES = 2 * ELEMENT_BYTES;

/** A WebAssembly instance with memory of its own, for one thread. */
export class Kernel implements Poseidon2 {
  readonly build: KernelBuild;
  readonly #exports: Exports;
  /** Where the elements 0 to 3 are, the keys. */
  readonly #keys: number;
  readonly #initialValues: number;
  readonly #room: number;
  #memory: Uint8Array;

  constructor(build: KernelBuild, instance: WasmInstance) {
    this.build = build;
    this.#exports = instance.exports as unknown as Exports;
    this.#memory = new Uint8Array(this.#exports.memory.buffer);
    this.#keys = this.#exports.heap.value;
    this.#initialValues = this.#keys + KEYS * ELEMENT_BYTES;
    this.#room = this.#initialValues + 2 * ELEMENT_BYTES;
    this.#memory.set(encodeElements([0n, 1n, 2n, 3n]), this.#keys);
    this.#memory.set(encodeElements([initialValue(1), initialValue(2)]), this.#initialValues);
    const { mix, inner } = kernelConstants();
    this.#memory.set(new Uint8Array(mix.buffer), this.#exports.mixConstants.value);
    this.#memory.set(new Uint8Array(inner.buffer), this.#exports.innerConstants.value);
    this.#exports.prepare();
  }

  static #ofThread: Kernel | undefined;

  /** The best kernel that this runtime takes, made once for each thread; undefined without SIMD. */
  static ofThread(): Kernel | undefined {
    for (const build of KERNEL_BUILDS) Kernel.#ofThread ??= Kernel.make(build);
    return Kernel.#ofThread;
  }

  /** As `ofThread`, for threads that may not compile and wait, such as the main thread of some browsers. */
  static async load(): Promise<Kernel | undefined> {
    for (const build of KERNEL_BUILDS) {
      if (Kernel.#ofThread) break;
      const bytes = bytesOf(build);
      if (!wasm.validate(bytes)) continue;
      const { instance } = await wasm.instantiate(bytes);
      if (isExact(instance)) Kernel.#ofThread ??= new Kernel(build, instance);
    }
    return Kernel.#ofThread;
  }

  /** This build, if the runtime takes it. */
  static make(build: KernelBuild): Kernel | undefined {
    const bytes = bytesOf(build);
    if (!wasm.validate(bytes)) return undefined;
    const instance = new wasm.Instance(new wasm.Module(bytes));
    return isExact(instance) ? new Kernel(build, instance) : undefined;
  }

  permute(states: Uint8Array): Uint8Array {
    const out = new Uint8Array(states.length);
    this.#inBatches(itemsIn(states, STATE_BYTES), STATE_BYTES, (first, count, padded) => {
      this.#memory.set(states.subarray(first * STATE_BYTES, (first + count) * STATE_BYTES), this.#room);
      this.#exports.permute(this.#room, padded);
      out.set(this.#read(this.#room, count * STATE_BYTES), first * STATE_BYTES);
    });
    return out;
  }

  compress(pairs: Uint8Array, key: number): Uint8Array {
    checkKey(key);
    const total = itemsIn(pairs, PAIR_BYTES);
    const out = new Uint8Array(total * ELEMENT_BYTES);
    this.#inBatches(total, PAIR_BYTES, (first, count, padded) => {
      this.#memory.set(pairs.subarray(first * PAIR_BYTES, (first + count) * PAIR_BYTES), this.#room);
      this.#exports.compress(this.#room, this.#room, padded, this.#keys + key * ELEMENT_BYTES);
      out.set(this.#read(this.#room, count * ELEMENT_BYTES), first * ELEMENT_BYTES);
    });
    return out;
  }

  hashBytes(messages: Messages): Uint8Array {
    const bytes = messageBytes(messages);
    const elements = Math.floor(bytes / CHUNK_BYTES) + 1;
    // The marker of the bytes, and at the next element the one of the sponge.
    const padding = new Uint8Array((elements + 2) * CHUNK_BYTES - bytes);
    padding[0] = 1;
    padding[elements * CHUNK_BYTES - bytes] = 1;
    return this.#sponge(messages, bytes, elements, CHUNK_BYTES, padding);
  }

  hashElements(messages: Messages): Uint8Array {
    const elements = elementsPerMessage(messages);
    const padding = new Uint8Array(2 * ELEMENT_BYTES);
    padding.set(encodeElement(1n));
    return this.#sponge(messages, elements * ELEMENT_BYTES, elements, ELEMENT_BYTES, padding);
  }

  #sponge(
    { data, count: total, rate = 2 }: Messages,
    bytes: number,
    elements: number,
    elementBytes: number,
    padding: Uint8Array,
  ): Uint8Array {
    const out = new Uint8Array(total * ELEMENT_BYTES);
    const steps = Math.ceil((elements + 1) / rate);
    // Elements of 31 bytes are read as 32.
    const stride = bytes + padding.length + ELEMENT_BYTES - elementBytes;
    this.#inBatches(total, stride, (first, count, padded) => {
      for (let i = 0; i < count; i++) {
        const at = this.#room + i * stride;
        this.#memory.set(data.subarray((first + i) * bytes, (first + i + 1) * bytes), at);
        this.#memory.set(padding, at + bytes);
      }
      const iv = this.#initialValueAt(rate);
      this.#exports.sponge(this.#room, stride, elementBytes, steps, rate, this.#room, padded, iv);
      out.set(this.#read(this.#room, count * ELEMENT_BYTES), first * ELEMENT_BYTES);
    });
    return out;
  }

  #initialValueAt(rate: Rate): number {
    return this.#initialValues + (rate - 1) * ELEMENT_BYTES;
  }

  /** Calls with as many items as there is room for; `padded` is the count that the kernel takes. */
  #inBatches(total: number, itemBytes: number, call: (first: number, count: number, padded: number) => void): void {
    const fit = Math.floor(ROOM_BYTES / itemBytes / LANES) * LANES;
    const batch = Math.max(LANES, Math.min(ITEMS_MAX, fit));
    this.#grow(this.#room + batch * itemBytes);
    for (let first = 0; first < total; first += batch) {
      const count = Math.min(batch, total - first);
      call(first, count, Math.ceil(count / LANES) * LANES);
    }
  }

  #read(at: number, bytes: number): Uint8Array {
    return this.#memory.subarray(at, at + bytes);
  }

  #grow(bytes: number): void {
    if (bytes <= this.#memory.length) return;
    this.#exports.memory.grow(Math.ceil((bytes - this.#memory.length) / PAGE_BYTES));
    this.#memory = new Uint8Array(this.#exports.memory.buffer);
  }
}

/** A runtime may round a·b + c twice where the processor has no such instruction: (1 + 2^-30)² then loses its last bit. */
function isExact({ exports }: WasmInstance): boolean {
  const { isFused } = exports as unknown as Exports;
  return !isFused || isFused(1 + 2 ** -30, -(1 + 2 ** -29)) === 2 ** -60;
}

function bytesOf(build: KernelBuild): Uint8Array {
  const text = atob(build === 'fused' ? FUSED_KERNEL : PLAIN_KERNEL);
  return Uint8Array.from(text, (character) => character.charCodeAt(0));
}
