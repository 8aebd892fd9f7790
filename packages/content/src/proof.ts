import { equalBytes } from './cid.ts';
import { DIGEST_BYTES, MAX_LEAF_COUNT, MAX_PROOF_BYTES, MAX_PROOF_PATH, MAX_TREE_BYTES } from './constants.ts';
import { ContentError } from './errors.ts';
import { hashLone, hashPair, NODE_KEY, ZERO_NODE } from './hash.ts';
import { bytesKey, ProtoReader, ProtoWriter, varintKey, varintLength, writeVarint } from './minprotobuf.ts';
import { SHA2_256 } from './multicodec.ts';
import { buildTree, layerLengths, type MerkleTree, nodeAt, treeDepth } from './tree.ts';

/** That a leaf belongs to a tree (01 §6). */
export interface InclusionProof {
  readonly index: number;
  readonly leafCount: number;
  /** From the leaf's sibling upwards, 32 bytes each; a sibling that does not exist is 32 zero bytes. */
  readonly path: readonly Uint8Array[];
  /** Multihash code: 0x12 on the data plane; 0 in slot trees. */
  readonly hashCodec: number;
}

function invalid(reason: string, data?: Record<string, unknown>): ContentError {
  return new ContentError('PROOF_INVALID', `The inclusion proof is not valid: ${reason}`, { reason, ...data });
}

/** The node of a { 1: bytes } wrapper, a view. */
function readNode(reader: ProtoReader): Uint8Array {
  let node: Uint8Array | undefined;
  const inner = reader.message();
  while (inner.next()) if (inner.key === bytesKey(1)) node = inner.bytes();
  if (node?.length !== DIGEST_BYTES) throw invalid('a node is not 32 bytes');
  return node;
}

function writeNode(writer: ProtoWriter, field: number, node: Uint8Array): void {
  writer.message(field, new ProtoWriter().bytes(1, node));
}

/** Tag and length of a path node and of the bytes inside its wrapper: 4 { 1: 32 bytes }. */
const PATH_NODE_HEADER = Uint8Array.of(0x22, 0x22, 0x0a, 0x20);

/** The bytes of 01 §6. Written by hand, because a responder makes one for every block that it serves. */
export function encodeProof({ hashCodec, index, leafCount, path }: InclusionProof): Uint8Array<ArrayBuffer> {
  const head = 3 + varintLength(hashCodec) + varintLength(index) + varintLength(leafCount);
  const bytes = new Uint8Array(head + path.length * (PATH_NODE_HEADER.length + DIGEST_BYTES));
  let at = 0;
  for (const [i, value] of [hashCodec, index, leafCount].entries()) {
    bytes[at++] = varintKey(i + 1);
    at = writeVarint(value, bytes, at);
  }
  for (const node of path) {
    bytes.set(PATH_NODE_HEADER, at);
    bytes.set(node, at + PATH_NODE_HEADER.length);
    at += PATH_NODE_HEADER.length + DIGEST_BYTES;
  }
  return bytes;
}

/**
 * Decodes a proof without checking it against anything. The path holds views of `bytes`.
 * Errors: `PROOF_INVALID`, `PROTOBUF_INVALID`.
 */
export function decodeProof(bytes: Uint8Array): InclusionProof {
  if (bytes.length > MAX_PROOF_BYTES) throw invalid('too long');
  let hashCodec = 0;
  let index = 0;
  let leafCount = 0;
  const path: Uint8Array[] = [];
  const reader = new ProtoReader(bytes);
  while (reader.next()) {
    if (reader.key === varintKey(1)) hashCodec = reader.uint();
    else if (reader.key === varintKey(2)) index = reader.uint();
    else if (reader.key === varintKey(3)) leafCount = reader.uint();
    else if (reader.key === bytesKey(4)) path.push(readNode(reader));
    if (path.length > MAX_PROOF_PATH) throw invalid('path too long');
  }
  if (path.length === 0) throw invalid('empty path');
  return { index, leafCount, path, hashCodec };
}

/**
 * Checks that `leafDigest` is leaf `proof.index` of the SHA-256 tree with this root, with everything that upstream leaves
 * out (01 §6). `leafCount`: the count of the manifest, when it is known. Error: `PROOF_INVALID`.
 */
export function verifyProof(
  proof: InclusionProof,
  leafDigest: Uint8Array,
  root: Uint8Array,
  expected: { readonly leafCount?: number | undefined } = {},
): void {
  checkShape(proof, expected.leafCount);
  if (leafDigest.length !== DIGEST_BYTES || root.length !== DIGEST_BYTES) throw invalid('leaf and root are 32 bytes');
  let node = leafDigest;
  let index = proof.index;
  let last = proof.leafCount - 1;
  for (const [layer, sibling] of proof.path.entries()) {
    if (sibling.length !== DIGEST_BYTES) throw invalid('a node is not 32 bytes');
    const key = layer === 0 ? NODE_KEY.bottom : NODE_KEY.inner;
    if (index % 2 === 1) node = hashPair(sibling, node, key);
    else if (index < last) node = hashPair(node, sibling, key);
    else if (equalBytes(sibling, ZERO_NODE)) node = hashLone(node, layer === 0);
    else throw invalid('the sibling of a lone node is not zero');
    index >>= 1;
    last >>= 1;
  }
  if (!equalBytes(node, root)) throw invalid('it does not lead to the root', { index: proof.index });
}

/** Checks all of a SHA-256 proof but the hashes. */
export function checkShape(proof: InclusionProof, leafCount: number | undefined): void {
  if (proof.hashCodec !== SHA2_256) throw invalid('the hash is not sha2-256', { hashCodec: proof.hashCodec });
  if (proof.leafCount < 1 || proof.leafCount > MAX_LEAF_COUNT) throw invalid('bad leaf count');
  if (leafCount !== undefined && proof.leafCount !== leafCount) {
    throw invalid('leaf counts differ', { expected: leafCount, actual: proof.leafCount });
  }
  if (proof.index < 0 || proof.index >= proof.leafCount) throw invalid('no such leaf', { index: proof.index });
  if (proof.path.length !== treeDepth(proof.leafCount)) throw invalid('wrong length of the path');
}

/** The inclusion proof of a leaf, from a whole tree. */
export function proveLeaf(tree: MerkleTree, index: number): InclusionProof {
  if (!Number.isInteger(index) || index < 0 || index >= tree.leafCount) throw invalid('no such leaf', { index });
  const path: Uint8Array[] = [];
  for (let layer = 0; layer < tree.layers.length - 1; layer++) {
    const sibling = nodeAt(tree.layers[layer]!, (index >> layer) ^ 1);
    path.push(sibling.length > 0 ? sibling : ZERO_NODE);
  }
  return { index, leafCount: tree.leafCount, path, hashCodec: SHA2_256 };
}

export function encodeTree(tree: MerkleTree): Uint8Array<ArrayBuffer> {
  const writer = new ProtoWriter().uint(1, SHA2_256).uint(2, tree.leafCount);
  for (const layer of tree.layers) {
    for (let i = 0; i < layer.length / DIGEST_BYTES; i++) writeNode(writer, 3, nodeAt(layer, i));
  }
  return writer.finish();
}

/** Decodes a tree and recomputes it. Errors: `TREE_INVALID`, `PROOF_INVALID`, `PROTOBUF_INVALID`. */
export function decodeTree(bytes: Uint8Array): MerkleTree {
  const refuse = (reason: string) => new ContentError('TREE_INVALID', `The tree is not valid: ${reason}`, { reason });
  if (bytes.length > MAX_TREE_BYTES) throw refuse('too long');
  let hashCodec = 0;
  let leafCount = 0;
  const nodes: Uint8Array[] = [];
  const reader = new ProtoReader(bytes);
  while (reader.next()) {
    if (reader.key === varintKey(1)) hashCodec = reader.uint();
    else if (reader.key === varintKey(2)) leafCount = reader.uint();
    else if (reader.key === bytesKey(3)) nodes.push(readNode(reader));
  }
  if (hashCodec !== SHA2_256) throw refuse('the hash is not sha2-256');
  const total = layerLengths(leafCount).reduce((sum, length) => sum + length, 0);
  if (nodes.length !== total) throw refuse('wrong number of nodes');
  const leaves = new Uint8Array(leafCount * DIGEST_BYTES);
  for (let i = 0; i < leafCount; i++) leaves.set(nodes[i]!, i * DIGEST_BYTES);
  const tree = buildTree(leaves);
  let at = 0;
  for (const layer of tree.layers) {
    for (let i = 0; i < layer.length / DIGEST_BYTES; i++) {
      if (!equalBytes(nodeAt(layer, i), nodes[at++]!)) throw refuse('a node is not the hash of its children');
    }
  }
  return tree;
}
