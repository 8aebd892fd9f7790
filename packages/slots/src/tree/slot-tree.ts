import { ELEMENT_BYTES } from '@codex/poseidon2';
import { SlotsError } from '../errors.ts';
import { planOf, type SlotTreeHeader, type SlotTreePlan, type SlotTreeShape } from './format.ts';

/** Where a tree is kept. Lengths and positions in bytes. */
export interface SlotTreeFile {
  /** Reads until `target` is full or the file ends; returns the bytes read. */
  read(target: Uint8Array, position: number): Promise<number>;
  close(): Promise<void>;
}

/** A tree that is being built. */
export interface SlotTreeDraft {
  readonly plan: SlotTreePlan;
  write(bytes: Uint8Array, position: number): Promise<void>;
  read(target: Uint8Array, position: number): Promise<number>;
  /** Keeps it, durable when this resolves. */
  commit(root: Uint8Array): Promise<void>;
  /** Forgets it. Harmless after `commit`. */
  discard(): Promise<void>;
}

/**
 * Keeps slot trees: 1.7 % of the blocks' size, of which a proof reads a KiB a sample. Trees appear whole or not at all, also
 * after a crash. What is found damaged is dropped and counts as missing: it can be built again. Error of all calls:
 * `SLOT_TREE_UNAVAILABLE` when the disk refuses.
 */
export interface SlotTreeStore {
  /** Begins a tree. `origin` (see `slotOrigin`) names what it is built from. */
  create(shape: SlotTreeShape, origin: string): Promise<SlotTreeDraft>;
  /** The root of the tree that was built from an origin. */
  find(origin: string): Promise<Uint8Array | undefined>;
  /** Whether a tree with this root is kept; it may turn out damaged when it is opened. */
  has(slotRoot: Uint8Array): Promise<boolean>;
  /** To be closed. */
  open(slotRoot: Uint8Array): Promise<SlotTree | undefined>;
  /**
   * Purges the tree of a slot. Slots of different datasets with the same content share their root: all their trees go, and the next
   * proof of another one builds its tree anew. False when there was none.
   */
  delete(slotRoot: Uint8Array): Promise<boolean>;
  /** Roots of all kept trees. */
  list(): Promise<readonly Uint8Array[]>;
}

/** A kept tree, read in pieces. */
export class SlotTree {
  readonly header: SlotTreeHeader;
  readonly #plan: SlotTreePlan;
  readonly #file: SlotTreeFile;

  constructor(file: SlotTreeFile, header: SlotTreeHeader) {
    this.header = header;
    this.#plan = planOf(header);
    this.#file = file;
  }

  get root(): Uint8Array {
    return this.header.root;
  }

  /** Digests of the cells of a block; undefined for a block of zeros. Error: `SLOT_TREE_CORRUPT` when the file is cut short. */
  async cellDigests(block: number): Promise<Uint8Array | undefined> {
    if (block >= this.header.blocks) return undefined;
    return this.#read(this.#plan.cellsAt(block), this.#plan.cellsPerBlock * ELEMENT_BYTES);
  }

  /** Siblings from a block up to the root; undefined for those over zero blocks. Error: `SLOT_TREE_CORRUPT`. */
  async siblings(block: number): Promise<(Uint8Array | undefined)[]> {
    const { depth, nodesIn, nodeAt } = this.#plan;
    return Promise.all(
      Array.from({ length: depth }, (_, height) => {
        const place = Math.floor(block / 2 ** height);
        const sibling = place % 2 === 0 ? place + 1 : place - 1;
        return sibling < nodesIn(height) ? this.#read(nodeAt(height, sibling), ELEMENT_BYTES) : undefined;
      }),
    );
  }

  close(): Promise<void> {
    return this.#file.close();
  }

  async #read(position: number, length: number): Promise<Uint8Array> {
    const target = new Uint8Array(length);
    if ((await this.#file.read(target, position)) < length) {
      throw new SlotsError('SLOT_TREE_CORRUPT', 'The file of a slot tree is too short', { position, length });
    }
    return target;
  }
}
