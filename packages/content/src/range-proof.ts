/** A run of known nodes of one layer. */
export interface NodeRun {
  /** 0 = leaves. */
  readonly layer: number;
  /** Index of the first node in its layer. */
  readonly first: number;
  /** n × 32 bytes. */
  readonly nodes: Uint8Array;
}

/**
 * The leaves start … start+count−1 of a tree with the nodes that prove them. An object of this class exists only if its
 * nodes were recomputed up to the root (`ProvedRange.verify`), or read from a store that holds only such nodes.
 *
 * `siblings` are, layer by layer from the bottom, the left neighbour of the run if the run starts at an odd index, then
 * its right neighbour if the run ends at an even index and that neighbour exists. For a single leaf this is the
 * inclusion proof of 01 §6 without the zero entries.
 */
export interface ProvedRange {
  readonly leafCount: number;
  readonly start: number;
  readonly count: number;
  /** count × 32 bytes. */
  readonly digests: Uint8Array;
  readonly siblings: readonly Uint8Array[];
  /** All nodes that are known through this proof: leaves, computed parents, siblings and the root. */
  readonly runs: readonly NodeRun[];
}
