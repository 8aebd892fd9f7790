import { DIGEST_BYTES, hashLone, hashPair, layerLengths, NODE_KEY } from '@codex/content';

/** Node numbers of one layer below this: a tree has at most 2^32 leaves. */
const LAYER_NODES = 2 ** 40;

/**
 * Nodes of one tree whose leaves come in any order: two neighbours become their parent. When leaves come roughly in order, a
 * few nodes per layer are kept, however many leaves there are.
 */
export class NodeForest {
  readonly #lengths: readonly number[];
  readonly #nodes = new Map<number, Uint8Array>();
  readonly #keepsChildren: boolean;

  /** `keepsChildren`: then nodes stay when their parents are there. */
  constructor(leafCount: number, init: { readonly keepsChildren?: boolean } = {}) {
    this.#lengths = layerLengths(leafCount);
    this.#keepsChildren = init.keepsChildren ?? false;
  }

  /** Nodes that are kept. */
  get size(): number {
    return this.#nodes.size;
  }

  get(layer: number, index: number): Uint8Array | undefined {
    return this.#nodes.get(layer * LAYER_NODES + index);
  }

  /** True when a leaf is in it, by itself or below a node. */
  covers(leaf: number): boolean {
    for (let layer = 0; layer < this.#lengths.length; layer++) {
      if (this.get(layer, Math.floor(leaf / 2 ** layer))) return true;
    }
    return false;
  }

  /** Adds a node. `other`: where its neighbours may stand besides. */
  put(
    layer: number,
    index: number,
    node: Uint8Array,
    other: (layer: number, index: number) => Uint8Array | undefined = () => undefined,
  ): void {
    let own: Uint8Array = node.slice(0, DIGEST_BYTES);
    for (let at = layer, i = index; ; at++, i = Math.floor(i / 2)) {
      this.#nodes.set(at * LAYER_NODES + i, own);
      if (at >= this.#lengths.length - 1) return;
      const sibling = i ^ 1;
      const isLone = sibling >= this.#lengths[at]!;
      const neighbour = isLone ? undefined : (this.get(at, sibling) ?? other(at, sibling));
      if (!isLone && !neighbour) return;
      const parent = isLone
        ? hashLone(own, at === 0)
        : combine(at, i < sibling ? [own, neighbour!] : [neighbour!, own]);
      if (!this.#keepsChildren) {
        this.#nodes.delete(at * LAYER_NODES + i);
        this.#nodes.delete(at * LAYER_NODES + sibling);
      }
      own = parent;
    }
  }
}

function combine(layer: number, [left, right]: readonly [Uint8Array, Uint8Array]): Uint8Array {
  return hashPair(left, right, layer === 0 ? NODE_KEY.bottom : NODE_KEY.inner);
}
