import { DIGEST_BYTES, type LeafRange, layerLengths, type NodeRun } from '@codex/content';
import type { LeafBitmap } from '../leaf-bitmap.ts';
import type { Committer, Staged } from './committer.ts';
import { heldPageKey, nodePageKey, TABLE, treeIdKey } from './records.ts';
import type { Tables } from './tables.ts';

/** A page holds the aligned subtree above 2^8 nodes: 256 + 128 + … + 2 of them, 16 320 bytes. */
export const PAGE_LAYERS = 8;
export const PAGE_WIDTH = 2 ** PAGE_LAYERS;

/** Leaves of one page of the held bitmap: 256 bytes. */
export const HELD_PAGE_LEAVES = 2048;

interface Place {
  readonly group: number;
  readonly page: number;
  /** Bytes from the start of the page. */
  readonly offset: number;
  /** Nodes of this layer from here to the end of the page. */
  readonly room: number;
  /** Of the whole page. */
  readonly pageBytes: number;
}

/**
 * The pages of Merkle nodes of one tree shape. Page (g, j) holds the nodes of layer 8g from 256j on and those of the
 * seven layers above them, layer by layer; at the right edge of the tree it is as short as the layers are.
 */
export class PageGeometry {
  readonly #lengths: readonly number[];

  constructor(leafCount: number) {
    this.#lengths = layerLengths(leafCount);
  }

  find(layer: number, index: number): Place {
    const group = Math.floor(layer / PAGE_LAYERS);
    const inside = layer - group * PAGE_LAYERS;
    const page = Math.floor(index / (PAGE_WIDTH >> inside));
    let before = 0;
    let nodes = 0;
    let place = { offset: 0, room: 0 };
    for (let k = 0; k < PAGE_LAYERS; k++) {
      const length = this.#lengths[group * PAGE_LAYERS + k];
      if (length === undefined) break;
      const width = PAGE_WIDTH >> k;
      const own = Math.min(width, length - width * page);
      if (k === inside) {
        const at = index - width * page;
        place = { offset: (nodes + at) * DIGEST_BYTES, room: own - at };
      }
      nodes += own;
      before = nodes;
    }
    return { group, page, ...place, pageBytes: before * DIGEST_BYTES };
  }
}

/** The known nodes of one stored tree; zeros = unknown. */
export class TreeNodes {
  readonly #tables: Tables;
  readonly #geometry: PageGeometry;
  readonly id: number;

  constructor(tables: Tables, init: { id: number; leafCount: number }) {
    this.#tables = tables;
    this.id = init.id;
    this.#geometry = new PageGeometry(init.leafCount);
  }

  /** The node, or undefined when it is unknown. */
  get(layer: number, index: number): Uint8Array | undefined {
    const { group, page, offset } = this.#geometry.find(layer, index);
    const bytes = this.#tables.get(nodePageKey(this.id, group, page));
    const node = bytes?.subarray(offset, offset + DIGEST_BYTES);
    return node && node.length === DIGEST_BYTES && !isZero(node) ? node : undefined;
  }

  /** Digests of leaves, count × 32 bytes; the index of the first unknown one in `missing`. */
  leaves({ start, count }: LeafRange): { digests: Uint8Array; missing: number | undefined } {
    const digests = new Uint8Array(count * DIGEST_BYTES);
    for (let done = 0; done < count; ) {
      const { group, page, offset, room } = this.#geometry.find(0, start + done);
      const bytes = this.#tables.get(nodePageKey(this.id, group, page));
      const taken = Math.min(room, count - done);
      if (!bytes) return { digests, missing: start + done };
      const nodes = bytes.subarray(offset, offset + taken * DIGEST_BYTES);
      for (let i = 0; i < taken; i++) {
        if (isZero(nodes.subarray(i * DIGEST_BYTES, (i + 1) * DIGEST_BYTES)))
          return { digests, missing: start + done + i };
      }
      digests.set(nodes, done * DIGEST_BYTES);
      done += taken;
    }
    return { digests, missing: undefined };
  }

  /** Keeps nodes; pages that knew them already are not written again. */
  put({ layer, first, nodes }: NodeRun): void {
    const count = nodes.length / DIGEST_BYTES;
    for (let done = 0; done < count; ) {
      const { group, page, offset, room, pageBytes } = this.#geometry.find(layer, first + done);
      const taken = Math.min(room, count - done);
      const part = nodes.subarray(done * DIGEST_BYTES, (done + taken) * DIGEST_BYTES);
      const key = nodePageKey(this.id, group, page);
      const known = this.#tables.get(key)?.subarray(offset, offset + part.length);
      if (!known || Buffer.compare(known, part) !== 0) this.#tables.mutable(key, pageBytes).set(part, offset);
      done += taken;
    }
  }
}

function isZero(node: Uint8Array): boolean {
  for (const byte of node) if (byte !== 0) return false;
  return true;
}

/** Writes the changed pages of a held bitmap when a commit begins. */
export class HeldPages implements Staged {
  readonly #tables: Tables;
  readonly #committer: Committer;
  readonly #bitmap: LeafBitmap;
  readonly id: number;
  readonly #changed = new Set<number>();

  constructor(components: { tables: Tables; committer: Committer }, init: { id: number; bitmap: LeafBitmap }) {
    this.#tables = components.tables;
    this.#committer = components.committer;
    this.#bitmap = init.bitmap;
    this.id = init.id;
  }

  changed(index: number): void {
    if (this.#changed.size === 0) this.#committer.touch(this);
    this.#changed.add(Math.floor(index / HELD_PAGE_LEAVES));
  }

  stage(): void {
    const pageBytes = HELD_PAGE_LEAVES / 8;
    for (const page of this.#changed) {
      this.#tables.put(heldPageKey(this.id, page), this.#bitmap.slice(page * pageBytes, pageBytes));
    }
    this.#changed.clear();
  }
}

/** Loads the held bitmap of a tree. */
export function loadHeld(tables: Tables, id: number, bitmap: LeafBitmap): void {
  for (const [key, bytes] of tables.entries(treeIdKey(TABLE.held, id))) {
    bitmap.load((Buffer.from(key).readUInt32BE(7) * HELD_PAGE_LEAVES) / 8, bytes);
  }
}

/** Cuts the last page of each group, laid out for the largest tree, to the shape that the tree has in the end. */
export function trimPages(tables: Tables, id: number, lengths: readonly number[]): void {
  for (let group = 0; group * PAGE_LAYERS < lengths.length; group++) {
    const page = Math.floor((lengths[group * PAGE_LAYERS]! - 1) / PAGE_WIDTH);
    const key = nodePageKey(id, group, page);
    const whole = tables.get(key);
    if (!whole) continue;
    const parts: Uint8Array[] = [];
    let from = 0;
    for (let k = 0; k < PAGE_LAYERS; k++) {
      const width = PAGE_WIDTH >> k;
      const length = lengths[group * PAGE_LAYERS + k] ?? 0;
      const own = Math.max(0, Math.min(width, length - width * page));
      parts.push(whole.subarray(from, from + own * DIGEST_BYTES));
      from += width * DIGEST_BYTES;
    }
    tables.put(key, Buffer.concat(parts));
  }
}
