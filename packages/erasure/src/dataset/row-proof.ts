import {
  type Dataset,
  EMPTY_DIGEST,
  hashLone,
  hashPair,
  type LeafRange,
  layerLengths,
  NODE_KEY,
  nodeAt,
  provedFromNodes,
} from '@codex/content';
import { type AbortOptions, isCodexError } from '@codex/runtime';
import { ErasureError } from '../errors.ts';
import type { FetchLeaves } from './components.ts';
import type { Geometry } from './geometry.ts';
import { runsWhere } from './losses.ts';
import { NodeForest } from './node-forest.ts';
import { unknownSpan } from './restored-proofs.ts';
import { isPadding } from './sources.ts';

/** Leaves that are proved together, 2^8: a ms of the main thread. Of the nodes below, only these are in memory. */
const CHUNK_LAYER = 8;
const CHUNK_LEAVES = 2 ** CHUNK_LAYER;

/**
 * Proves the leaves of a rebuilt row. Each lies below a known node, and all leaves below the lowest one are unknown. Where such
 * a node stands above the end of the row, leaves of neighbouring rows lie below it as well: their digests are needed, too.
 */
export class RowProof {
  readonly #geometry: Geometry;
  readonly #dataset: Dataset;
  readonly #range: LeafRange;
  /** What is needed of other rows, in front of the row and behind it. */
  readonly #beyond: readonly LeafRange[];
  readonly #others: NodeForest;

  private constructor(geometry: Geometry, dataset: Dataset, range: LeafRange) {
    this.#geometry = geometry;
    this.#dataset = dataset;
    this.#range = range;
    const end = range.start + range.count;
    const first = unknownSpan(geometry, dataset, range.start);
    const last = unknownSpan(geometry, dataset, end - 1);
    this.#beyond = [
      { start: first.start, count: first.count === 0 ? 0 : Math.max(0, range.start - first.start) },
      { start: end, count: last.count === 0 ? 0 : Math.max(0, last.start + last.count - end) },
    ].filter(({ count }) => count > 0);
    this.#others = new NodeForest(geometry.leafCount);
  }

  /**
   * Asks for the leaves beside the row: their proofs bring the nodes above it. When a neighbour is lost as well, the next row
   * is asked for, and so on: no more than M can be lost.
   */
  static async begin(
    geometry: Geometry,
    dataset: Dataset,
    row: number,
    { fetch, signal }: AbortOptions & { readonly fetch: FetchLeaves | undefined },
  ): Promise<RowProof> {
    const { steps, data, parity } = geometry;
    const range = { start: row * steps, count: steps };
    const beside = (distance: number) =>
      [
        { row: row - distance, leaf: (row - distance + 1) * steps - 1 },
        { row: row + distance, leaf: (row + distance) * steps },
      ].filter((other) => other.row >= 0 && other.row < data + parity);
    const isKnown = (leaf: number) => dataset.node(0, leaf) !== undefined;
    let sides = beside(1);
    for (let distance = 1; fetch && distance <= parity; distance++) {
      const wanted = sides.filter(({ leaf }) => !isKnown(leaf)).map(({ leaf }) => ({ start: leaf, count: 1 }));
      if (wanted.length === 0) break;
      await fetch(wanted, { signal });
      const open = sides.filter(({ leaf }) => !isKnown(leaf)).map((side) => side.row < row);
      sides = beside(distance + 1).filter((side) => open.includes(side.row < row));
    }
    return new RowProof(geometry, dataset, range);
  }

  /** Rows whose digest is needed in a column and not there yet. */
  wantedRows(column: number): number[] {
    const { steps } = this.#geometry;
    const rows: number[] = [];
    for (const { start, count } of this.#beyond) {
      const firstRow = Math.floor(start / steps);
      for (let row = firstRow; row <= Math.floor((start + count - 1) / steps); row++) {
        const leaf = row * steps + column;
        const isBeyond = leaf >= start && leaf < start + count;
        if (isBeyond && !this.#dataset.node(0, leaf) && !this.#others.covers(leaf)) rows.push(row);
      }
    }
    return rows;
  }

  /** Takes the digest of a leaf of another row. */
  put(leaf: number, digest: Uint8Array): void {
    if (!this.#others.covers(leaf)) this.#others.put(0, leaf, digest);
  }

  /**
   * Makes the leaves of the row known, from their digests. Leaves that cannot be proved yet are left out.
   * Error: `ERASURE_TREE_MISMATCH` when the digests are not those of the tree.
   */
  async prove(digestsOf: (range: LeafRange) => Promise<Map<number, Uint8Array>>, options: AbortOptions): Promise<void> {
    const upper = new NodeForest(this.#geometry.leafCount, { keepsChildren: true });
    const lengths = layerLengths(this.#geometry.leafCount);
    const top = Math.min(CHUNK_LAYER, lengths.length - 1);
    const isAbove = (layer: number, index: number) =>
      this.#dataset.node(layer, index) ?? this.#others.get(layer, index) ?? upper.get(layer, index);
    const nodeOf = (own: ReadonlyMap<number, Uint8Array>, layer: number, index: number): Uint8Array | undefined => {
      const known = isAbove(layer, index);
      if (known || layer > top) return known;
      if (layer === 0) return own.get(index) ?? (isPadding(this.#geometry, index) ? EMPTY_DIGEST : undefined);
      const left = nodeOf(own, layer - 1, 2 * index);
      if (!left) return undefined;
      if (2 * index + 1 >= lengths[layer - 1]!) return hashLone(left, layer === 1);
      const right = nodeOf(own, layer - 1, 2 * index + 1);
      return right && hashPair(left, right, layer === 1 ? NODE_KEY.bottom : NODE_KEY.inner);
    };
    for (const chunk of this.#chunks()) {
      const own = await digestsOf(chunk.part);
      if (own.size > 0 && !isAbove(top, chunk.index)) {
        const node = nodeOf(own, top, chunk.index);
        if (node) upper.put(top, chunk.index, node, isAbove);
      }
      await turn(options);
    }
    for (const chunk of this.#chunks()) {
      const own = await digestsOf(chunk.part);
      const isUnproved = (leaf: number) => own.has(leaf) && !this.#dataset.node(0, leaf);
      for (const run of [...runsWhere(chunk.part, isUnproved)]) {
        await this.#learn(run, (layer, index) => nodeOf(own, layer, index));
      }
      await turn(options);
    }
  }

  async #learn(run: LeafRange, lookup: (layer: number, index: number) => Uint8Array | undefined): Promise<void> {
    try {
      const proved = provedFromNodes(this.#dataset.ref, run, lookup);
      if (proved) await this.#dataset.learn(proved);
    } catch (error) {
      if (!isCodexError(error, 'PROOF_INVALID')) throw error;
      throw new ErasureError(
        'ERASURE_TREE_MISMATCH',
        'The rebuilt blocks are not those of the tree: it was encoded wrongly',
        { index: run.start },
        { cause: error },
      );
    }
  }

  /** The row cut where the tree is: numbers of nodes of the layer of chunks, and what they have of the row. */
  *#chunks(): Generator<{ readonly index: number; readonly part: LeafRange }> {
    const end = this.#range.start + this.#range.count;
    for (let start = this.#range.start; start < end; ) {
      const index = Math.floor(start / CHUNK_LEAVES);
      const next = Math.min(end, (index + 1) * CHUNK_LEAVES);
      yield { index, part: { start, count: next - start } };
      start = next;
    }
  }
}

/** The digests of leaves as a map. */
export function leafDigests({ start, count }: LeafRange, digests: Uint8Array): Map<number, Uint8Array> {
  return new Map(Array.from({ length: count }, (_, i) => [start + i, nodeAt(digests, i)]));
}

async function turn({ signal }: AbortOptions): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve));
  signal?.throwIfAborted();
}
