import {
  type Dataset,
  type DatasetAssembly,
  datasetRef,
  formatCid,
  type LeafBatch,
  type LeafRange,
  type Manifest,
} from '@codex/content';
import { type AbortOptions, isCodexError, Semaphore } from '@codex/runtime';
import { ErasureError } from '../errors.ts';
import { leaveAssembly, treeMismatch } from './assembling.ts';
import type { ErasureComponents, ErasureOptions, FetchLeaves } from './components.ts';
import { checkRestorable } from './gather.ts';
import { type Columns, type Geometry, originalPart, originalRef, protectedGeometry } from './geometry.ts';
import { groupsOf, runLanes } from './lanes.ts';
import { runsWhere } from './losses.ts';
import { type RestoreParts, restoreGroup } from './restore-group.ts';
import { proveRestored } from './restored-proofs.ts';

/** Times that a group is looked at again because a block that was held turned out to be gone. */
const ATTEMPTS_PER_GROUP = 4;

/** Leaves that a reader makes available at a time. */
const READ_WINDOW_LEAVES = 64;

/**
 * The original dataset of a protected one, while it is not whole: restores what is asked for, and in the end all of it.
 * Work that was done stays when it is closed, and is found again by the next one.
 */
export class Restoration {
  readonly geometry: Geometry;
  readonly #components: ErasureComponents;
  readonly #dataset: Dataset;
  readonly #original: Dataset;
  readonly #fetch: FetchLeaves | undefined;
  /** One at a time finishes; who waited finds nothing left to do. */
  readonly #finishing = new Semaphore(1);
  /** Undefined when the original dataset is complete. */
  #assembly: DatasetAssembly | undefined;

  private constructor(
    components: ErasureComponents,
    init: {
      geometry: Geometry;
      dataset: Dataset;
      original: Dataset;
      fetch: FetchLeaves | undefined;
      assembly: DatasetAssembly | undefined;
    },
  ) {
    this.#components = components;
    this.geometry = init.geometry;
    this.#dataset = init.dataset;
    this.#original = init.original;
    this.#fetch = init.fetch;
    this.#assembly = init.assembly;
  }

  /** Errors: `ERASURE_MANIFEST_UNSUITABLE`, `ERASURE_PARAMETERS_INVALID`, `ASSEMBLY_BUSY` while another one is open. */
  static async open(
    components: ErasureComponents,
    manifest: Manifest,
    init: { readonly fetch?: FetchLeaves | undefined } = {},
  ): Promise<Restoration> {
    const geometry = protectedGeometry(manifest);
    const { repository } = components;
    const dataset = await repository.openDataset(datasetRef(manifest));
    const original = await repository.openDataset(originalRef(manifest));
    const whole = original.heldCount === geometry.originalLeaves;
    const shape = { blockSize: geometry.blockSize, leafCount: geometry.originalLeaves };
    const key = `restore/${formatCid(manifest.treeCid)}`;
    const assembly = whole ? undefined : await repository.assembleDataset(key, shape);
    return new Restoration(components, { geometry, dataset, original, assembly, fetch: init.fetch });
  }

  /** The original dataset: complete after `finish`. */
  get original(): Dataset {
    return this.#original;
  }

  /** True when the block of an original leaf can be read now. */
  has(leaf: number): boolean {
    const assembly = this.#assembly;
    return assembly ? this.#dataset.has(leaf) || assembly.has(leaf) : this.#original.has(leaf);
  }

  /**
   * Makes original leaves readable: fetches them, and restores those that cannot be had from the other rows of their
   * columns. Errors: `ERASURE_TOO_MANY_LOSSES`, `ERASURE_TREE_MISMATCH`.
   */
  async restoreRange(range: LeafRange, options: AbortOptions = {}): Promise<void> {
    const parts = this.#parts();
    if (!parts) return;
    try {
      await this.#restoreRange(parts, range, options);
    } catch (error) {
      // Another reader may have finished it meanwhile: then everything is there.
      if (isCodexError(error, 'STORE_CLOSED')) await this.#finishing.run(() => {}, options);
      if (this.#assembly) throw error;
    }
  }

  /**
   * Reads original leaves in order, restoring ahead of the consumer. Restored leaves whose digests are unknown are
   * handed out before their tree is whole; `finish` tells whether they were right.
   */
  async *read(range: LeafRange, { signal }: AbortOptions = {}): AsyncGenerator<LeafBatch> {
    // A consumer that leaves early ends what was begun for it.
    const leaving = new AbortController();
    const options = { signal: signal ? AbortSignal.any([signal, leaving.signal]) : leaving.signal };
    const end = range.start + range.count;
    const windowAt = (start: number) => ({ start, count: Math.min(READ_WINDOW_LEAVES, end - start) });
    const prepare = (start: number) => {
      const ready = start < end ? this.restoreRange(windowAt(start), options) : Promise.resolve();
      ready.catch(() => {});
      return ready;
    };
    let ready = prepare(range.start);
    try {
      for (let start = range.start; start < end; start += READ_WINDOW_LEAVES) {
        await ready;
        ready = prepare(start + READ_WINDOW_LEAVES);
        yield* this.#readWindow(windowAt(start), options);
      }
    } finally {
      leaving.abort();
      await ready.catch(() => {});
    }
  }

  /**
   * Restores everything, becomes the original tree if the root is right, and proves restored leaves under the protected
   * tree. Errors: `ERASURE_TOO_MANY_LOSSES`, `ERASURE_TREE_MISMATCH`.
   */
  async finish(options: ErasureOptions = {}): Promise<void> {
    await this.#finishing.run(() => this.#finish(options), options);
  }

  /** Lets go; what was restored is kept for the next one. Harmless after `finish`. */
  async close(): Promise<void> {
    await this.#assembly?.close();
  }

  /** Ends it after a failure: what can go on later is kept, anything else forgotten. */
  async fail(error: unknown, options: AbortOptions): Promise<void> {
    if (this.#assembly) await leaveAssembly(this.#assembly, error, options);
  }

  async #restoreRange(parts: RestoreParts, range: LeafRange, options: AbortOptions): Promise<void> {
    const missing = () => [...runsWhere(range, (leaf) => !this.has(leaf))];
    const wanted = missing();
    if (wanted.length > 0) await this.#fetch?.(wanted, options);
    const inVain = missing();
    const asked = this.#fetch
      ? inVain.flatMap(({ start, count }) => Array.from({ length: count }, (_, i) => start + i))
      : [];
    const restore = (group: Columns, groupOptions: AbortOptions) => restoreGroup(parts, group, groupOptions, asked);
    await runLanes(this.#components.memory.lanes, this.#groupsOf(inVain), restore, options);
  }

  /** The columns of leaves, as groups, in the order of the leaves. */
  *#groupsOf(ranges: readonly LeafRange[]): Generator<Columns> {
    const { steps } = this.geometry;
    for (const { start, count } of ranges) {
      for (let leaf = start; leaf < start + count; ) {
        const column = leaf % steps;
        const length = Math.min(start + count - leaf, steps - column);
        yield* groupsOf(this.geometry, { start: column, count: length });
        leaf += length;
      }
    }
  }

  async #finish({ signal, onProgress }: ErasureOptions): Promise<void> {
    const { geometry } = this;
    const parts = this.#parts();
    if (parts) await this.#restoreEverything(parts, { signal, onProgress });
    else onProgress?.({ phase: 'restore', done: geometry.steps, total: geometry.steps });
    await proveRestored(geometry, this.#dataset, this.#original, { signal });
    await this.#dataset.flush();
  }

  async #restoreEverything(parts: RestoreParts, { signal, onProgress }: ErasureOptions): Promise<void> {
    const { geometry, assembly } = parts;
    const isRestored = (leaf: number) => assembly.has(leaf);
    if (!this.#fetch) await checkRestorable(geometry, this.#dataset, isRestored, { signal });
    let done = 0;
    const restore = async (columns: Columns, options: { signal: AbortSignal }) => {
      await this.#restoreAll(parts, columns, options);
      done += columns.count;
      onProgress?.({ phase: 'restore', done, total: geometry.steps });
    };
    const groups = groupsOf(geometry, { start: 0, count: geometry.steps });
    await runLanes(this.#components.memory.lanes, groups, restore, { signal });
    try {
      await assembly.become(this.#original.ref, { signal });
    } catch (error) {
      throw treeMismatch(error);
    }
    this.#assembly = undefined;
  }

  #parts(): RestoreParts | undefined {
    const { compute, memory } = this.#components;
    const { geometry } = this;
    const assembly = this.#assembly;
    return assembly && { compute, memory, geometry, dataset: this.#dataset, assembly, fetch: this.#fetch };
  }

  /** Restores columns and takes everything that the protected dataset holds of them into the assembly. */
  async #restoreAll(parts: RestoreParts, columns: Columns, options: AbortOptions): Promise<void> {
    for (let attempt = 1; ; attempt++) {
      await restoreGroup(parts, columns, options);
      const gone = await this.#refer(parts, columns, options);
      if (gone === undefined) return;
      if (attempt === ATTEMPTS_PER_GROUP) {
        throw new ErasureError('ERASURE_BLOCK_MISSING', `Block ${gone} vanishes again and again`, { index: gone });
      }
      // Reading it makes the dataset notice that it is gone.
      await this.#dataset.readInto({ start: gone, count: 1 }, new Uint8Array(this.geometry.blockSize), options);
    }
  }

  /** Returns a leaf whose block is gone although the dataset holds it. */
  async #refer(
    { assembly, dataset }: RestoreParts,
    columns: Columns,
    options: AbortOptions,
  ): Promise<number | undefined> {
    for (let row = 0; row < this.geometry.data; row++) {
      for (const { start, count } of [...assembly.missing(originalPart(this.geometry, row, columns))]) {
        try {
          await assembly.refer(start, await dataset.digests({ start, count }), options);
        } catch (error) {
          const index = isCodexError(error, 'BLOCK_NOT_FOUND') ? error.data?.index : undefined;
          if (typeof index !== 'number') throw error;
          return index;
        }
      }
    }
    return undefined;
  }

  async *#readWindow(window: LeafRange, options: AbortOptions): AsyncGenerator<LeafBatch> {
    const end = window.start + window.count;
    for (let start = window.start; start < end; ) {
      // Looked up anew each time: what is complete meanwhile has moved into the original dataset.
      const assembly = this.#assembly;
      const source = !assembly ? this.#original : this.#dataset.has(start) ? this.#dataset : assembly;
      const isHere = (leaf: number) => !assembly || this.#dataset.has(leaf) === (source === this.#dataset);
      let next = start + 1;
      while (next < end && isHere(next)) next++;
      yield* source.read({ start, count: next - start }, options);
      start = next;
    }
  }
}
