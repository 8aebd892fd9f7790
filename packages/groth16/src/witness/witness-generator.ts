import type { Compute } from '@codex/compute';
import type { AbortOptions } from '@codex/runtime';
import type { Witness } from '../format/types.ts';
import type { CircuitInputs } from './inputs.ts';
import { witnessJob } from './witness-job.ts';

export interface WitnessGeneratorInit {
  /** A .wasm file of circom 2. It is run: use one whose origin is known. */
  readonly path: string;
}

/** Computes witnesses with the program that the circuit's compiler made, in a job. */
export class WitnessGenerator {
  readonly path: string;
  readonly #compute: Compute;

  constructor({ compute }: { readonly compute: Compute }, { path }: WitnessGeneratorInit) {
    this.#compute = compute;
    this.path = path;
  }

  /**
   * The witness of these inputs, in shared memory. An abort takes a waiting job out; one that runs cannot be stopped, but nobody waits
   * for it (100 samples take seconds).
   *
   * @throws GROTH16_INPUT_INVALID if the circuit has other inputs, GROTH16_WITNESS_FAILED if there is no witness,
   * GROTH16_FILE_UNREADABLE, GROTH16_FILE_INVALID
   */
  async generate(inputs: CircuitInputs, options?: AbortOptions): Promise<Witness> {
    return await this.#compute.run(witnessJob, { path: this.path, inputs }, options);
  }
}
