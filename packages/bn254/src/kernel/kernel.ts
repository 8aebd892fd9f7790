import { type WasmInstance, type WasmMemory, wasm } from '@codex/runtime';
import { Bn254Error } from '../errors.ts';
import { baseField, scalarField } from '../reference/prime-field.ts';
import { BASE, MONTGOMERY, PAIR_BYTES, ROOM, readPair, writeConstants, writePair } from './constants.ts';
import { FUSED_KERNEL, SIMD_KERNEL } from './kernels.generated.ts';

export const KERNEL_BUILDS = ['fused', 'simd'] as const;
/** The instructions that a kernel was built for. */
export type KernelBuild = (typeof KERNEL_BUILDS)[number];

/** What the WebAssembly modules export (see assembly/index.ts). Those of points are there twice, for G1 and G2. */
interface Exports {
  readonly memory: WasmMemory;
  multiply(to: number, a: number, b: number, field: number): void;
  multiplyAndAdd(to: number, a: number, b: number, c: number, d: number, field: number): void;
  square(to: number, a: number, field: number): void;
  settle(to: number, a: number, field: number): void;
  unpack(to: number, from0: number, from1: number): void;
  pack(to: number, a: number, lane: number, field: number): void;
  powers(to: number, one: number, root: number, count: number, field: number): void;
  columns(
    from: number,
    fromRow: number,
    fromColumn: number,
    to: number,
    toRow: number,
    toColumn: number,
    count: number,
    size: number,
    roots: number,
    before: number,
    after: number,
    data: number,
    field: number,
  ): void;
  lines(to: number, point: number, others: number, steps: number, count: number): void;
  loop(element: number, lines: number, places: number, runs: number, steps: number, count: number): void;
  power(to: number, base: number, digits: number, count: number): void;
  digits(to: number, scalars: number, count: number, bits: number, windows: number): void;
  multiplySubtract(to: number, a: number, b: number, c: number, count: number, factor: number): void;
  factors(to: number, from: number, count: number, factor: number): void;
  addSparseRows(
    to: number,
    ends: number,
    rows: number,
    values: number,
    coefficients: number,
    count: number,
    table: number,
    products: number,
    sum: number,
  ): void;
}

/** The functions on points of one group. */
export interface GroupKernel {
  /** Of a point, as the kernel calculates with it. */
  readonly pointBytes: number;
  /** Of a point, as keys hold it. */
  readonly packedBytes: number;
  /** The room that additions need. */
  readonly batchBytes: number;
  readonly read: Call;
  readonly write: Call;
  readonly select: Call;
  readonly fill: Call;
  readonly addRows: Call;
  readonly foldRows: Call;
  readonly addArrays: Call;
  readonly multiples: Call;
  readonly clear: Call;
  readonly addMultiples: Call;
}

type Call = (...args: number[]) => number;

const PAGE_BYTES = 65_536;

/** As in assembly/points.ts: pairs of additions that share an inversion. */
const BATCH = 1024;

/** A WebAssembly instance with memory of its own, for one thread. It keeps nothing from one call to the next. */
export class Kernel {
  readonly build: KernelBuild;
  readonly exports: Exports;
  readonly g1: GroupKernel;
  readonly g2: GroupKernel;
  #bytes: Uint8Array;
  #view: DataView;

  constructor(build: KernelBuild, instance: WasmInstance) {
    this.build = build;
    this.exports = instance.exports as unknown as Exports;
    this.g1 = groupKernel(instance, 1);
    this.g2 = groupKernel(instance, 2);
    this.#bytes = new Uint8Array(this.exports.memory.buffer);
    this.#view = new DataView(this.exports.memory.buffer);
    this.room(0);
    writeConstants(this.#view);
  }

  static #ofThread: Kernel | undefined;

  /** The best kernel that this runtime takes, made once for each thread. `BN254_UNSUPPORTED`. */
  static ofThread(): Kernel {
    Kernel.#ofThread ??= KERNEL_BUILDS.map((build) => Kernel.make(build)).find((kernel) => kernel !== undefined);
    if (!Kernel.#ofThread) throw new Bn254Error('BN254_UNSUPPORTED', 'This runtime has no WebAssembly SIMD');
    return Kernel.#ofThread;
  }

  /** A kernel of a certain build; undefined where the runtime has not its instructions, or does not fuse. */
  static make(build: KernelBuild): Kernel | undefined {
    const text = atob(build === 'fused' ? FUSED_KERNEL : SIMD_KERNEL);
    const bytes = Uint8Array.from(text, (char) => char.charCodeAt(0));
    if (!wasm.validate(bytes)) return undefined;
    const kernel = new Kernel(build, new wasm.Instance(new wasm.Module(bytes)));
    return kernel.#isExact() ? kernel : undefined;
  }

  /** The memory; valid until `room` is called again. */
  get bytes(): Uint8Array {
    return this.#bytes;
  }

  get view(): DataView {
    return this.#view;
  }

  /** The address of so much memory, until the next call. */
  room(bytes: number): number {
    const { memory } = this.exports;
    const missing = ROOM + bytes - memory.buffer.byteLength;
    if (missing > 0) memory.grow(Math.ceil(missing / PAGE_BYTES));
    if (this.#bytes.buffer !== memory.buffer) {
      this.#bytes = new Uint8Array(memory.buffer);
      this.#view = new DataView(memory.buffer);
    }
    return ROOM;
  }

  /** A processor may round the product of a multiply-add; then products are wrong. */
  #isExact(): boolean {
    const a = baseField.modulus / 3n;
    const b = scalarField.modulus / 5n;
    const at = this.room(3 * PAIR_BYTES);
    writePair(this.#view, at, a, b);
    writePair(this.#view, at + PAIR_BYTES, b, b);
    this.exports.multiply(at + 2 * PAIR_BYTES, at, at + PAIR_BYTES, BASE);
    const [first, second] = readPair(this.#view, at + 2 * PAIR_BYTES);
    return baseField.of(first * MONTGOMERY - a * b) === 0n && baseField.of(second * MONTGOMERY - b * b) === 0n;
  }
}

function groupKernel(instance: WasmInstance, group: 1 | 2): GroupKernel {
  const named = (name: string) => instance.exports[`${name}${group}`] as Call;
  const pointBytes = PAIR_BYTES * group;
  return {
    pointBytes,
    packedBytes: 64 * group,
    batchBytes: BATCH * 2 * (4 * pointBytes + 16) + pointBytes,
    read: named('read'),
    write: named('write'),
    select: named('select'),
    fill: named('fill'),
    addRows: named('addRows'),
    foldRows: named('foldRows'),
    addArrays: named('addArrays'),
    multiples: named('multiples'),
    clear: named('clear'),
    addMultiples: named('addMultiples'),
  };
}
