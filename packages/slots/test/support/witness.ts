import { fileURLToPath } from 'node:url';
import { buildCircuit, type CircuitFiles, NETWORK_PARAMETERS } from '@codex/circuits';
import type { Compute } from '@codex/compute';
import { type Witness, WitnessGenerator } from '@codex/groth16';
import { decodeElements } from '@codex/poseidon2';
import type { ProofInputJson } from '../../src/index.ts';

/** Of the checkout: what was made once for these sources need not be made for every test. */
const CACHE = fileURLToPath(new URL('../../../../.cache', import.meta.url));

/** Where circuits and development keys are kept. */
export const CIRCUITS = `${CACHE}/circuits`;
export const KEYS = `${CACHE}/development`;

/** The circuit of the network, with so many samples. */
export function circuitOf(nSamples: number): Promise<CircuitFiles> {
  return buildCircuit({ ...NETWORK_PARAMETERS, nSamples }, { cache: CIRCUITS });
}

/** A witness that satisfies the circuit, or GROTH16_WITNESS_FAILED. The input goes through JSON, as to another program. */
export async function witnessOf(compute: Compute, input: ProofInputJson): Promise<Witness> {
  const { wasm } = await circuitOf(input.cellData.length);
  const inputs = JSON.parse(JSON.stringify(input)) as Record<string, never>;
  return new WitnessGenerator({ compute }, { path: wasm }).generate(inputs);
}

/** The first values of a witness: one, then what is public. */
export function publicPart({ values }: Witness): bigint[] {
  return decodeElements(values.slice(0, 4 * 32));
}
