import {
  type BlockCid,
  type Cid,
  type Dataset,
  type DatasetAssembly,
  type DatasetRef,
  type DatasetWriter,
  datasetRef,
  decodeManifest,
  digestOf,
  encodeManifest,
  equalBytes,
  isBlockCid,
  isEmptyBlock,
  isManifestCid,
  isTreeCid,
  layerLengths,
  type Manifest,
  type ManifestCid,
  type MerkleTree,
  manifestCidOf,
  type PutOptions,
  type Repository,
  type SpaceUsage,
  type StoredManifest,
  sha256,
  type TreeCid,
} from '@codex/content';
import { type Clock, type Logger, type Startable, silentLogger, systemClock } from '@codex/runtime';
import { checkBlockSize, checkExpiry, checkRef, defaultExpiry, treesOf } from '../checks.ts';
import { blockNotFound, StoreError } from '../errors.ts';
import {
  ASSEMBLIES_MAX,
  ASSEMBLY_TTL_MS,
  DEFAULT_BLOCK_TTL_MS,
  DEFAULT_MAINTENANCE_BATCH,
  DEFAULT_MAINTENANCE_INTERVAL_MS,
} from '../limits.ts';
import { Listeners } from '../listeners.ts';
import { Maintenance } from '../maintenance.ts';
import { Quota } from '../quota.ts';
import { dropAssembly, MemoryAssembly, type MemoryAssemblyState, newAssemblyState } from './memory-assembly.ts';
import { keyOf, MemoryBlocks } from './memory-blocks.ts';
import { MemoryDataset } from './memory-dataset.ts';
import { MemoryDatasetWriter } from './memory-writer.ts';

export interface MemoryRepositoryInit {
  readonly quotaBytes?: number;
  /** How long blocks and datasets live by default; 0 = for ever. */
  readonly blockTtlMs?: number;
  readonly maintenanceIntervalMs?: number;
  readonly maintenanceBatch?: number;
}

interface ManifestEntry {
  readonly bytes: Uint8Array;
  readonly stored: StoredManifest;
}

/**
 * A repository in memory, by the same rules as the one on disk: for simulators and tests. Hashes on the calling thread;
 * nothing of it lasts.
 */
export class MemoryRepository implements Repository, Startable {
  readonly #clock: Clock;
  readonly #ttlMs: number;
  readonly #batch: number;
  readonly #quota: Quota;
  readonly #blocks: MemoryBlocks;
  readonly #maintenance: Maintenance;
  readonly #manifests = new Map<string, ManifestEntry>();
  readonly #datasets = new Map<string, MemoryDataset>();
  readonly #stored = new Listeners<StoredManifest>();
  /** Unfinished ones by key, the longest untouched first. */
  readonly #assemblies = new Map<string, MemoryAssemblyState>();

  constructor(components: { clock?: Clock; logger?: Logger } = {}, init: MemoryRepositoryInit = {}) {
    this.#clock = components.clock ?? systemClock;
    this.#ttlMs = init.blockTtlMs ?? DEFAULT_BLOCK_TTL_MS;
    this.#batch = init.maintenanceBatch ?? DEFAULT_MAINTENANCE_BATCH;
    this.#quota = new Quota(init.quotaBytes ?? Number.MAX_SAFE_INTEGER);
    this.#blocks = new MemoryBlocks(this.#quota);
    this.#maintenance = new Maintenance(
      { clock: this.#clock, logger: components.logger ?? silentLogger },
      {
        intervalMs: init.maintenanceIntervalMs ?? DEFAULT_MAINTENANCE_INTERVAL_MS,
        work: async () => this.#expire(),
      },
    );
  }

  start(): void {
    this.#maintenance.start();
  }

  stop(): Promise<void> {
    return this.#maintenance.stop();
  }

  async getBlock(cid: Cid): Promise<Uint8Array | undefined> {
    if (isEmptyBlock(cid)) return new Uint8Array(0);
    if (isManifestCid(cid)) return this.#manifests.get(keyOf(digestOf(cid)))?.bytes;
    return isBlockCid(cid) ? this.#blocks.get(digestOf(cid)) : undefined;
  }

  async hasBlock(cid: Cid): Promise<boolean> {
    return (await this.getBlock(cid)) !== undefined;
  }

  async putBlock(cid: Cid, bytes: Uint8Array, { expiry, signal }: PutOptions = {}): Promise<void> {
    signal?.throwIfAborted();
    if (!isBlockCid(cid) && !isManifestCid(cid) && !isEmptyBlock(cid)) {
      throw new StoreError('CID_UNSUPPORTED', 'Only blocks and manifests are stored by CID', { codec: cid.code });
    }
    const until = checkExpiry(expiry ?? this.#defaultExpiry());
    if (isEmptyBlock(cid) && bytes.length === 0) return;
    checkBlockSize(bytes.length);
    if (!equalBytes(sha256(bytes), digestOf(cid))) {
      throw new StoreError('BLOCK_MISMATCH', 'The bytes do not hash to their CID');
    }
    if (isManifestCid(cid)) this.#putManifest(cid, new Uint8Array(bytes), decodeManifest(bytes), until);
    else this.#blocks.pin(digestOf(cid), bytes, until);
  }

  async delete(cid: Cid): Promise<boolean> {
    if (isManifestCid(cid)) return this.#deleteManifest(cid);
    return isBlockCid(cid) ? this.#blocks.delete(digestOf(cid)) : false;
  }

  async *manifests(): AsyncGenerator<StoredManifest> {
    for (const { stored } of [...this.#manifests.values()]) yield stored;
  }

  async openDataset(ref: DatasetRef): Promise<Dataset> {
    return this.#obtainDataset(ref);
  }

  async findDataset(treeCid: TreeCid): Promise<Dataset | undefined> {
    const dataset = this.#datasets.get(keyOf(digestOf(treeCid)));
    return dataset && dataset.heldCount > 0 ? dataset : undefined;
  }

  createDataset(init: { readonly blockSize: number; readonly expiry?: number }): DatasetWriter {
    const expiry = checkExpiry(init.expiry ?? this.#defaultExpiry());
    const adopt = async (manifest: Manifest, tree: MerkleTree) => this.#adopt(manifest, tree, expiry);
    return new MemoryDatasetWriter({ blocks: this.#blocks, adopt }, init);
  }

  async assembleDataset(
    key: string,
    init: { readonly blockSize: number; readonly leafCount: number; readonly expiry?: number },
  ): Promise<DatasetAssembly> {
    const { blockSize, leafCount } = init;
    checkBlockSize(blockSize);
    layerLengths(leafCount);
    const expiry = checkExpiry(init.expiry ?? this.#defaultExpiry());
    const state = this.#assemblies.get(key) ?? newAssemblyState(init);
    if (state.open) throw new StoreError('ASSEMBLY_BUSY', 'Somebody is working on this dataset already', { key });
    if (state.leafCount !== leafCount || state.blockSize !== blockSize) {
      throw new StoreError('DATASET_MISMATCH', 'The unfinished dataset has another number or size of blocks');
    }
    const touch = (open: boolean) => {
      Object.assign(state, { open, touchedMs: this.#clock.now() });
      this.#assemblies.delete(key);
      this.#assemblies.set(key, state);
    };
    touch(true);
    this.#sweepAssemblies();
    const end = () => this.#assemblies.delete(key);
    return new MemoryAssembly(
      {
        blocks: this.#blocks,
        finish: async (manifest, tree) => {
          const cid = this.#adopt(manifest, tree, expiry);
          end();
          return cid;
        },
        become: async (ref, tree) => {
          const dataset = this.#obtainDataset(ref);
          dataset.complete(tree);
          end();
          return dataset;
        },
        close: () => touch(false),
        drop: () => {
          dropAssembly(this.#blocks, state);
          end();
        },
      },
      state,
    );
  }

  async ensureExpiry(cid: BlockCid | ManifestCid | TreeCid, expiry: number): Promise<void> {
    checkExpiry(expiry);
    if (isEmptyBlock(cid)) return;
    const digest = digestOf(cid);
    if (isBlockCid(cid)) {
      const bytes = this.#blocks.get(digest);
      if (!bytes) throw blockNotFound({ cid: cid.toString() });
      this.#blocks.pin(digest, bytes, expiry);
      return;
    }
    const concerned = isTreeCid(cid) ? this.#manifestsOf(cid) : [this.#manifests.get(keyOf(digest))];
    const known = concerned.filter((entry) => entry !== undefined);
    if (known.length === 0) throw blockNotFound({ cid: cid.toString() });
    for (const { bytes, stored } of known) {
      const raised = { ...stored, expiry: Math.max(stored.expiry, expiry) };
      this.#manifests.set(keyOf(digestOf(stored.cid)), { bytes, stored: raised });
    }
  }

  async reserve(bytes: number): Promise<void> {
    this.#quota.reserve(bytes);
  }

  async release(bytes: number): Promise<void> {
    this.#quota.release(bytes);
  }

  usage(): SpaceUsage {
    return this.#quota.usage();
  }

  onManifest(listener: (manifest: StoredManifest) => void): () => void {
    return this.#stored.add(listener);
  }

  #defaultExpiry(): number {
    return defaultExpiry(this.#clock.now(), this.#ttlMs);
  }

  #putManifest(cid: ManifestCid, bytes: Uint8Array, manifest: Manifest, expiry: number, then = () => {}): void {
    const key = keyOf(digestOf(cid));
    const existing = this.#manifests.get(key);
    if (!existing) this.#quota.take(1, bytes.length);
    const stored = { cid, manifest, expiry: Math.max(existing?.stored.expiry ?? 0, expiry) };
    this.#manifests.set(key, { bytes, stored });
    then();
    if (!existing) this.#stored.emit(stored);
  }

  #adopt(manifest: Manifest, tree: MerkleTree, expiry: number): ManifestCid {
    const bytes = encodeManifest(manifest);
    const cid = manifestCidOf(bytes);
    const dataset = this.#obtainDataset(datasetRef(manifest));
    // First the manifest: it can fail for lack of quota. Its listeners are told when the dataset is there.
    this.#putManifest(cid, bytes, decodeManifest(bytes), expiry, () => dataset.complete(tree));
    return cid;
  }

  /** Drops what nobody touched for long, and the longest untouched ones beyond `ASSEMBLIES_MAX`. */
  #sweepAssemblies(): void {
    const oldMs = this.#clock.now() - ASSEMBLY_TTL_MS;
    for (const [key, state] of this.#assemblies) {
      if (state.open || (state.touchedMs >= oldMs && this.#assemblies.size <= ASSEMBLIES_MAX)) continue;
      dropAssembly(this.#blocks, state);
      this.#assemblies.delete(key);
    }
  }

  #deleteManifest(cid: ManifestCid): boolean {
    const key = keyOf(digestOf(cid));
    const entry = this.#manifests.get(key);
    if (!entry) return false;
    this.#manifests.delete(key);
    this.#quota.give(1, entry.bytes.length);
    for (const tree of treesOf(entry.stored.manifest)) {
      if (this.#manifestsOf(tree).length === 0) this.#datasets.get(keyOf(digestOf(tree)))?.clear();
    }
    return true;
  }

  #manifestsOf(treeCid: TreeCid): ManifestEntry[] {
    const names = (entry: ManifestEntry) =>
      treesOf(entry.stored.manifest).some((tree) => equalBytes(digestOf(tree), digestOf(treeCid)));
    return [...this.#manifests.values()].filter(names);
  }

  #obtainDataset(ref: DatasetRef): MemoryDataset {
    checkRef(ref);
    const key = keyOf(digestOf(ref.treeCid));
    const existing = this.#datasets.get(key);
    if (existing && existing.ref.leafCount === ref.leafCount && existing.ref.blockSize === ref.blockSize) {
      return existing;
    }
    if (existing && existing.heldCount > 0) {
      throw new StoreError('DATASET_MISMATCH', 'The dataset is stored with another number or size of blocks');
    }
    const dataset = new MemoryDataset(this.#blocks, ref);
    this.#datasets.set(key, dataset);
    return dataset;
  }

  #expire(): void {
    const now = this.#clock.now();
    let left = this.#batch;
    for (const { stored } of [...this.#manifests.values()]) {
      if (left === 0) return;
      if (stored.expiry >= now) continue;
      this.#deleteManifest(stored.cid);
      left--;
    }
    this.#blocks.expire(now, left);
    this.#sweepAssemblies();
  }
}
