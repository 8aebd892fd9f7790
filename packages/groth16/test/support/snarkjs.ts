// @ts-expect-error: it has no types
import { curves, groth16, powersOfTau, r1cs, wtns, zKey } from 'snarkjs';
import { afterAll } from 'vitest';
import type { CircuitInputs } from '../../src/index.ts';

/** Wires with their coefficients. */
type Row = Readonly<Record<string, string>>;

/** What is used of snarkjs. */
interface Snarkjs {
  readonly groth16: {
    prove(zkey: string, witness: string): Promise<{ readonly proof: object; readonly publicSignals: string[] }>;
    verify(key: object, signals: readonly string[], proof: object): Promise<boolean>;
  };
  readonly r1cs: {
    exportJson(path: string): Promise<{
      readonly nVars: number;
      readonly nOutputs: number;
      readonly nPubInputs: number;
      readonly nPrvInputs: number;
      readonly constraints: readonly (readonly [Row, Row, Row])[];
    }>;
  };
  readonly wtns: {
    calculate(inputs: CircuitInputs, wasm: string, target: string): Promise<void>;
    exportJson(path: string): Promise<bigint[]>;
    check(r1cs: string, witness: string): Promise<boolean>;
  };
  readonly zKey: {
    exportVerificationKey(zkey: string): Promise<object>;
    newZKey(r1cs: string, powers: string, target: string): Promise<void>;
    contribute(from: string, to: string, name: string, entropy: string): Promise<void>;
  };
  readonly curves: { getCurveFromName(name: string): Promise<object> };
  readonly powersOfTau: {
    newAccumulator(curve: object, power: number, target: string): Promise<void>;
    contribute(from: string, to: string, name: string, entropy: string): Promise<void>;
    preparePhase2(from: string, to: string): Promise<void>;
  };
}

/** snarkjs, whose threads end with the test file. */
export function useSnarkjs(): Snarkjs {
  afterAll(async () => {
    const { curve_bn128: curve } = globalThis as { curve_bn128?: { terminate(): Promise<void> } };
    await curve?.terminate();
  });
  return { curves, groth16, powersOfTau, r1cs, wtns, zKey };
}
