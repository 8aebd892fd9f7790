import type { DiskDataset } from './disk-dataset.ts';
import { latin1 } from './tables.ts';

/** Handles that are kept although nobody holds them: opening one again reads its bitmap. */
const RECENT_HANDLES = 64;

/** The open datasets: one object for each tree, as long as somebody holds it. */
export class DatasetHandles {
  readonly #handles = new Map<string, WeakRef<DiskDataset>>();
  /** Least recently used first. */
  readonly #recent = new Set<DiskDataset>();
  readonly #collected = new FinalizationRegistry<string>((key) => {
    if (!this.#handles.get(key)?.deref()) this.#handles.delete(key);
  });

  /** The handle of a tree, if it is open. */
  peek(root: Uint8Array): DiskDataset | undefined {
    return this.#handles.get(latin1(root))?.deref();
  }

  add(root: Uint8Array, handle: DiskDataset): void {
    const key = latin1(root);
    this.#handles.set(key, new WeakRef(handle));
    this.#collected.register(handle, key);
    this.use(handle);
  }

  use(handle: DiskDataset): void {
    this.#recent.delete(handle);
    this.#recent.add(handle);
    if (this.#recent.size <= RECENT_HANDLES) return;
    const [oldest] = this.#recent;
    this.#recent.delete(oldest!);
  }
}
