import type { Compute } from '@codex/compute';
import {
  type Dataset,
  datasetRef,
  formatCid,
  type Manifest,
  type ManifestCid,
  originalManifest,
  originalSize,
  type Repository,
} from '@codex/content';
import type { ErasureProgress, Geometry, GroupMemory, Restorations } from '@codex/erasure';
import { type AbortOptions, type Clock, KeyedMutex } from '@codex/runtime';
import { SharedWork, type WorkOptions } from '../shared-work.ts';
import { LeafSupply, type SupplyFetcher } from './leaf-supply.ts';
import { ProtectedReader } from './protected-reader.ts';

export interface ProtectionComponents {
  readonly repository: Repository;
  readonly compute: Compute;
  readonly fetcher: SupplyFetcher;
  readonly clock: Clock;
}

export interface ProtectionLimits {
  /** Datasets that are protected or repaired at the same time: they share one memory, so more only wait inside. */
  readonly codings: number;
  /** Those that wait for their turn; more are refused. */
  readonly codingQueue: number;
}

/** How far protecting or repairing is, in bytes of the original file. */
export interface CodingProgress {
  readonly phase: 'restore' | 'encode';
  readonly doneBytes: number;
  readonly totalBytes: number;
}

/** Leaves that are looked at between two turns of the event loop. */
const LEAVES_PER_TURN = 4096;

type CodingOptions = Required<WorkOptions<CodingProgress>>;

/** A protected dataset in the local store. */
interface Opened {
  readonly manifest: Manifest;
  readonly geometry: Geometry;
  readonly dataset: Dataset;
  readonly supply: LeafSupply;
}

/** Erasure coding as the node offers it: protecting, repairing, and reading what has losses (02). */
export class ProtectedData {
  readonly #c: ProtectionComponents;
  readonly #work: SharedWork<CodingProgress>;
  readonly #rebuilds = new KeyedMutex();
  #loading: ReturnType<typeof load> | undefined;

  constructor(components: ProtectionComponents, limits: ProtectionLimits) {
    this.#c = components;
    this.#work = new SharedWork({ running: limits.codings, waiting: limits.codingQueue });
  }

  /**
   * Protects a plain dataset that is complete here; the CID of the protected manifest. The same call again, also after it was
   * given up or the node was killed, goes on and gives the same CID. Errors: those of `protectDataset`, `CODING_LIMIT`.
   */
  protect(
    plain: { readonly cid: ManifestCid; readonly manifest: Manifest },
    code: { readonly data: number; readonly parity: number },
    options: WorkOptions<CodingProgress>,
  ): Promise<ManifestCid> {
    const { cid, manifest } = plain;
    const work = async ({ signal, onProgress }: CodingOptions) => {
      const { erasure, components } = await this.#load();
      const progress = inBytes(manifest, onProgress);
      return erasure.protectDataset(components, { manifest, ...code }, { signal, onProgress: progress });
    };
    return this.#work.join(`protect/${formatCid(cid)}/${code.data}/${code.parity}`, work, options);
  }

  /** Makes a protected dataset whole here, fetching what that takes. Errors: those of `repairDataset`, `CODING_LIMIT`. */
  repair(manifest: Manifest, options: WorkOptions<CodingProgress>): Promise<void> {
    const work = async ({ signal, onProgress }: CodingOptions) => {
      const { erasure, components, restorations } = await this.#load();
      const { supply } = await this.#open(manifest);
      const input = { manifest, fetch: supply.fetch, restorations };
      await erasure.repairDataset(components, input, { signal, onProgress: inBytes(manifest, onProgress) });
    };
    return this.#work.join(`repair/${formatCid(manifest.treeCid)}`, work, options);
  }

  /**
   * Brings one row of a protected dataset here and nothing else: what nobody has is computed from other rows. One row of a dataset at a
   * time. Errors: those of `rebuildRow`.
   */
  rebuild(manifest: Manifest, row: number, options: AbortOptions): Promise<void> {
    const work = async () => {
      const { erasure, components } = await this.#load();
      const geometry = erasure.protectedGeometry(manifest);
      const fetchInto = (dataset: Dataset) => new LeafSupply(this.#c, { dataset, geometry }).fetch;
      await erasure.rebuildRow(components, { manifest, row, fetchInto }, options);
    };
    return this.#rebuilds.run(formatCid(manifest.treeCid), work, options);
  }

  /** Gives back what an unfinished rebuilding keeps. Errors: those of `forgetRow`. */
  forgetRebuilt(manifest: Manifest, row: number): Promise<void> {
    const work = async () => {
      const { erasure } = await this.#load();
      await erasure.forgetRow(this.#c, { manifest, row });
    };
    return this.#rebuilds.run(formatCid(manifest.treeCid), work);
  }

  /** Brings the data rows of a protected dataset here; what nobody has is restored. Errors: those of `restoreDataset`. */
  async bring(manifest: Manifest, options: AbortOptions): Promise<void> {
    const { erasure, components, restorations } = await this.#load();
    const { dataset, geometry, supply } = await this.#open(manifest);
    const rows = { start: 0, count: geometry.originalLeaves };
    await supply.fetch([rows], options);
    for (const _gap of dataset.missing(rows)) {
      await erasure.restoreDataset(components, { manifest, fetch: supply.fetch, restorations }, options);
      return;
    }
    await dataset.flush();
  }

  /**
   * Begins to read the original bytes, fetching and restoring. Errors: `ERASURE_MANIFEST_UNSUITABLE`,
   * `ERASURE_PARAMETERS_INVALID` for foreign manifests that are not understood.
   */
  async reading(manifest: Manifest): Promise<ReadProtected> {
    const { restorations } = await this.#load();
    const opened = await this.#open(manifest);
    return (read) => new ProtectedReader({ restorations }, { ...opened, ...read });
  }

  /** Whether bytes of the original file are here or can be restored from what is here. */
  async isLocal(manifest: Manifest, range: { readonly start: number; readonly end: number }): Promise<boolean> {
    const { dataset, supply, geometry } = await this.#open(manifest);
    const original = await this.#c.repository.findDataset(originalManifest(manifest).treeCid);
    const first = Math.floor(range.start / geometry.blockSize);
    const count = Math.ceil(range.end / geometry.blockSize) - first;
    let looked = 0;
    for (const gap of [...dataset.missing({ start: first, count })]) {
      for (let leaf = gap.start; leaf < gap.start + gap.count; leaf++) {
        if (!original?.has(leaf) && !supply.isRestorable(leaf % geometry.steps)) return false;
        if (++looked % LEAVES_PER_TURN === 0) await new Promise((resolve) => setImmediate(resolve));
      }
    }
    return true;
  }

  #load(): ReturnType<typeof load> {
    this.#loading ??= load(this.#c);
    return this.#loading;
  }

  async #open(manifest: Manifest): Promise<Opened> {
    const { erasure } = await this.#load();
    const geometry = erasure.protectedGeometry(manifest);
    const dataset = await this.#c.repository.openDataset(datasetRef(manifest));
    return { manifest, geometry, dataset, supply: new LeafSupply(this.#c, { dataset, geometry }) };
  }
}

/** Begins to read a part of an opened dataset. */
export type ReadProtected = (read: {
  readonly range: { readonly start: number; readonly end: number };
  /** Only what is here; see `isLocal`. */
  readonly isLocal: boolean;
  readonly signal: AbortSignal;
  readonly onProgress?: (progress: ErasureProgress) => void;
}) => ProtectedReader;

/** The kernels are loaded when they are first needed: most nodes start without. */
async function load({ repository, compute, clock }: ProtectionComponents) {
  const erasure = await import('@codex/erasure');
  const memory: GroupMemory = new erasure.GroupMemory({ clock });
  const components = { repository, compute, memory };
  const restorations: Restorations = new erasure.Restorations(components);
  return { erasure, components, restorations };
}

/** Columns stand for equal parts of the file. */
function inBytes(manifest: Manifest, onProgress: (progress: CodingProgress) => void) {
  const totalBytes = originalSize(manifest);
  return ({ phase, done, total }: ErasureProgress) =>
    onProgress({ phase, doneBytes: Math.round((totalBytes * done) / total), totalBytes });
}
