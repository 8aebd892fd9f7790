import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { buildCircuit, NETWORK_PARAMETERS } from '@codex/circuits';
import type { ProofInputJson } from '../../src/index.ts';

/** What is used of a witness generator (circom 2 interface). */
interface Generator {
  init(sanityCheck: number): void;
  writeSharedRWMemory(word: number, value: number): void;
  readSharedRWMemory(word: number): number;
  setInputSignal(hashHigh: number, hashLow: number, index: number): void;
  getInputSize(): number;
  getWitness(index: number): void;
}

const { Module, Instance } = (
  globalThis as unknown as {
    readonly WebAssembly: {
      readonly Module: new (bytes: Uint8Array) => object;
      readonly Instance: new (module: object, imports: object) => { readonly exports: unknown };
    };
  }
).WebAssembly;

const CACHE = fileURLToPath(new URL('../../../../.cache/circuits', import.meta.url));
const WORDS = 8;

function fnv(name: string): bigint {
  let hash = 0xcbf29ce484222325n;
  for (const byte of Buffer.from(name)) hash = BigInt.asUintN(64, (hash ^ BigInt(byte)) * 0x100000001b3n);
  return hash;
}

/** Gives inputs to the circuit of the network with so many samples; the first values of a witness that satisfies it, or it throws. */
export async function witnessMaker(nSamples: number): Promise<(input: ProofInputJson, values: number) => bigint[]> {
  const { wasm } = await buildCircuit({ ...NETWORK_PARAMETERS, nSamples }, { cache: CACHE });
  const module = new Module(readFileSync(wasm));
  const runtime = {
    exceptionHandler(code: number) {
      throw new Error(`The inputs do not satisfy the circuit (${code})`);
    },
    printErrorMessage() {},
    writeBufferMessage() {},
    showSharedRWMemory() {},
  };
  return (input, values) => {
    const generator = new Instance(module, { runtime }).exports as Generator;
    generator.init(1);
    let count = 0;
    for (const [name, value] of Object.entries(input)) {
      const hash = fnv(name);
      const elements = [value].flat(3).map(BigInt);
      for (const [i, element] of elements.entries()) {
        for (let word = 0; word < WORDS; word++) {
          generator.writeSharedRWMemory(word, Number((element >> BigInt(32 * word)) & 0xffffffffn));
        }
        generator.setInputSignal(Number(hash >> 32n), Number(hash & 0xffffffffn), i);
      }
      count += elements.length;
    }
    if (count !== generator.getInputSize()) throw new Error(`${count} inputs of ${generator.getInputSize()}`);
    return Array.from({ length: values }, (_, i) => {
      generator.getWitness(i);
      let value = 0n;
      for (let word = WORDS; word-- > 0; ) value = (value << 32n) | BigInt(generator.readSharedRWMemory(word) >>> 0);
      return value;
    });
  };
}
