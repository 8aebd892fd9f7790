import {
  type Dataset,
  type DatasetAssembly,
  datasetRef,
  formatCid,
  type LeafRange,
  type Manifest,
} from '@codex/content';
import { type AbortOptions, isCodexError } from '@codex/runtime';
import { ErasureError } from '../errors.ts';
import { leaveAssembly } from './assembling.ts';
import type { ErasureComponents, FetchLeaves } from './components.ts';
import { emptyDigests } from './encode.ts';
import { type Columns, type Geometry, protectedGeometry } from './geometry.ts';
import { groupsOf, runLanes } from './lanes.ts';
import { loadManifest, type ManifestSource } from './load-manifest.ts';
import { PassingDataset } from './passing-dataset.ts';
import { type RebuildParts, rebuildGroup } from './rebuild-group.ts';
import { leafDigests, RowProof } from './row-proof.ts';
import { isPadding } from './sources.ts';

/** Times that a row is looked at again because blocks of it were gone when everything was proved. */
const ATTEMPTS = 4;

export interface RebuildInput {
  /** Of a protected dataset, verifiable or not. */
  readonly manifest: ManifestSource;
  /** 0 … K+M−1: the slot. */
  readonly row: number;
  /**
   * How to bring leaves into a dataset: that of the store for leaves of the row, and one that passes leaves of other
   * rows through memory. Without it the local store must suffice.
   */
  readonly fetchInto?: (dataset: Dataset) => FetchLeaves;
}

export interface RebuildOptions extends AbortOptions {
  /** Columns. */
  readonly onProgress?: (progress: { readonly done: number; readonly total: number }) => void;
  /** Called when blocks of the row were stored that the store did not have in this row before. */
  readonly onStored?: (bytes: number, blocks: number) => void;
  /** A block of this leaf was wrong: delivered so, or corrupt in the store. Another one was used. */
  readonly onWrong?: (leaf: number) => void;
}

/**
 * Brings the blocks of one row of a protected dataset here, and no others: those that peers have are fetched, the rest is computed from
 * any K rows, which pass through memory. A block is in the dataset when it is proved; before, it waits where nobody can fetch
 * it. Durable when it resolves. After a cancellation or a crash, or when rows could not be had, the same call goes
 * on where it was; `forgetRow` gives up. Errors: `ERASURE_TOO_MANY_LOSSES` (data: column, present, needed), `ERASURE_TREE_MISMATCH`,
 * `ERASURE_MANIFEST_MISSING`, `ERASURE_MANIFEST_UNSUITABLE`, `ERASURE_PARAMETERS_INVALID`, `ASSEMBLY_BUSY`, `QUOTA_EXCEEDED`.
 */
export async function rebuildRow(
  components: ErasureComponents,
  input: RebuildInput,
  options: RebuildOptions = {},
): Promise<{ readonly dataset: Dataset }> {
  const { repository } = components;
  const { signal, onStored } = options;
  const { row, fetchInto } = input;
  const { manifest, geometry, range } = await locate(components, input);
  const dataset = await repository.openDataset(datasetRef(manifest));
  const passing = new PassingDataset(dataset);
  const stored = (blocks: number) => {
    if (blocks > 0) onStored?.(blocks * geometry.blockSize, blocks);
  };
  let assembly: DatasetAssembly | undefined;
  const off = dataset.onHeld((held) => stored(newBlocks(geometry, range, held, assembly)));
  try {
    const fetch = fetchInto?.(dataset);
    const gaps = gapsOf(geometry, dataset, range);
    if (gaps.length > 0) await fetch?.(gaps, { signal });
    for (let attempt = 1; !isWhole(dataset, range); attempt++) {
      if (attempt > ATTEMPTS) {
        const [gap] = dataset.missing(range);
        throw new ErasureError('ERASURE_BLOCK_MISSING', `Block ${gap!.start} vanishes again and again`, {
          index: gap!.start,
        });
      }
      const proof = await RowProof.begin(geometry, dataset, row, { fetch, signal });
      const shape = { blockSize: geometry.blockSize, leafCount: geometry.steps };
      assembly = await repository.assembleDataset(keyOf(manifest, row), shape);
      await rebuildInto(
        {
          compute: components.compute,
          memory: components.memory,
          ...{ geometry, row, dataset, passing, assembly, proof },
          fetch: fetchInto?.(passing),
          onWrong: options.onWrong,
          onAssembled: stored,
        },
        options,
      );
      await dataset.flush();
      await assembly.abort();
    }
  } catch (error) {
    if (assembly) await leave(assembly, error, options);
    throw error;
  } finally {
    off();
  }
  await dataset.flush();
  options.onProgress?.({ done: geometry.steps, total: geometry.steps });
  return { dataset };
}

/** Gives back what an unfinished rebuilding of a row keeps. Errors: as `rebuildRow`. */
export async function forgetRow(
  components: Pick<ErasureComponents, 'repository'>,
  input: Pick<RebuildInput, 'manifest' | 'row'>,
): Promise<void> {
  const { manifest, geometry } = await locate(components, input);
  const { blockSize, steps } = geometry;
  const key = keyOf(manifest, input.row);
  const assembly = await components.repository.assembleDataset(key, { blockSize, leafCount: steps });
  await assembly.abort();
}

async function locate(
  { repository }: Pick<ErasureComponents, 'repository'>,
  { manifest: source, row }: Pick<RebuildInput, 'manifest' | 'row'>,
): Promise<{ manifest: Manifest; geometry: Geometry; range: LeafRange }> {
  const manifest = await loadManifest(repository, source);
  const geometry = protectedGeometry(manifest);
  const { steps, data, parity } = geometry;
  if (!Number.isInteger(row) || row < 0 || row >= data + parity) {
    throw new ErasureError('ERASURE_PARAMETERS_INVALID', `There is no row ${row} of ${data + parity}`, {
      data,
      parity,
      row,
    });
  }
  return { manifest, geometry, range: { start: row * steps, count: steps } };
}

function keyOf(manifest: Manifest, row: number): string {
  return `rebuild/${formatCid(manifest.treeCid)}/${row}`;
}

async function rebuildInto(parts: RebuildParts, { signal, onProgress }: RebuildOptions): Promise<void> {
  const { geometry, row, dataset, assembly, proof } = parts;
  const first = row * geometry.steps;
  const columns = { start: 0, count: geometry.steps };
  await referToPadding(parts);
  let done = 0;
  // A group waits for peers while it has memory: one is left for other work of the node.
  const lanes = Math.max(1, parts.memory.lanes - 1);
  const rebuild = async (group: Columns, options: { signal: AbortSignal }) => {
    await rebuildGroup(parts, group, options);
    done += group.count;
    onProgress?.({ done, total: geometry.steps });
  };
  await runLanes(lanes, groupsOf(geometry, columns), rebuild, { signal });
  const digestsOf = async ({ start, count }: LeafRange) => {
    const digests = new Map<number, Uint8Array>();
    for (const run of [...assembly.held({ start: start - first, count })]) {
      const own = await assembly.digests(run);
      for (const [column, digest] of leafDigests(run, own)) digests.set(first + column, digest);
    }
    return digests;
  };
  await proof.prove(digestsOf, { signal });
  await dataset.holdStored({ start: first, count: geometry.steps });
}

/** Padding is at the end of data rows. */
async function referToPadding(parts: RebuildParts): Promise<void> {
  const { geometry, row, assembly } = parts;
  const first = row * geometry.steps;
  if (!isPadding(geometry, first + geometry.steps - 1)) return;
  const start = Math.max(0, geometry.originalLeaves - first);
  await assembly.refer(start, emptyDigests(geometry.steps - start));
}

/** Blocks of the row that came into the dataset from elsewhere than the assembly. Padding has no bytes. */
function newBlocks(
  geometry: Geometry,
  range: LeafRange,
  held: LeafRange,
  assembly: DatasetAssembly | undefined,
): number {
  const end = Math.min(range.start + range.count, held.start + held.count);
  let blocks = 0;
  for (let leaf = Math.max(range.start, held.start); leaf < end; leaf++) {
    if (!isPadding(geometry, leaf) && !assembly?.has(leaf - range.start)) blocks++;
  }
  return blocks;
}

/** What is missing of a row and is no padding. */
function gapsOf(geometry: Geometry, dataset: Dataset, range: LeafRange): LeafRange[] {
  const own = range.start < geometry.dataLeaves ? Math.max(0, geometry.originalLeaves - range.start) : range.count;
  return [...dataset.missing({ start: range.start, count: Math.min(range.count, own) })];
}

function isWhole(dataset: Dataset, range: LeafRange): boolean {
  for (const _ of dataset.missing(range)) return false;
  return true;
}

/** A host may come back: rows that could not be had are no reason to forget what was computed. */
async function leave(assembly: DatasetAssembly, error: unknown, options: AbortOptions): Promise<void> {
  if (isCodexError(error, 'ERASURE_TOO_MANY_LOSSES')) await assembly.close().catch(() => {});
  else await leaveAssembly(assembly, error, options);
}
