import { type WasmInstance, type WasmMemory, wasm } from '@codex/runtime';
import { type Field, fieldOf, multiply } from './field.ts';
import { RELAXED_KERNEL, SIMD_KERNEL } from './kernels.generated.ts';

/** What the WebAssembly modules export (see assembly/index.ts); `8` and `16` are the bits of a symbol. */
interface Exports {
  readonly memory: WasmMemory;
  addUp(to: number, from: number, stride: number, count: number, bytes: number): void;
  combine4(to: number, from: number, stride: number, count: number, bytes: number, tables: number): void;
}

/** The functions that there are for symbols of 8 and of 16 bits. */
export interface FieldKernel {
  /** Bytes of the tables of one factor. */
  readonly tablesBytes: number;
  tablesOf(to: number, factor: number): void;
  scale(row: number, bytes: number, tables: number): void;
  combine(to: number, from: number, stride: number, count: number, bytes: number, tables: number): void;
  inverse(rows: number, stride: number, bytes: number, size: number, count: number, base: number, sum: number): void;
  forward(rows: number, stride: number, bytes: number, size: number, from: number, to: number): void;
  restore(rows: number, stride: number, bytes: number, size: number, count: number, from: number, to: number): void;
}

type Call = (...args: number[]) => void;

export const KERNEL_BUILDS = ['relaxed', 'simd'] as const;
/** The instructions that a kernel was built for. */
export type KernelBuild = (typeof KERNEL_BUILDS)[number];

const PAGE_BYTES = 65_536;
const SMALL_TABLES_BYTES = 32;
const LARGE_TABLES_BYTES = 128;
// The memory: tables of powers of two and of all factors, for each field, then room for one call's rows.
const SMALL_BASIS = 1024;
const SMALL_TABLES = SMALL_BASIS + 8 * SMALL_TABLES_BYTES;
const LARGE_BASIS = SMALL_TABLES + 256 * SMALL_TABLES_BYTES;
const LARGE_TABLES = LARGE_BASIS + 16 * LARGE_TABLES_BYTES;

/**
 * A WebAssembly instance with memory of its own, for one thread. It keeps the tables of the fields; the rest of its memory
 * is lent for the time of one call.
 */
export class Kernel {
  readonly build: KernelBuild;
  readonly #exports: Exports & Record<string, Call>;
  #memory: Uint8Array;
  /** Points that there are tables for in the larger field. */
  #largePoints = 0;
  readonly #small: FieldKernel;
  readonly #large: FieldKernel;

  constructor(build: KernelBuild, instance: WasmInstance) {
    this.build = build;
    this.#exports = instance.exports as unknown as Exports & Record<string, Call>;
    this.#memory = new Uint8Array(this.#exports.memory.buffer);
    this.#grow(LARGE_TABLES);
    this.#writeBasis(fieldOf(8), SMALL_BASIS);
    this.#exports.spread8!(SMALL_TABLES, SMALL_BASIS, 256);
    this.#small = this.#fieldKernel(8, SMALL_TABLES_BYTES, SMALL_BASIS, SMALL_TABLES);
    this.#large = this.#fieldKernel(16, LARGE_TABLES_BYTES, LARGE_BASIS, LARGE_TABLES);
  }

  static #ofThread: Kernel | undefined;

  /** The best kernel that this runtime takes, made once for each thread; undefined without SIMD. */
  static ofThread(): Kernel | undefined {
    Kernel.#ofThread ??= KERNEL_BUILDS.map((build) => Kernel.make(build)).find((kernel) => kernel !== undefined);
    return Kernel.#ofThread;
  }

  /** As `ofThread`, for threads that may not compile and wait, such as the main thread of some browsers. */
  static async load(): Promise<Kernel | undefined> {
    for (const build of KERNEL_BUILDS) {
      if (Kernel.#ofThread) break;
      const bytes = bytesOf(build);
      if (!wasm.validate(bytes)) continue;
      const { instance } = await wasm.instantiate(bytes);
      Kernel.#ofThread ??= new Kernel(build, instance);
    }
    return Kernel.#ofThread;
  }

  /** A kernel of a certain build; undefined where the runtime has not its instructions. */
  static make(build: KernelBuild): Kernel | undefined {
    const bytes = bytesOf(build);
    if (!wasm.validate(bytes)) return undefined;
    return new Kernel(build, new wasm.Instance(new wasm.Module(bytes)));
  }

  /** Bytes that it holds: it grows as codes need it and never shrinks. */
  get memoryBytes(): number {
    return this.#memory.byteLength;
  }

  /** The memory; valid until `room` is called again. */
  get memory(): Uint8Array {
    return this.#memory;
  }

  get rows(): Pick<Exports, 'addUp' | 'combine4'> {
    return this.#exports;
  }

  /** The functions for a field, with tables for the butterflies of so many points. */
  field(bits: 8 | 16, points: number): FieldKernel {
    if (bits === 8) return this.#small;
    if (points > this.#largePoints) {
      this.#grow(LARGE_TABLES + (points / 2) * LARGE_TABLES_BYTES);
      if (this.#largePoints === 0) this.#writeBasis(fieldOf(16), LARGE_BASIS);
      this.#exports.spread16!(LARGE_TABLES, LARGE_BASIS, points);
      this.#largePoints = points;
    }
    return this.#large;
  }

  /** The address of so much memory behind the tables, until the next call. */
  room(bytes: number): number {
    const begin = LARGE_TABLES + (this.#largePoints / 2) * LARGE_TABLES_BYTES;
    this.#grow(begin + bytes);
    return begin;
  }

  #grow(bytes: number): void {
    const { memory } = this.#exports;
    const missing = bytes - memory.buffer.byteLength;
    if (missing > 0) memory.grow(Math.ceil(missing / PAGE_BYTES));
    if (this.#memory.buffer !== memory.buffer) this.#memory = new Uint8Array(memory.buffer);
  }

  /** The tables of the factors 1, 2, 4, … of a field: what is laid out there is told in assembly/multiply.ts. */
  #writeBasis(field: Field, at: number): void {
    const resultBytes = field.bits / 8;
    let to = at;
    for (let factor = 1; factor < field.order; factor *= 2) {
      for (let shift = 0; shift < field.bits; shift += 4) {
        for (let byte = 0; byte < resultBytes; byte++) {
          for (let nibble = 0; nibble < 16; nibble++) {
            this.#memory[to++] = multiply(field, nibble << shift, factor) >> (8 * byte);
          }
        }
      }
    }
  }

  #fieldKernel(bits: 8 | 16, tablesBytes: number, basis: number, tables: number): FieldKernel {
    const named = (name: string) => this.#exports[`${name}${bits}`]!;
    const tablesOf = named('tablesOf');
    const inverse = named('inverse');
    const forward = named('forward');
    const restore = named('restore');
    return {
      tablesBytes,
      tablesOf: (to, factor) => tablesOf(to, basis, factor),
      scale: named('scale'),
      combine: named('combine'),
      inverse: (rows, stride, bytes, size, count, base, sum) =>
        inverse(rows, stride, bytes, tables, size, count, base, sum),
      forward: (rows, stride, bytes, size, from, to) => forward(rows, stride, bytes, tables, size, from, to),
      restore: (rows, stride, bytes, size, count, from, to) =>
        restore(rows, stride, bytes, tables, size, count, from, to),
    };
  }
}

function bytesOf(build: KernelBuild): Uint8Array<ArrayBuffer> {
  const text = atob(build === 'relaxed' ? RELAXED_KERNEL : SIMD_KERNEL);
  return Uint8Array.from(text, (char) => char.charCodeAt(0));
}
