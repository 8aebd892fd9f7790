import {
  buildTree,
  type DatasetWriter,
  DIGEST_BYTES,
  type Manifest,
  type ManifestCid,
  type MerkleTree,
  sha256,
  type TreeCid,
  treeCid,
} from '@codex/content';
import { checkBlockSize, checkDescribed } from '../checks.ts';
import { StoreError } from '../errors.ts';
import type { MemoryBlocks } from './memory-blocks.ts';

/** Takes over a finished tree with its manifest, in one step. */
type Adopt = (manifest: Manifest, tree: MerkleTree) => Promise<ManifestCid>;

export class MemoryDatasetWriter implements DatasetWriter {
  readonly blockSize: number;
  readonly #blocks: MemoryBlocks;
  readonly #adopt: Adopt;
  readonly #digests: Uint8Array[] = [];
  #partial: Uint8Array;
  #partialBytes = 0;
  #bytesWritten = 0;
  #open = true;

  constructor(components: { blocks: MemoryBlocks; adopt: Adopt }, init: { blockSize: number }) {
    checkBlockSize(init.blockSize);
    this.blockSize = init.blockSize;
    this.#blocks = components.blocks;
    this.#adopt = components.adopt;
    this.#partial = new Uint8Array(this.blockSize);
  }

  get bytesWritten(): number {
    return this.#bytesWritten;
  }

  async append(bytes: Uint8Array): Promise<void> {
    this.#checkOpen();
    for (let at = 0; at < bytes.length; ) {
      const taken = Math.min(bytes.length - at, this.blockSize - this.#partialBytes);
      this.#partial.set(bytes.subarray(at, at + taken), this.#partialBytes);
      this.#partialBytes += taken;
      at += taken;
      if (this.#partialBytes === this.blockSize) await this.#store();
    }
    this.#bytesWritten += bytes.length;
  }

  async finish(
    describe: (tree: { treeCid: TreeCid; leafCount: number; datasetSize: number }) => Manifest,
  ): Promise<ManifestCid> {
    this.#checkOpen();
    try {
      if (this.#bytesWritten === 0) throw new StoreError('EMPTY_DATASET', 'A dataset needs at least one byte');
      if (this.#partialBytes > 0) await this.#store();
      const tree = buildTree(Buffer.concat(this.#digests));
      const cid = treeCid(tree.root);
      const manifest = describe({ treeCid: cid, leafCount: tree.leafCount, datasetSize: this.#bytesWritten });
      checkDescribed(manifest, { treeCid: cid, leafCount: tree.leafCount, blockSize: this.blockSize });
      const stored = await this.#adopt(manifest, tree);
      this.#open = false;
      return stored;
    } catch (error) {
      await this.abort();
      throw error;
    }
  }

  async abort(): Promise<void> {
    if (!this.#open) return;
    this.#open = false;
    for (const digest of this.#digests) this.#blocks.dropReference(digest);
  }

  async #store(): Promise<void> {
    this.#partial.fill(0, this.#partialBytes);
    const digest = sha256(this.#partial);
    try {
      this.#blocks.addReference(digest, this.#partial);
    } catch (error) {
      await this.abort();
      throw error;
    }
    this.#digests.push(digest.subarray(0, DIGEST_BYTES));
    this.#partialBytes = 0;
  }

  #checkOpen(): void {
    if (!this.#open) throw new StoreError('STORE_CLOSED', 'The writer is finished or was aborted');
  }
}
