import { readFileSync } from 'node:fs';
import { R } from '@codex/poseidon2';

/** Numbers of one or more dimensions. */
export type InputValue = bigint | number | readonly InputValue[];
export type Inputs = Readonly<Record<string, InputValue>>;

interface WitnessExports {
  init(sanityCheck: number): void;
  getWitnessSize(): number;
  readSharedRWMemory(word: number): number;
  writeSharedRWMemory(word: number, value: number): void;
  setInputSignal(hashHigh: number, hashLow: number, index: number): void;
  getInputSize(): number;
  getWitness(index: number): void;
}

/** What is used of WebAssembly: the compiler's library has it only together with a browser's names. */
const { Module, Instance } = (
  globalThis as unknown as {
    readonly WebAssembly: {
      readonly Module: new (bytes: Uint8Array) => object;
      readonly Instance: new (module: object, imports: object) => { readonly exports: unknown };
    };
  }
).WebAssembly;

const WORDS = 8;

/** FNV-1a of 64 bits, by which a generator knows its inputs. */
function nameHash(name: string): bigint {
  let hash = 0xcbf29ce484222325n;
  for (const byte of Buffer.from(name)) hash = BigInt.asUintN(64, (hash ^ BigInt(byte)) * 0x100000001b3n);
  return hash;
}

const flatten = (value: InputValue): bigint[] =>
  typeof value === 'object' ? value.flatMap(flatten) : [((BigInt(value) % R) + R) % R];

/** Runs a compiled witness generator (circom 2 interface); it throws when the inputs do not satisfy the circuit. */
export class WitnessGenerator {
  readonly #module: object;

  constructor(wasmPath: string) {
    this.#module = new Module(readFileSync(wasmPath));
  }

  witness(inputs: Inputs): bigint[] {
    const runtime = {
      exceptionHandler(code: number) {
        throw new Error(`The inputs do not satisfy the circuit (${code})`);
      },
      printErrorMessage() {},
      writeBufferMessage() {},
      showSharedRWMemory() {},
    };
    const exports = new Instance(this.#module, { runtime }).exports as WitnessExports;
    exports.init(1);
    let count = 0;
    for (const [name, value] of Object.entries(inputs)) {
      const hash = nameHash(name);
      for (const [i, element] of flatten(value).entries()) {
        for (let word = 0; word < WORDS; word++) {
          exports.writeSharedRWMemory(word, Number((element >> BigInt(32 * word)) & 0xffffffffn));
        }
        exports.setInputSignal(Number(hash >> 32n), Number(hash & 0xffffffffn), i);
        count++;
      }
    }
    if (count !== exports.getInputSize()) throw new Error(`${count} inputs of ${exports.getInputSize()}`);
    return Array.from({ length: exports.getWitnessSize() }, (_, i) => {
      exports.getWitness(i);
      let value = 0n;
      for (let word = WORDS - 1; word >= 0; word--) {
        value = (value << 32n) | BigInt(exports.readSharedRWMemory(word) >>> 0);
      }
      return value;
    });
  }
}
