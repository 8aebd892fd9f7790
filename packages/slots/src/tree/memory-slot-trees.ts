import { decodeHeader, encodeHeader, HEADER_BYTES, planOf, type SlotTreeShape } from './format.ts';
import { SlotTree, type SlotTreeDraft, type SlotTreeStore } from './slot-tree.ts';

const keyOf = (root: Uint8Array): string => Buffer.from(root).toString('hex');

/** Trees in memory, in the form of their files: for tests and simulations. */
export class MemorySlotTrees implements SlotTreeStore {
  /** By origin. */
  readonly #images = new Map<string, { readonly root: Uint8Array; readonly bytes: Uint8Array }>();

  async create(shape: SlotTreeShape, origin: string): Promise<SlotTreeDraft> {
    const plan = planOf(shape);
    const bytes = new Uint8Array(plan.fileBytes);
    return {
      plan,
      write: async (piece, position) => bytes.set(piece, position),
      read: async (target, position) => readFrom(bytes, target, position),
      commit: async (root) => {
        bytes.set(encodeHeader({ ...shape, root }));
        this.#images.set(origin, { root: root.slice(), bytes });
      },
      discard: async () => {},
    };
  }

  async find(origin: string): Promise<Uint8Array | undefined> {
    return this.#images.get(origin)?.root;
  }

  async has(slotRoot: Uint8Array): Promise<boolean> {
    const wanted = keyOf(slotRoot);
    return [...this.#images.values()].some(({ root }) => keyOf(root) === wanted);
  }

  async open(slotRoot: Uint8Array): Promise<SlotTree | undefined> {
    const wanted = keyOf(slotRoot);
    for (const { root, bytes } of this.#images.values()) {
      if (keyOf(root) !== wanted) continue;
      const header = decodeHeader(bytes.subarray(0, HEADER_BYTES));
      const file = {
        read: async (target: Uint8Array, position: number) => readFrom(bytes, target, position),
        close: async () => {},
      };
      if (header) return new SlotTree(file, header);
    }
    return undefined;
  }

  async delete(slotRoot: Uint8Array): Promise<boolean> {
    const wanted = keyOf(slotRoot);
    const found = [...this.#images].filter(([, { root }]) => keyOf(root) === wanted);
    for (const [origin] of found) this.#images.delete(origin);
    return found.length > 0;
  }

  async list(): Promise<readonly Uint8Array[]> {
    return [...new Map([...this.#images.values()].map(({ root }) => [keyOf(root), root])).values()];
  }
}

function readFrom(bytes: Uint8Array, target: Uint8Array, position: number): number {
  const piece = bytes.subarray(position, position + target.length);
  target.set(piece);
  return piece.length;
}
