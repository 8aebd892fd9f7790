import { readFileSync, statSync } from 'node:fs';
import { scalarField } from '@codex/bn254';
import { type WasmMemory, wasm } from '@codex/runtime';
import { Groth16Error } from '../errors.ts';
import { ELEMENT_WORDS } from '../format/elements.ts';

/** What witness generators of circom 2 export, as far as it is used. Numbers pass through memory, in eight words. */
export interface GeneratorExports {
  readonly memory: WasmMemory;
  getVersion(): number;
  getFieldNumLen32(): number;
  getRawPrime(): void;
  /** Where numbers are passed, in bytes. */
  getSharedRWMemoryStart(): number;
  /** Begins anew; with 1, every constraint that an assignment belongs to is checked. */
  init(sanityCheck: number): void;
  getInputSize(): number;
  /** How many numbers an input has; 0 or -1 if there is none of that name. */
  getInputSignalSize(hashHigh: number, hashLow: number): number;
  /** With the last one everything else is computed. */
  setInputSignal(hashHigh: number, hashLow: number, index: number): void;
  getWitnessSize(): number;
  getWitness(index: number): void;
  /** The next character of a message, 0 at its end. */
  getMessageChar(): number;
}

const FUNCTIONS = [
  'getVersion',
  'getFieldNumLen32',
  'getRawPrime',
  'getSharedRWMemoryStart',
  'init',
  'getInputSize',
  'getInputSignalSize',
  'setInputSignal',
  'getWitnessSize',
  'getWitness',
  'getMessageChar',
] as const;

/** What generators call. */
interface GeneratorImports {
  readonly exceptionHandler: (code: number) => void;
  readonly printErrorMessage: () => void;
  readonly writeBufferMessage: () => void;
  readonly showSharedRWMemory: () => void;
}

/** Compiled generators that a thread keeps: a node proves with one circuit, or with a few. */
const MODULES_MAX = 2;

/** By path, size and time of the last change; the one used last is at the end. */
const modules = new Map<string, object>();

/** A new instance of a generator, whose memory goes with it. `GROTH16_FILE_UNREADABLE`, `GROTH16_FILE_INVALID`. */
export function instantiate(path: string, runtime: GeneratorImports): GeneratorExports {
  const module = load(path);
  let exports: GeneratorExports;
  try {
    exports = new wasm.Instance(module, { runtime }).exports as unknown as GeneratorExports;
  } catch (cause) {
    throw invalid(path, cause instanceof Error ? cause.message : String(cause), cause);
  }
  if (FUNCTIONS.some((name) => typeof exports[name] !== 'function') || !exports.memory) {
    throw invalid(path, 'it is no witness generator');
  }
  if (exports.getVersion() !== 2) throw invalid(path, 'it is not of circom 2');
  exports.getRawPrime();
  const words = new Uint32Array(exports.memory.buffer, exports.getSharedRWMemoryStart(), ELEMENT_WORDS);
  const prime = words.reduceRight((value, word) => (value << 32n) | BigInt(word), 0n);
  if (exports.getFieldNumLen32() !== ELEMENT_WORDS || prime !== scalarField.modulus) {
    throw invalid(path, 'it is of another field');
  }
  return exports;
}

function load(path: string): object {
  let bytes: Uint8Array;
  let name: string;
  try {
    const { size, mtimeMs } = statSync(path);
    name = `${size} ${mtimeMs} ${path}`;
    const known = modules.get(name);
    if (known) {
      modules.delete(name);
      modules.set(name, known);
      return known;
    }
    bytes = readFileSync(path);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new Groth16Error('GROTH16_FILE_UNREADABLE', `${path} cannot be read: ${reason}`, { path, reason }, { cause });
  }
  if (!wasm.validate(bytes)) throw invalid(path, 'it is no WebAssembly');
  const module = new wasm.Module(bytes);
  modules.set(name, module);
  for (const oldest of modules.keys()) {
    if (modules.size <= MODULES_MAX) break;
    modules.delete(oldest);
  }
  return module;
}

function invalid(file: string, reason: string, cause?: unknown): Groth16Error {
  return new Groth16Error('GROTH16_FILE_INVALID', `${file} cannot be used: ${reason}`, { file, reason }, { cause });
}
