import { DIGEST_BYTES, MAX_LEAF_COUNT } from './constants.ts';
import { ContentError } from './errors.ts';
import { hashLone, hashPair, hashPairs, NODE_KEY } from './hash.ts';
import type { NodeRun } from './range-proof.ts';

function checkLeafCount(leafCount: number): void {
  if (!Number.isInteger(leafCount) || leafCount < 1 || leafCount > MAX_LEAF_COUNT) {
    throw new ContentError('TREE_INVALID', `A tree cannot have ${leafCount} leaves`, { leafCount });
  }
}

/** The lengths of all layers, leaves first, root (1) last. A single leaf has two layers (01 §5). */
export function layerLengths(leafCount: number): number[] {
  checkLeafCount(leafCount);
  const lengths = [leafCount];
  let length = leafCount;
  do {
    length = (length + 1) >> 1;
    lengths.push(length);
  } while (length > 1);
  return lengths;
}

/** Layers above the leaves: max(1, ceil(log2 leafCount)). The length of every proof path. */
export function treeDepth(leafCount: number): number {
  checkLeafCount(leafCount);
  return Math.max(1, 32 - Math.clz32(leafCount - 1));
}

/** A whole tree in memory. */
export interface MerkleTree {
  readonly leafCount: number;
  /** 32 bytes. */
  readonly root: Uint8Array;
  /** Layer by layer from the leaves: n × 32 bytes each. */
  readonly layers: readonly Uint8Array[];
}

/** Builds a whole tree, plainly by the rules of 01 §5: the twin that the streaming builder is held against. */
export function buildTree(leaves: Uint8Array): MerkleTree {
  const leafCount = leaves.length / DIGEST_BYTES;
  checkLeafCount(leafCount);
  const layers = [leaves];
  let top = leaves;
  for (let bottom = true; bottom || top.length > DIGEST_BYTES; bottom = false) {
    const length = top.length / DIGEST_BYTES;
    const next = new Uint8Array(Math.ceil(length / 2) * DIGEST_BYTES);
    for (let i = 0; i < length; i += 2) {
      const left = nodeAt(top, i);
      const parent =
        i + 1 < length
          ? hashPair(left, nodeAt(top, i + 1), bottom ? NODE_KEY.bottom : NODE_KEY.inner)
          : hashLone(left, bottom);
      next.set(parent, (i / 2) * DIGEST_BYTES);
    }
    layers.push(next);
    top = next;
  }
  return { leafCount, root: top, layers };
}

/** The node at `index` of concatenated nodes: a view. */
export function nodeAt(nodes: Uint8Array, index: number): Uint8Array {
  return nodes.subarray(index * DIGEST_BYTES, (index + 1) * DIGEST_BYTES);
}

/** Takes nodes that will not change any more. They are valid during the call only. */
export type NodeSink = (run: NodeRun) => void;

interface Layer {
  /** Nodes seen. */
  count: number;
  /** The last node when it still waits for its right neighbour. */
  readonly waiting: Uint8Array;
}

/**
 * Builds a tree as its leaves arrive, keeping one node per layer. Every node is handed to the sink exactly once, in
 * runs; the runs of a layer come in order. `append` of n leaves costs about n hashes of 65 bytes: hand over batches
 * of at most a few thousand to keep the thread free.
 */
export class TreeBuilder {
  readonly #layers: Layer[] = [];
  readonly #sink: NodeSink;
  #finished = false;

  constructor(sink: NodeSink = () => {}) {
    this.#sink = sink;
  }

  /** Leaves so far. */
  get leafCount(): number {
    return this.#layers[0]?.count ?? 0;
  }

  /** Appends n × 32 bytes of leaves. The caller may reuse them afterwards. Error: `TREE_INVALID`. */
  append(digests: Uint8Array): void {
    if (this.#finished) throw new ContentError('TREE_INVALID', 'The tree is finished');
    if (digests.length % DIGEST_BYTES !== 0) {
      throw new ContentError('TREE_INVALID', 'Leaves are 32 bytes each', { length: digests.length });
    }
    if (digests.length === 0) return;
    checkLeafCount(this.leafCount + digests.length / DIGEST_BYTES);
    this.#add(0, digests);
  }

  /** Ends the tree: the lone nodes of its right edge get their parents. Error: `TREE_INVALID` without leaves. */
  finish(): { readonly root: Uint8Array<ArrayBuffer>; readonly leafCount: number } {
    const leafCount = this.leafCount;
    checkLeafCount(leafCount);
    if (this.#finished) throw new ContentError('TREE_INVALID', 'The tree is finished');
    this.#finished = true;
    for (let depth = 0; ; depth++) {
      const layer = this.#layers[depth]!;
      if (depth > 0 && layer.count === 1) return { root: layer.waiting.slice(), leafCount };
      if (layer.count % 2 === 1) this.#add(depth + 1, hashLone(layer.waiting, depth === 0));
    }
  }

  /** Adds nodes to a layer and, pair by pair, their parents to the layers above. */
  #add(depth: number, added: Uint8Array): void {
    let nodes = added;
    for (let at = depth; nodes.length > 0; at++) {
      let layer = this.#layers[at];
      if (!layer) {
        layer = { count: 0, waiting: new Uint8Array(DIGEST_BYTES) };
        this.#layers.push(layer);
      }
      this.#sink({ layer: at, first: layer.count, nodes });
      const key = at === 0 ? NODE_KEY.bottom : NODE_KEY.inner;
      const hadWaiting = layer.count % 2;
      const count = nodes.length / DIGEST_BYTES;
      const parents = new Uint8Array(((hadWaiting + count) >> 1) * DIGEST_BYTES);
      if (hadWaiting === 1) parents.set(hashPair(layer.waiting, nodeAt(nodes, 0), key));
      hashPairs(nodes.subarray(hadWaiting * DIGEST_BYTES), parents, hadWaiting * DIGEST_BYTES, key);
      layer.count += count;
      if (layer.count % 2 === 1) layer.waiting.set(nodeAt(nodes, count - 1));
      nodes = parents;
    }
  }
}
