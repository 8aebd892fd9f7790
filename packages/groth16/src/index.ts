export { GROTH16_ERRORS, Groth16Error, type Groth16ErrorCode } from './errors.ts';
export type { Pieces } from './format/container-writer.ts';
export { contributionsOf } from './format/contributions.ts';
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
export { type OpenKeyOptions, openProvingKey, type ProvingKeyFile } from './format/zkey.ts';
export { type ProvingKeyParts, writeProvingKey } from './format/zkey-writer.ts';
