import { createRequire } from 'node:module';

/** What is used of snarkjs, which has no types. */
interface Snarkjs {
  readonly groth16: {
    prove(zkey: string, witness: string): Promise<{ readonly proof: object; readonly publicSignals: string[] }>;
    verify(key: object, signals: readonly string[], proof: object): Promise<boolean>;
  };
  readonly zKey: { exportVerificationKey(zkey: string): Promise<object> };
}
export const snarkjs: Snarkjs = createRequire(import.meta.url)('snarkjs');

/** It leaves its threads running. */
export async function stopSnarkjs(): Promise<void> {
  const { curve_bn128: curve } = globalThis as { curve_bn128?: { terminate(): Promise<void> } };
  await curve?.terminate();
}
