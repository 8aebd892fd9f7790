import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { CircuitParameters } from './parameters.ts';

/** The version that package.json asks for: another compiler may number the constraints otherwise. */
const COMPILER = 'circom2 0.2.23 --O2';

const FILES = ['bits.circom', 'constants.circom', 'merkle.circom', 'poseidon2.circom', 'sample-and-prove.circom'];

export interface CircuitSources {
  readonly files: ReadonlyMap<string, string>;
  /** The file among them to compile. */
  readonly main: string;
  /** SHA-256 over the compiler and all files, in hexadecimal: the name of what is built from them. */
  readonly digest: string;
}

/** The sources with this text as the file to compile, which may include them. */
export function sourcesWith(mainText: string): CircuitSources {
  const main = 'proof_main.circom';
  const files = new Map(
    FILES.map((name) => [name, readFileSync(fileURLToPath(new URL(`../circom/${name}`, import.meta.url)), 'utf8')]),
  );
  files.set(main, mainText);
  const hash = createHash('sha256').update(COMPILER);
  for (const [name, text] of files) hash.update(`\0${name}\0${text}`);
  return { files, main, digest: hash.digest('hex') };
}

/** All that the compiler reads for a circuit. */
export function circuitSources(parameters: CircuitParameters): CircuitSources {
  const { maxDepth, maxLog2NSlots, blockTreeDepth, nFieldElemsPerCell, nSamples } = parameters;
  const values = [maxDepth, maxLog2NSlots, blockTreeDepth, nFieldElemsPerCell, nSamples].join(', ');
  return sourcesWith(`pragma circom 2.1.0;

include "sample-and-prove.circom";

component main {public [entropy, dataSetRoot, slotIndex]} = SampleAndProve(${values});
`);
}
