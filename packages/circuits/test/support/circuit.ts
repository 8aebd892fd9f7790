import { fileURLToPath } from 'node:url';
import { compileInto } from '../../src/compiler.ts';
import { buildCircuit, type CircuitParameters } from '../../src/index.ts';
import { sourcesWith } from '../../src/sources.ts';
import { type R1cs, readR1cs, readSymbols } from './r1cs.ts';
import { WitnessGenerator } from './witness.ts';

/** Of the checkout: what was built once for these sources need not be built for every test. */
export const CACHE = fileURLToPath(new URL('../../../../.cache/circuits', import.meta.url));

export interface LoadedCircuit {
  readonly generator: WitnessGenerator;
  readonly r1cs: R1cs;
  readonly symbols: ReadonlyMap<string, number>;
}

function load({ wasm, r1cs, sym }: { wasm: string; r1cs: string; sym: string }): LoadedCircuit {
  return { generator: new WitnessGenerator(wasm), r1cs: readR1cs(r1cs), symbols: readSymbols(sym) };
}

export async function circuitOf(parameters: CircuitParameters): Promise<LoadedCircuit> {
  return load(await buildCircuit(parameters, { cache: CACHE }));
}

/** The circuit of a text that may include the sources. */
export async function circuitFrom(text: string): Promise<LoadedCircuit> {
  return load(await compileInto({ cache: CACHE }, sourcesWith(text)));
}

/** One template of the sources as a circuit of its own. */
export function gadget(file: string, template: string, publicInputs: readonly string[]): Promise<LoadedCircuit> {
  return circuitFrom(
    `pragma circom 2.1.0;\n\ninclude "${file}";\n\ncomponent main {public [${publicInputs}]} = ${template};\n`,
  );
}
