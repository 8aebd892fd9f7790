/** Merkle trees with keyed compression (10 §5). Layers are elements one after the other. */
import { itemsIn } from './batch.ts';
import { Poseidon2Error } from './errors.ts';
import { checkElement, checkElements, ELEMENT_BYTES } from './field.ts';
import type { Poseidon2 } from './hasher.ts';

/** What the key tells: the pair is at the bottom; there is no right child. */
const BOTTOM = 1;
const LONE = 2;

const PAIR_BYTES = 2 * ELEMENT_BYTES;

export interface MerkleProof {
  readonly index: number;
  readonly leafCount: number;
  /** Siblings from the bottom up; zero where there is none. */
  readonly path: readonly Uint8Array[];
}

/** Length of the paths in a tree: even a single leaf is compressed once. */
export function depthOf(leafCount: number): number {
  let depth = 1;
  for (let nodes = Math.ceil(leafCount / 2); nodes > 1; nodes = Math.ceil(nodes / 2)) depth++;
  return depth;
}

interface LayerPlan {
  readonly calls: readonly { readonly pairs: Uint8Array; readonly key: number }[];
  /** Puts the results of the calls together. */
  readonly join: (parents: readonly Uint8Array[]) => Uint8Array;
}

/** What to compress for the next layer of trees that have `width` nodes each in this one. */
export function planLayer(layer: Uint8Array, width: number, isBottom: boolean): LayerPlan {
  const key = isBottom ? BOTTOM : 0;
  const lone = width % 2 === 1;
  if (!lone) return { calls: [{ pairs: layer, key }], join: ([parents = layer]) => parents };
  const trees = itemsIn(layer, width * ELEMENT_BYTES);
  const pairBytes = (width - 1) * ELEMENT_BYTES;
  const treeBytes = width * ELEMENT_BYTES;
  const pairs = new Uint8Array(trees * pairBytes);
  const lones = new Uint8Array(trees * PAIR_BYTES);
  for (let tree = 0; tree < trees; tree++) {
    const nodes = layer.subarray(tree * treeBytes, (tree + 1) * treeBytes);
    pairs.set(nodes.subarray(0, pairBytes), tree * pairBytes);
    lones.set(nodes.subarray(pairBytes), tree * PAIR_BYTES);
  }
  const join = ([paired, single]: readonly Uint8Array[]): Uint8Array => {
    const half = pairBytes / 2;
    const parents = new Uint8Array(trees * (half + ELEMENT_BYTES));
    for (let tree = 0; tree < trees; tree++) {
      const at = tree * (half + ELEMENT_BYTES);
      parents.set(paired!.subarray(tree * half, (tree + 1) * half), at);
      parents.set(single!.subarray(tree * ELEMENT_BYTES, (tree + 1) * ELEMENT_BYTES), at + half);
    }
    return parents;
  };
  return {
    calls: [
      { pairs, key },
      { pairs: lones, key: key + LONE },
    ],
    join,
  };
}

/**
 * Roots of trees of `width` leaves each, which stand one after the other; all are done together, layer by layer.
 * Errors: POSEIDON2_TREE_EMPTY, POSEIDON2_INPUT_INVALID.
 */
export function merkleRoots(hasher: Poseidon2, leaves: Uint8Array, width: number): Uint8Array {
  if (width === 0) throw noLeaves();
  itemsIn(leaves, width * ELEMENT_BYTES);
  let layer = leaves;
  let nodes = width;
  do {
    const { calls, join } = planLayer(layer, nodes, nodes === width);
    layer = join(calls.map(({ pairs, key }) => hasher.compress(pairs, key)));
    nodes = Math.ceil(nodes / 2);
  } while (nodes > 1);
  return layer;
}

export const noLeaves = (): Poseidon2Error =>
  new Poseidon2Error('POSEIDON2_TREE_EMPTY', 'A tree without leaves has no root');

/** A tree with all its layers, for proofs. */
export class MerkleTree {
  /** Leaves first, the root last. */
  readonly layers: readonly Uint8Array[];

  constructor(layers: readonly Uint8Array[]) {
    this.layers = layers;
  }

  /** Errors: POSEIDON2_TREE_EMPTY, POSEIDON2_ELEMENT_INVALID. */
  static over(hasher: Poseidon2, leaves: Uint8Array): MerkleTree {
    if (leaves.length === 0) throw noLeaves();
    checkElements(leaves);
    const layers = [leaves];
    for (let layer = leaves; layers.length <= 1 || layer.length > ELEMENT_BYTES; layers.push(layer)) {
      const { calls, join } = planLayer(layer, layer.length / ELEMENT_BYTES, layers.length === 1);
      layer = join(calls.map(({ pairs, key }) => hasher.compress(pairs, key)));
    }
    return new MerkleTree(layers);
  }

  get leafCount(): number {
    return this.layers[0]!.length / ELEMENT_BYTES;
  }

  get root(): Uint8Array {
    return this.layers.at(-1)!;
  }

  /** Errors: POSEIDON2_INPUT_INVALID. */
  proof(index: number): MerkleProof {
    const { leafCount } = this;
    if (!Number.isSafeInteger(index) || index < 0 || index >= leafCount) {
      const message = `Leaf ${index} is not in a tree of ${leafCount} leaves`;
      throw new Poseidon2Error('POSEIDON2_INPUT_INVALID', message, { index, leafCount });
    }
    const path = this.layers.slice(0, -1).map((layer, height) => {
      const sibling = (Math.floor(index / 2 ** height) ^ 1) * ELEMENT_BYTES;
      const node = new Uint8Array(ELEMENT_BYTES);
      node.set(layer.subarray(sibling, sibling + ELEMENT_BYTES));
      return node;
    });
    return { index, leafCount, path };
  }
}

/**
 * The root to which a leaf and its proof lead; undefined if the proof cannot be one: of another length, outside of the
 * tree, or with a sibling where there is none. Errors: POSEIDON2_ELEMENT_INVALID for what is no element.
 */
export function rootOfProof(hasher: Poseidon2, leaf: Uint8Array, proof: MerkleProof): Uint8Array | undefined {
  const { index, leafCount, path } = proof;
  const isInside = Number.isSafeInteger(leafCount) && Number.isSafeInteger(index) && index >= 0 && index < leafCount;
  if (!isInside || path.length !== depthOf(leafCount)) return undefined;
  checkElement(leaf);
  let node = leaf;
  let at = index;
  let nodes = leafCount;
  for (const [height, sibling] of path.entries()) {
    const bottom = height === 0 ? BOTTOM : 0;
    const isLone = at % 2 === 0 && at === nodes - 1;
    const [left, right] = at % 2 === 1 ? [sibling, node] : [node, sibling];
    checkElement(sibling);
    const pair = new Uint8Array(PAIR_BYTES);
    pair.set(left);
    pair.set(right, ELEMENT_BYTES);
    if (isLone && sibling.some((byte) => byte !== 0)) return undefined;
    node = hasher.compress(pair, bottom + (isLone ? LONE : 0));
    at = Math.floor(at / 2);
    nodes = Math.ceil(nodes / 2);
  }
  return node;
}

/** Whether the proof shows that the leaf is under the root. Errors: POSEIDON2_ELEMENT_INVALID. */
export function verifyProof(hasher: Poseidon2, leaf: Uint8Array, proof: MerkleProof, root: Uint8Array): boolean {
  const found = rootOfProof(hasher, leaf, proof);
  return found !== undefined && found.length === root.length && found.every((byte, i) => byte === root[i]);
}
