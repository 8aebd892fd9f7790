export { GROTH16_ERRORS, Groth16Error, type Groth16ErrorCode } from './errors.ts';
export type { Pieces } from './format/container-writer.ts';
export { contributionsOf } from './format/contributions.ts';
export { expectKeyHash, hashFile } from './format/hash.ts';
export { readConstraints, writeConstraints } from './format/r1cs.ts';
export type {
  ConstraintSystem,
  KeySection,
  Proof,
  ProvingKey,
  SparseRows,
  VerificationKey,
  Witness,
} from './format/types.ts';
export { readWitness, writeWitness } from './format/wtns.ts';
export {
  type KeyOfProofs,
  type OpenKeyOptions,
  openProvingKey,
  type ProvingKeyFile,
  readKeyOfProofs,
} from './format/zkey.ts';
export { type ProvingKeyParts, writeProvingKey } from './format/zkey-writer.ts';
export { decodeProof, decodePublicSignals, decodeVerificationKey } from './json/decode.ts';
export {
  encodeProof,
  encodePublicSignals,
  encodeVerificationKey,
  type ProofJson,
  type VerificationKeyJson,
} from './json/encode.ts';
export {
  fromSolidityProof,
  type SolidityProof,
  type SolidityVerificationKey,
  solidityVerificationKeyJson,
  toSolidityProof,
  verificationKeyForSolidity,
} from './json/solidity.ts';
export { provingMemoryBytes } from './prover/memory.ts';
export type { ProvingPhase } from './prover/progress.ts';
export {
  type ProofWithSignals,
  type ProveOptions,
  Prover,
  type ProverComponents,
  type ProverInit,
} from './prover/prover.ts';
export { type DevelopmentKey, type DevelopmentKeyInput, developmentKey } from './setup/development-key.ts';
export {
  type DevelopmentSetup,
  developmentSetup,
  INSECURE_MARK,
  type SetupComponents,
  type SetupInput,
} from './setup/development-setup.ts';
export { verify } from './verifier/verify.ts';
export type { CircuitInputs, InputValue } from './witness/inputs.ts';
export { WitnessGenerator, type WitnessGeneratorInit } from './witness/witness-generator.ts';
