import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { CircuitInputs } from '../../src/index.ts';

const at = (name: string) => fileURLToPath(new URL(`../vectors/${name}`, import.meta.url));

const json = (name: string): unknown => JSON.parse(readFileSync(at(name), 'utf8'));

/** A small circuit with a key, a witness and a proof that snarkjs made (see small.json). */
export const SMALL = {
  circom: at('small.circom'),
  r1cs: at('small.r1cs'),
  wtns: at('small.wtns'),
  zkey: at('small.zkey'),
  ...(json('small.json') as {
    readonly inputs: CircuitInputs;
    readonly publicSignals: readonly string[];
    readonly proof: object;
    readonly verificationKey: object;
  }),
};

/** The key of the hardhat network with a proof that its contract accepts (11 §5.5). */
export const NETWORK = json('network-proof.json') as {
  readonly publicSignals: readonly string[];
  readonly proof: { readonly pi_a: string[]; readonly pi_b: string[][]; readonly pi_c: string[] };
  readonly verificationKey: object;
};
