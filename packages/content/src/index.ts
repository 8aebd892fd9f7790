export { Chunker } from './chunker.ts';
export {
  type BlockCid,
  blockCid,
  type Cid,
  cidKey,
  decodeCid,
  digestOf,
  EMPTY_BLOCK_CID,
  EMPTY_DIGEST,
  equalBytes,
  formatCid,
  isBlockCid,
  isEmptyBlock,
  isEmptyDigest,
  isManifestCid,
  isTreeCid,
  type ManifestCid,
  makeCid,
  manifestCid,
  parseCid,
  shortCid,
  type TreeCid,
  treeCid,
} from './cid.ts';
export * from './constants.ts';
export type * from './dataset.ts';
export { CONTENT_ERRORS, ContentError, type ContentErrorCode } from './errors.ts';
export { hashLone, hashPair, NODE_KEY, type NodeKey, sha256, ZERO_NODE } from './hash.ts';
export { groupIndices, type IndexSplit, type IndexStrategy, STRATEGY } from './indexing.ts';
export {
  blockCount,
  datasetRef,
  type Manifest,
  type ManifestJson,
  manifestCidOf,
  manifestJson,
  originalManifest,
  originalSize,
  type Protection,
  type Verification,
} from './manifest.ts';
export { decodeManifest, encodeManifest } from './manifest-codec.ts';
export { bytesKey, ProtoReader, ProtoWriter, varintKey, varintLength, writeVarint } from './minprotobuf.ts';
export * from './multicodec.ts';
export {
  decodeProof,
  decodeTree,
  encodeProof,
  encodeTree,
  type InclusionProof,
  proveLeaf,
  verifyProof,
} from './proof.ts';
export {
  inclusionProof,
  type NodePosition,
  type NodeRun,
  ProvedRange,
  provedFromNodes,
  rangeFromInclusionProof,
  siblingPositions,
  type TreeRef,
  verifyRange,
} from './range-proof.ts';
export { buildTree, layerLengths, type MerkleTree, type NodeSink, nodeAt, TreeBuilder, treeDepth } from './tree.ts';
