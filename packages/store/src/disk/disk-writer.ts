import type { Compute, Slab, SlabPool } from '@codex/compute';
import {
  Chunker,
  type DatasetWriter,
  DIGEST_BYTES,
  layerLengths,
  MAX_LEAF_COUNT,
  type Manifest,
  type ManifestCid,
  nodeAt,
  TreeBuilder,
  type TreeCid,
  treeCid,
} from '@codex/content';
import { Semaphore } from '@codex/runtime';
import { checkBlockSize, checkDescribed } from '../checks.ts';
import { StoreError } from '../errors.ts';
import type { BlockIndex } from './block-index.ts';
import type { BlockStore } from './block-store.ts';
import type { Committer, Staged } from './committer.ts';
import { type Inspected, inspectBlocks } from './inspect-job.ts';
import { heldPageKey } from './records.ts';
import type { Tables } from './tables.ts';
import { HELD_PAGE_LEAVES, TreeNodes, trimPages } from './tree-pages.ts';

/** Slabs of one upload that are being hashed or written while the next one fills. */
const PIPELINE_SLABS = 4;

/** Blocks handled in one go, however small they are: bounds the work between two turns of the event loop. */
const BATCH_BLOCKS_MAX = 64;

export interface WriterParts {
  readonly tables: Tables;
  readonly index: BlockIndex;
  readonly store: BlockStore;
  readonly committer: Committer;
  readonly compute: Compute;
  readonly slabs: SlabPool;
  /** Begins an upload: a tree id whose references go with a crash. */
  begin(): number;
  /** Releases the references of an id. */
  drop(id: number): Promise<void>;
  /** Makes the id the tree of the manifest and stores that, durably; releases the references when it fails. */
  adopt(id: number, manifest: Manifest): Promise<ManifestCid>;
}

/** Hashes one slab while the next one fills; writes and records them in order. */
export class DiskDatasetWriter implements DatasetWriter, Staged {
  readonly blockSize: number;
  readonly #parts: WriterParts;
  readonly #builder: TreeBuilder;
  readonly #depth = new Semaphore(PIPELINE_SLABS);
  #id: number | undefined;
  #nodes: TreeNodes | undefined;
  #leaves = 0;
  #stagedLeaves = 0;
  #bytesWritten = 0;
  #filling: { readonly slab: Slab; readonly chunker: Chunker } | undefined;
  #tail: Promise<void> = Promise.resolve();
  #failure: unknown;
  #open = true;

  constructor(parts: WriterParts, init: { blockSize: number }) {
    checkBlockSize(init.blockSize);
    this.blockSize = init.blockSize;
    this.#parts = parts;
    // While it grows, the tree has the shape of the largest one: whole pages everywhere.
    this.#builder = new TreeBuilder((run) => this.#nodes?.put(run));
  }

  get bytesWritten(): number {
    return this.#bytesWritten;
  }

  async append(bytes: Uint8Array): Promise<void> {
    try {
      for (let at = 0; at < bytes.length; ) {
        this.#checkOpen();
        this.#filling ??= await this.#nextSlab();
        at += this.#filling.chunker.write(bytes.subarray(at));
        if (this.#filling.chunker.isFull) await this.#submit();
      }
      this.#checkOpen();
      this.#bytesWritten += bytes.length;
    } catch (error) {
      await this.abort();
      throw error;
    }
  }

  async finish(
    describe: (tree: { treeCid: TreeCid; leafCount: number; datasetSize: number }) => Manifest,
  ): Promise<ManifestCid> {
    this.#checkOpen();
    try {
      if (this.#bytesWritten === 0) throw new StoreError('EMPTY_DATASET', 'A dataset needs at least one byte');
      this.#filling?.chunker.pad();
      if (this.#filling) await this.#submit();
      await this.#tail;
      const { root, leafCount } = this.#builder.finish();
      const cid = treeCid(root);
      const manifest = describe({ treeCid: cid, leafCount, datasetSize: this.#bytesWritten });
      checkDescribed(manifest, { treeCid: cid, leafCount, blockSize: this.blockSize });
      const id = this.#id!;
      this.stage();
      trimPages(this.#parts.tables, id, layerLengths(leafCount));
      // From here on the id is the repository's, also when that fails.
      this.#id = undefined;
      this.#open = false;
      return await this.#parts.adopt(id, manifest);
    } catch (error) {
      await this.abort();
      throw error;
    }
  }

  async abort(): Promise<void> {
    if (!this.#open) return;
    this.#open = false;
    this.#filling?.slab.release();
    this.#filling = undefined;
    await this.#tail.catch(() => {});
    const id = this.#id;
    if (id === undefined) return;
    this.stage();
    this.#id = undefined;
    await this.#parts.drop(id);
  }

  /** All leaves so far are held. */
  stage(): void {
    const id = this.#id;
    if (id === undefined || this.#stagedLeaves === this.#leaves) return;
    const first = Math.floor(this.#stagedLeaves / HELD_PAGE_LEAVES);
    for (let page = first; page * HELD_PAGE_LEAVES < this.#leaves; page++) {
      const leaves = Math.min(HELD_PAGE_LEAVES, this.#leaves - page * HELD_PAGE_LEAVES);
      const bytes = new Uint8Array(Math.ceil(leaves / 8)).fill(0xff);
      if (leaves % 8 > 0) bytes[bytes.length - 1] = (1 << (leaves % 8)) - 1;
      this.#parts.tables.put(heldPageKey(id, page), bytes);
    }
    this.#stagedLeaves = this.#leaves;
  }

  async #nextSlab() {
    const slab = await this.#parts.slabs.acquire();
    const bytes = slab.bytes.subarray(0, BATCH_BLOCKS_MAX * this.blockSize);
    return { slab, chunker: new Chunker(bytes, this.blockSize) };
  }

  /** Sends the filled slab on its way. */
  async #submit(): Promise<void> {
    const release = await this.#depth.acquire();
    const filling = this.#filling;
    if (!filling || !this.#open) {
      release();
      this.#checkOpen();
      return;
    }
    this.#filling = undefined;
    const { slab, chunker } = filling;
    const bytes = slab.bytes.subarray(0, chunker.used);
    const lengths = new Uint32Array(chunker.fullBlocks).fill(this.blockSize);
    const inspected = this.#parts.compute.run(inspectBlocks, { bytes, lengths });
    inspected.catch(() => {});
    const before = this.#tail;
    this.#tail = (async () => {
      try {
        await before;
        await this.#store(bytes, await inspected);
      } catch (error) {
        this.#failure ??= error;
        throw error;
      } finally {
        slab.release();
        release();
      }
    })();
    this.#tail.catch(() => {});
  }

  async #store(bytes: Uint8Array, { digests, physicalBytes, crcs }: Inspected): Promise<void> {
    if (!this.#open) return;
    if (this.#id === undefined) {
      this.#id = this.#parts.begin();
      this.#nodes = new TreeNodes(this.#parts.tables, { id: this.#id, leafCount: MAX_LEAF_COUNT });
    }
    const blocks = Array.from(crcs, (crc, i) => ({
      digest: nodeAt(digests, i),
      logicalBytes: this.blockSize,
      physicalBytes: physicalBytes[i]!,
      crc,
      payload: bytes.subarray(i * this.blockSize, i * this.blockSize + physicalBytes[i]!),
    }));
    await this.#parts.store.put(blocks, () => {
      for (const { digest } of blocks) this.#parts.index.addReference(digest);
      this.#builder.append(digests);
      this.#leaves += digests.length / DIGEST_BYTES;
      this.#parts.committer.touch(this);
    });
  }

  #checkOpen(): void {
    if (this.#failure !== undefined) throw this.#failure;
    if (!this.#open) throw new StoreError('STORE_CLOSED', 'The writer is finished or was aborted');
  }
}
