export { Groth16Circuits, type Groth16CircuitsInit } from './groth16-circuits.ts';
export { parseChallenge, parseProofFile, rootText } from './proof-file.ts';
export { StorageProofs } from './storage-proofs.ts';
export type { CircuitSource } from './types.ts';
