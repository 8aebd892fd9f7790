import { digestOf, equalBytes } from './cid.ts';
import { DIGEST_BYTES } from './constants.ts';
import type { DatasetRef, LeafRange } from './dataset.ts';
import { ContentError } from './errors.ts';
import { hashLone, hashPairs, NODE_KEY, ZERO_NODE } from './hash.ts';
import { SHA2_256 } from './multicodec.ts';
import { checkShape, type InclusionProof } from './proof.ts';
import { layerLengths, nodeAt } from './tree.ts';

/** A run of known nodes of one layer. */
export interface NodeRun {
  /** 0 = leaves. */
  readonly layer: number;
  /** Index of the first node in its layer. */
  readonly first: number;
  /** n × 32 bytes. */
  readonly nodes: Uint8Array;
}

/** The place of a node: layer 0 holds the leaves. */
export interface NodePosition {
  readonly layer: number;
  readonly index: number;
}

/** A tree by its root and size: a `DatasetRef` is one. */
export type TreeRef =
  | Pick<DatasetRef, 'treeCid' | 'leafCount'>
  | { readonly root: Uint8Array; readonly leafCount: number };

function invalid(reason: string, data?: Record<string, unknown>): ContentError {
  return new ContentError('PROOF_INVALID', `The range proof is not valid: ${reason}`, { reason, ...data });
}

function checkRange(leafCount: number, { start, count }: LeafRange): void {
  if (!Number.isInteger(start) || !Number.isInteger(count) || start < 0 || count < 1 || start + count > leafCount) {
    throw invalid('no such range', { start, count, leafCount });
  }
}

/**
 * Where the siblings of a range stand: layer by layer from the bottom, the left neighbour of the run if the run starts
 * at an odd index, then its right neighbour if the run ends at an even index and that neighbour exists. At most two per
 * layer. Errors: `PROOF_INVALID` for a range outside the tree, `TREE_INVALID`.
 */
export function siblingPositions(leafCount: number, range: LeafRange): NodePosition[] {
  const lengths = layerLengths(leafCount);
  checkRange(leafCount, range);
  const positions: NodePosition[] = [];
  let first = range.start;
  let last = range.start + range.count - 1;
  for (let layer = 0; layer < lengths.length - 1; layer++) {
    if (first % 2 === 1) positions.push({ layer, index: first - 1 });
    if (last % 2 === 0 && last + 1 < lengths[layer]!) positions.push({ layer, index: last + 1 });
    first >>= 1;
    last >>= 1;
  }
  return positions;
}

/**
 * The leaves start … start+count−1 of a tree with the nodes that prove them. An object of this class exists only if its
 * nodes were recomputed up to the root: whoever holds one holds the truth.
 *
 * `siblings` are, layer by layer from the bottom, the left neighbour of the run if the run starts at an odd index, then
 * its right neighbour if the run ends at an even index and that neighbour exists. For a single leaf this is the
 * inclusion proof of 01 §6 without the zero entries.
 */
export class ProvedRange implements LeafRange {
  readonly leafCount: number;
  readonly start: number;
  readonly count: number;
  /** count × 32 bytes. */
  readonly digests: Uint8Array;
  readonly siblings: readonly Uint8Array[];
  /** All nodes that are known through this proof, one run per layer: leaves, computed parents, siblings and the root. */
  readonly runs: readonly NodeRun[];
  /** Makes the type nominal: no look-alike passes for a proved range. */
  readonly #proved: true = true;

  private constructor(
    leafCount: number,
    start: number,
    digests: Uint8Array,
    siblings: readonly Uint8Array[],
    runs: NodeRun[],
  ) {
    this.leafCount = leafCount;
    this.start = start;
    this.count = digests.length / DIGEST_BYTES;
    this.digests = digests;
    this.siblings = siblings;
    this.runs = runs;
  }

  static is(value: unknown): value is ProvedRange {
    return typeof value === 'object' && value !== null && #proved in value;
  }

  /** See `verifyRange`. */
  static verify(ref: TreeRef, start: number, digests: Uint8Array, siblings: readonly Uint8Array[]): ProvedRange {
    if (digests.length % DIGEST_BYTES !== 0) throw invalid('digests are not 32 bytes each');
    const range = { start, count: digests.length / DIGEST_BYTES };
    const positions = siblingPositions(ref.leafCount, range);
    if (siblings.length !== positions.length) throw invalid('wrong number of siblings', { start, count: range.count });
    if (siblings.some((sibling) => sibling.length !== DIGEST_BYTES)) throw invalid('a sibling is not 32 bytes');

    const lengths = layerLengths(ref.leafCount);
    const runs: NodeRun[] = [];
    let next = 0;
    let first = start;
    let nodes = digests;
    for (let layer = 0; layer < lengths.length - 1; layer++) {
      const left = positions[next]?.layer === layer && positions[next]!.index < first ? siblings[next++]! : undefined;
      const right = positions[next]?.layer === layer ? siblings[next++]! : undefined;
      const run = joinRun(left, nodes, right);
      if (left) first--;
      runs.push({ layer, first, nodes: run });
      // The run starts at an even index now; it ends with a lone node only at the right edge of the tree.
      const count = run.length / DIGEST_BYTES;
      const parents = new Uint8Array(((count + 1) >> 1) * DIGEST_BYTES);
      hashPairs(run, parents, 0, layer === 0 ? NODE_KEY.bottom : NODE_KEY.inner);
      if (count % 2 === 1) parents.set(hashLone(nodeAt(run, count - 1), layer === 0), parents.length - DIGEST_BYTES);
      nodes = parents;
      first >>= 1;
    }
    runs.push({ layer: lengths.length - 1, first: 0, nodes });
    const root = 'root' in ref ? ref.root : digestOf(ref.treeCid);
    if (!equalBytes(nodes, root)) throw invalid('it does not lead to the root', { start, count: range.count });

    // Views of the one copy: the caller may reuse what it passed in.
    const leaves = runs[0]!;
    const offset = (start - leaves.first) * DIGEST_BYTES;
    const ownDigests = leaves.nodes.subarray(offset, offset + digests.length);
    const ownSiblings = positions.map(({ layer, index }) => nodeAt(runs[layer]!.nodes, index - runs[layer]!.first));
    return new ProvedRange(ref.leafCount, start, ownDigests, ownSiblings, runs);
  }
}

function joinRun(left: Uint8Array | undefined, nodes: Uint8Array, right: Uint8Array | undefined): Uint8Array {
  const run = new Uint8Array((left?.length ?? 0) + nodes.length + (right?.length ?? 0));
  if (left) run.set(left, 0);
  run.set(nodes, left?.length ?? 0);
  if (right) run.set(right, run.length - right.length);
  return run;
}

/**
 * Recomputes the root from leaves and siblings. `digests`: count × 32 bytes; `siblings`: as `siblingPositions` orders
 * them. Everything is copied. Errors: `PROOF_INVALID`, `TREE_INVALID`. About one hash of 65 bytes per leaf.
 */
export function verifyRange(
  ref: TreeRef,
  start: number,
  digests: Uint8Array,
  siblings: readonly Uint8Array[],
): ProvedRange {
  return ProvedRange.verify(ref, start, digests, siblings);
}

/**
 * The proof of a range from known nodes, for a store that reads its own; undefined when one of them is unknown. The
 * nodes are recomputed up to the root, as a disk can lie: `PROOF_INVALID` when they do not fit together.
 */
export function provedFromNodes(
  ref: TreeRef,
  range: LeafRange,
  lookup: (layer: number, index: number) => Uint8Array | undefined,
): ProvedRange | undefined {
  const positions = siblingPositions(ref.leafCount, range);
  const digests = new Uint8Array(range.count * DIGEST_BYTES);
  for (let i = 0; i < range.count; i++) {
    const leaf = lookup(0, range.start + i);
    if (!leaf) return undefined;
    digests.set(leaf, i * DIGEST_BYTES);
  }
  const siblings: Uint8Array[] = [];
  for (const { layer, index } of positions) {
    const sibling = lookup(layer, index);
    if (!sibling) return undefined;
    siblings.push(sibling);
  }
  return verifyRange(ref, range.start, digests, siblings);
}

/** The inclusion proof (01 §6) of a range of one leaf: its siblings, with zeros where there are none. */
export function inclusionProof(proved: ProvedRange): InclusionProof {
  if (proved.count !== 1) throw invalid('an inclusion proof is about one leaf', { count: proved.count });
  const path: Uint8Array[] = [];
  const lengths = layerLengths(proved.leafCount);
  let next = 0;
  for (let layer = 0; layer < lengths.length - 1; layer++) {
    const exists = ((proved.start >> layer) ^ 1) < lengths[layer]!;
    path.push(exists ? proved.siblings[next++]! : ZERO_NODE);
  }
  return { index: proved.start, leafCount: proved.leafCount, path, hashCodec: SHA2_256 };
}

/** Verifies a delivered inclusion proof, with all checks of 01 §6. Error: `PROOF_INVALID`. */
export function rangeFromInclusionProof(ref: TreeRef, proof: InclusionProof, leafDigest: Uint8Array): ProvedRange {
  checkShape(proof, ref.leafCount);
  const lengths = layerLengths(proof.leafCount);
  const siblings: Uint8Array[] = [];
  for (const [layer, node] of proof.path.entries()) {
    if (((proof.index >> layer) ^ 1) < lengths[layer]!) siblings.push(node);
    else if (!equalBytes(node, ZERO_NODE)) throw invalid('the sibling of a lone node is not zero');
  }
  if (leafDigest.length !== DIGEST_BYTES) throw invalid('a leaf is 32 bytes');
  return verifyRange(ref, proof.index, leafDigest, siblings);
}
