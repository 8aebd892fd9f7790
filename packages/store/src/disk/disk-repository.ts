import type { Compute, SlabPool } from '@codex/compute';
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
  manifestCidOf,
  type PutOptions,
  type Repository,
  type SpaceUsage,
  type StoredManifest,
  type TreeCid,
} from '@codex/content';
import {
  type Clock,
  type Logger,
  type MetricsRegistry,
  noMetrics,
  type Startable,
  silentLogger,
  systemClock,
} from '@codex/runtime';
import { checkBlockSize, checkExpiry, checkRef, defaultExpiry } from '../checks.ts';
import { blockNotFound, StoreError } from '../errors.ts';
import { DEFAULT_BLOCK_TTL_MS, DEFAULT_MAINTENANCE_BATCH, DEFAULT_MAINTENANCE_INTERVAL_MS } from '../limits.ts';
import { Listeners } from '../listeners.ts';
import { Maintenance } from '../maintenance.ts';
import { type Audit, audit } from './audit.ts';
import { DiskDataset } from './disk-dataset.ts';
import { DiskDatasetWriter } from './disk-writer.ts';
import { type Engine, openEngine } from './engine.ts';
import { expireOnce } from './expire.ts';
import { inspectOne } from './inspect-one.ts';
import { openAssembly } from './open-assembly.ts';
import { nodeFs, type StoreFs } from './store-fs.ts';
import { registerMetrics } from './store-metrics.ts';

export interface DiskRepositoryComponents {
  readonly compute: Compute;
  readonly slabs: SlabPool;
  readonly clock?: Clock;
  readonly logger?: Logger;
  readonly metrics?: MetricsRegistry;
  readonly fs?: StoreFs;
}

export interface DiskRepositoryInit {
  /** The repository's own directory; made (0700) when it is missing. */
  readonly path: string;
  readonly quotaBytes: number;
  /** How long blocks and datasets live by default; 0 = for ever. */
  readonly blockTtlMs?: number;
  readonly maintenanceIntervalMs?: number;
  readonly maintenanceBatch?: number;
  /** Length at which a segment file is closed. */
  readonly segmentBytes?: number;
}

/** How long opening works on what a crash left over; the rest is done in the background. */
const RECOVERY_OPEN_MS = 2000;

/**
 * The local repository on disk: block bytes in append-only segments, everything else in one transactional index. What
 * was acknowledged survives a crash; what was not leaves nothing behind.
 */
export class DiskRepository implements Repository, Startable {
  readonly #engine: Engine;
  readonly #components: DiskRepositoryComponents;
  readonly #clock: Clock;
  readonly #ttlMs: number;
  readonly #maintenance: Maintenance;
  readonly #stored = new Listeners<StoredManifest>();
  #tidying: Promise<void> | undefined;
  #closing: Promise<void> | undefined;

  private constructor(engine: Engine, components: DiskRepositoryComponents, init: DiskRepositoryInit) {
    this.#engine = engine;
    this.#components = components;
    this.#clock = components.clock ?? systemClock;
    this.#ttlMs = init.blockTtlMs ?? DEFAULT_BLOCK_TTL_MS;
    const batch = init.maintenanceBatch ?? DEFAULT_MAINTENANCE_BATCH;
    this.#maintenance = new Maintenance(
      { clock: this.#clock, logger: components.logger ?? silentLogger },
      {
        intervalMs: init.maintenanceIntervalMs ?? DEFAULT_MAINTENANCE_INTERVAL_MS,
        work: async () => {
          await expireOnce(engine, this.#clock.now(), batch);
          engine.assemblies.sweep(this.#clock.now());
          await this.#tidy();
        },
      },
    );
    registerMetrics(components.metrics ?? noMetrics, engine);
  }

  /** Errors: `DATA_DIR_LOCKED`, `DATA_DIR_UNUSABLE`, `FORMAT_UNSUPPORTED`. */
  static async open(components: DiskRepositoryComponents, init: DiskRepositoryInit): Promise<DiskRepository> {
    const clock = components.clock ?? systemClock;
    const engine = await openEngine({ ...components, clock, fs: components.fs ?? nodeFs }, init);
    const recovered = engine.reaper.drain();
    recovered.catch(() => {});
    await Promise.race([recovered, clock.sleep(RECOVERY_OPEN_MS)]);
    return new DiskRepository(engine, components, init);
  }

  start(): void {
    this.#maintenance.start();
  }

  /** Makes everything durable and closes. */
  stop(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  close(): Promise<void> {
    return this.stop();
  }

  async getBlock(cid: Cid): Promise<Uint8Array | undefined> {
    this.#check();
    if (isEmptyBlock(cid)) return new Uint8Array(0);
    if (isManifestCid(cid)) return this.#engine.manifests.get(digestOf(cid));
    return isBlockCid(cid) ? this.#engine.reader.readOne(digestOf(cid)) : undefined;
  }

  async hasBlock(cid: Cid): Promise<boolean> {
    this.#check();
    if (isEmptyBlock(cid)) return true;
    if (isManifestCid(cid)) return this.#engine.manifests.get(digestOf(cid)) !== undefined;
    return isBlockCid(cid) && this.#engine.index.has(digestOf(cid));
  }

  async putBlock(cid: Cid, bytes: Uint8Array, options: PutOptions = {}): Promise<void> {
    this.#check();
    options.signal?.throwIfAborted();
    if (!isBlockCid(cid) && !isManifestCid(cid) && !isEmptyBlock(cid)) {
      throw new StoreError('CID_UNSUPPORTED', 'Only blocks and manifests are stored by CID', { codec: cid.code });
    }
    const expiry = checkExpiry(options.expiry ?? this.#defaultExpiry());
    if (isEmptyBlock(cid) && bytes.length === 0) return;
    checkBlockSize(bytes.length);
    await inspectOne(this.#components, bytes, options, async (block) => {
      if (!equalBytes(block.digest, digestOf(cid))) {
        throw new StoreError('BLOCK_MISMATCH', 'The bytes do not hash to their CID');
      }
      if (isManifestCid(cid)) await this.#putManifest(cid, new Uint8Array(bytes), expiry);
      else await this.#putPinned(block, expiry);
    });
  }

  async delete(cid: Cid): Promise<boolean> {
    this.#check();
    const { manifests, store, index, committer, reaper } = this.#engine;
    const digest = digestOf(cid);
    if (isManifestCid(cid)) {
      if (!manifests.delete(digest)) return false;
      // First the promise, then the work: after a crash the rest is deleted on opening.
      await committer.flush();
      await reaper.drain();
      await committer.flush();
      void this.#tidy();
      return true;
    }
    if (!isBlockCid(cid)) return false;
    const deleted = await store.exclusively(() => {
      const record = index.get(digest);
      if (record && record.references > 0) {
        throw new StoreError('BLOCK_IN_USE', 'Directly deleting a block that is part of a dataset is not allowed.');
      }
      if (record) index.unpin(digest);
      return record !== undefined;
    });
    if (deleted) await committer.flush();
    return deleted;
  }

  async *manifests(): AsyncGenerator<StoredManifest> {
    this.#check();
    let listed = 0;
    for (const stored of this.#engine.manifests.list()) {
      yield stored;
      // Decoding a hundred manifests takes a ms: let others run.
      if (++listed % 100 === 0) await new Promise((resolve) => setImmediate(resolve));
    }
  }

  async openDataset(ref: DatasetRef): Promise<Dataset> {
    this.#check();
    checkRef(ref);
    return this.#open(ref);
  }

  async findDataset(treeCid: TreeCid): Promise<Dataset | undefined> {
    this.#check();
    const record = this.#engine.trees.get(digestOf(treeCid));
    if (!record) return undefined;
    const dataset = this.#open({ treeCid, leafCount: record.leafCount, blockSize: record.blockSize });
    return dataset.heldCount > 0 ? dataset : undefined;
  }

  createDataset(init: { readonly blockSize: number; readonly expiry?: number }): DatasetWriter {
    this.#check();
    const { trees, reaper } = this.#engine;
    const expiry = checkExpiry(init.expiry ?? this.#defaultExpiry());
    const drop = (id: number) => {
      trees.dropUpload(id);
      return reaper.drain();
    };
    const adopt = (id: number, manifest: Manifest) => this.#adopt(id, manifest, expiry);
    const { compute, slabs } = this.#components;
    const begin = () => trees.beginUpload();
    return new DiskDatasetWriter({ ...this.#engine, compute, slabs, begin, drop, adopt }, init);
  }

  async assembleDataset(
    key: string,
    init: { readonly blockSize: number; readonly leafCount: number; readonly expiry?: number },
  ): Promise<DatasetAssembly> {
    this.#check();
    const { blockSize, leafCount } = init;
    checkBlockSize(blockSize);
    layerLengths(leafCount);
    const expiry = checkExpiry(init.expiry ?? this.#defaultExpiry());
    const host = {
      ...{ engine: this.#engine, compute: this.#components.compute, slabs: this.#components.slabs, clock: this.#clock },
      open: (ref: DatasetRef) => this.#open(ref),
      putManifest: async (manifest: Manifest, then: () => void) => {
        const bytes = encodeManifest(manifest);
        const cid = manifestCidOf(bytes);
        await this.#putManifest(cid, bytes, expiry, then);
        return cid;
      },
    };
    return openAssembly(host, key, { blockSize, leafCount });
  }

  async ensureExpiry(cid: BlockCid | ManifestCid | TreeCid, expiry: number): Promise<void> {
    this.#check();
    checkExpiry(expiry);
    if (isEmptyBlock(cid)) return;
    const { index, store, manifests, committer } = this.#engine;
    const digest = digestOf(cid);
    const raise = () => {
      if (isBlockCid(cid)) {
        const known = index.has(digest);
        if (known) index.pin(digest, expiry);
        return known;
      }
      const concerned = isTreeCid(cid) ? manifests.naming(digest) : [digest];
      return concerned.map((manifest) => manifests.raise(manifest, expiry)).includes(true);
    };
    if (!(await store.exclusively(raise))) throw blockNotFound({ cid: cid.toString() });
    await committer.flush();
  }

  async reserve(bytes: number): Promise<void> {
    this.#check();
    this.#engine.quota.reserve(bytes);
    await this.#flushCounters();
  }

  async release(bytes: number): Promise<void> {
    this.#check();
    this.#engine.quota.release(bytes);
    await this.#flushCounters();
  }

  usage(): SpaceUsage {
    return this.#engine.quota.usage();
  }

  onManifest(listener: (manifest: StoredManifest) => void): () => void {
    return this.#stored.add(listener);
  }

  /** Makes everything durable and counts all of it again: for tests and inspection. Slow. */
  async audit(): Promise<Audit> {
    this.#check();
    await this.#maintenance.idle();
    await this.#tidying;
    await this.#engine.reaper.drain();
    await this.#engine.committer.flush();
    return audit(this.#engine.tables);
  }

  #check(): void {
    if (this.#closing) throw new StoreError('STORE_CLOSED', 'The repository is closed');
  }

  #defaultExpiry(): number {
    return defaultExpiry(this.#clock.now(), this.#ttlMs);
  }

  #open(ref: DatasetRef): DiskDataset {
    const { handles, trees } = this.#engine;
    const root = digestOf(ref.treeCid);
    const record = trees.find(ref);
    const open = handles.peek(root);
    if (open && open.ref.leafCount === ref.leafCount && open.ref.blockSize === ref.blockSize) {
      handles.use(open);
      return open;
    }
    const { compute, slabs } = this.#components;
    const dataset = new DiskDataset({ ...this.#engine, reader: this.#engine.leafReader, compute, slabs }, ref, record);
    handles.add(root, dataset);
    return dataset;
  }

  async #putPinned(block: Parameters<Engine['store']['put']>[0][number], expiry: number): Promise<void> {
    const { store, index, committer } = this.#engine;
    let isNew = false;
    await store.put([block], () => {
      isNew = index.get(block.digest)?.pinned === false;
      index.pin(block.digest, expiry);
    });
    try {
      await committer.flush();
    } catch (error) {
      if (isNew) await store.exclusively(() => index.unpin(block.digest));
      throw error;
    }
  }

  async #putManifest(cid: ManifestCid, bytes: Uint8Array, expiry: number, then = () => {}): Promise<void> {
    const { manifests, committer } = this.#engine;
    const { isNew, stored } = manifests.put(cid, bytes, decodeManifest(bytes), expiry);
    then();
    try {
      await committer.flush();
    } catch (error) {
      if (isNew) manifests.delete(digestOf(cid));
      throw error;
    }
    if (isNew) this.#stored.emit(stored);
  }

  async #adopt(id: number, manifest: Manifest, expiry: number): Promise<ManifestCid> {
    const { trees, reaper } = this.#engine;
    let adopted = false;
    try {
      const bytes = encodeManifest(manifest);
      const cid = manifestCidOf(bytes);
      await this.#putManifest(cid, bytes, expiry, () => {
        adopted = true;
        trees.adopt(datasetRef(manifest), id);
      });
      reaper.drain().catch(() => {});
      return cid;
    } catch (error) {
      if (!adopted) trees.dropUpload(id);
      await reaper.drain();
      throw error;
    }
  }

  #flushCounters(): Promise<void> {
    this.#engine.committer.touch(this.#engine.index);
    return this.#engine.committer.flush();
  }

  /** Deletes what is doomed and gives space back; never twice at once. */
  #tidy(): Promise<void> {
    this.#tidying ??= (async () => {
      try {
        await this.#engine.reaper.drain();
        if (!this.#closing) await this.#engine.compactor.run();
        await this.#engine.committer.flush();
      } catch (error) {
        this.#components.logger?.warn('Tidying up failed', { error });
      } finally {
        this.#tidying = undefined;
      }
    })();
    return this.#tidying;
  }

  async #close(): Promise<void> {
    const { reaper, compactor } = this.#engine;
    compactor.stop();
    await this.#maintenance.stop();
    await reaper.stop();
    await this.#tidying;
    await this.#engine.close();
  }
}
