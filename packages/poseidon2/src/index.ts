export {
  type BlockShape,
  blockDigest,
  blockDigests,
  cellDigests,
  DEFAULT_CELL_BYTES,
  permutationsPerBlock,
  zeroBlockDigest,
  zeroCellDigest,
} from './blocks.ts';
export { drawConstants, type RoundConstants } from './constants.ts';
export { createHasher } from './create-hasher.ts';
export { POSEIDON2_ERRORS, Poseidon2Error, type Poseidon2ErrorCode } from './errors.ts';
export {
  checkElement,
  checkElements,
  decodeElement,
  decodeElements,
  ELEMENT_BYTES,
  encodeElement,
  encodeElements,
  packBytes,
  R,
} from './field.ts';
export type { Messages, Poseidon2 } from './hasher.ts';
export { KERNEL_BUILDS, Kernel, type KernelBuild } from './kernel.ts';
export { depthOf, type MerkleProof, MerkleTree, merkleRoots, rootOfProof, verifyProof } from './merkle.ts';
export { digestBlocks, growTree } from './parallel.ts';
export { compress, merkleRoot, permute, type Rate, sponge } from './reference.ts';
export { ReferenceHasher } from './reference-hasher.ts';
