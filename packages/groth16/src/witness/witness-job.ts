import { defineJob } from '@codex/compute';
import { Groth16Error } from '../errors.ts';
import { ELEMENT_BYTES, ELEMENT_WORDS, isScalar } from '../format/elements.ts';
import { WIRES_MAX } from '../format/limits.ts';
import type { Witness } from '../format/types.ts';
import { type GeneratorExports, instantiate } from './generator-module.ts';
import { type CircuitInputs, flatten, wrong } from './inputs.ts';

/** The end of what a generator says is enough to see what it found. */
const OUTPUT_CHARACTERS_MAX = 2000;

/** What a generator means by its codes. */
const FAULTS: Readonly<Record<number, string>> = {
  1: 'a signal was not found',
  2: 'too many signals were set',
  3: 'a signal was set twice',
  4: 'the inputs do not satisfy the circuit',
  5: 'there is not enough memory',
  6: 'an input has too many numbers',
  7: 'an index is out of bounds',
};

export interface WitnessRequest {
  readonly path: string;
  readonly inputs: CircuitInputs;
}

export const witnessJob = defineJob(import.meta.url, 'witnessJob', ({ path, inputs }: WitnessRequest): Witness => {
  const said = new Messages();
  const exports = instantiate(path, {
    exceptionHandler(code) {
      throw said.failure(FAULTS[code] ?? `fault ${code}`);
    },
    printErrorMessage: () => said.take(exports),
    writeBufferMessage: () => said.take(exports),
    showSharedRWMemory() {},
  });
  try {
    exports.init(1);
    setInputs(exports, inputs);
    return readWitness(exports);
  } catch (error) {
    if (error instanceof Groth16Error) throw error;
    throw said.failure(error instanceof Error ? error.message : String(error));
  }
});

/** What a generator says about where it fails, or logs. */
class Messages {
  #text = '';

  take(exports: GeneratorExports): void {
    let message = '';
    for (let char = exports.getMessageChar(); char !== 0; char = exports.getMessageChar()) {
      if (message.length < OUTPUT_CHARACTERS_MAX) message += String.fromCharCode(char);
    }
    this.#text = `${this.#text}${message}\n`.slice(-OUTPUT_CHARACTERS_MAX);
  }

  failure(reason: string): Groth16Error {
    const output = this.#text.trim();
    return new Groth16Error(
      'GROTH16_WITNESS_FAILED',
      `There is no witness: ${reason}${output === '' ? '' : `\n${output}`}`,
      { reason, output },
    );
  }
}

function setInputs(exports: GeneratorExports, inputs: CircuitInputs): void {
  let missing = exports.getInputSize();
  const all = Object.entries(inputs).map(([name, value]) => {
    const hash = nameHash(name);
    const [high, low] = [Number(hash >> 32n), Number(hash & 0xffffffffn)];
    const size = exports.getInputSignalSize(high, low);
    if (size <= 0) throw wrong(name, 'the circuit has none of this name');
    missing -= size;
    return { high, low, numbers: flatten(name, value, size) };
  });
  // All are looked at before any is set: with the last one everything is computed.
  if (missing > 0) {
    throw new Groth16Error('GROTH16_INPUT_INVALID', `${missing} numbers of the inputs are missing`, {
      reason: 'inputs are missing',
      missing,
    });
  }
  for (const { high, low, numbers } of all) {
    for (const [index, number] of numbers.entries()) {
      // Memory may have grown since the last one.
      const words = sharedWords(exports);
      for (let i = 0; i < ELEMENT_WORDS; i++) words[i] = Number((number >> BigInt(32 * i)) & 0xffffffffn);
      exports.setInputSignal(high, low, index);
    }
  }
}

function readWitness(exports: GeneratorExports): Witness {
  const count = exports.getWitnessSize() >>> 0;
  if (count > WIRES_MAX) throw new Error(`${count} values are more than ${WIRES_MAX}`);
  const values = new Uint8Array(new SharedArrayBuffer(count * ELEMENT_BYTES));
  const target = new Uint32Array(values.buffer);
  const words = sharedWords(exports);
  for (let i = 0; i < count; i++) {
    exports.getWitness(i);
    target.set(words, i * ELEMENT_WORDS);
    if (!isScalar(target, i * ELEMENT_WORDS)) throw new Error(`value ${i} is not below r`);
  }
  return { count, values };
}

function sharedWords(exports: GeneratorExports): Uint32Array {
  return new Uint32Array(exports.memory.buffer, exports.getSharedRWMemoryStart(), ELEMENT_WORDS);
}

/** FNV-1a of 64 bits, by which generators know their inputs. */
function nameHash(name: string): bigint {
  let hash = 0xcbf29ce484222325n;
  for (const byte of new TextEncoder().encode(name)) hash = BigInt.asUintN(64, (hash ^ BigInt(byte)) * 0x100000001b3n);
  return hash;
}
