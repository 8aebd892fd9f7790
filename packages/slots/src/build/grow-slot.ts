import type { Compute } from '@codex/compute';
import { type Dataset, equalBytes, isEmptyDigest, type LeafRange, nodeAt, sha256 } from '@codex/content';
import { ELEMENT_BYTES } from '@codex/poseidon2';
import { type AbortOptions, CodexError } from '@codex/runtime';
import { joinBytes } from '../bytes.ts';
import {
  blocksPerJob,
  cellsPerJob,
  digestCells,
  digestZeros,
  growLayers,
  growRoots,
  LAYERS_PER_JOB,
  type ZeroDigests,
} from '../jobs.ts';
import { inLanes } from '../lanes.ts';
import type { SlotLayout } from '../layout.ts';
import type { SlotTreeDraft } from '../tree/slot-tree.ts';
import { type Workshop, workshopOf } from '../workshop.ts';

export interface GrowInput {
  readonly dataset: Dataset;
  /** Of the slot, those that may be other than zeros. */
  readonly leaves: LeafRange;
  readonly layout: SlotLayout;
  readonly draft: SlotTreeDraft;
}

export interface GrowOptions extends AbortOptions {
  readonly onBlocks?: (count: number) => void;
}

/**
 * Fills the draft of a slot's tree from local blocks, reading, hashing and writing at the same time; returns the root. Memory is that
 * of the workshop, whatever the size of the slot. Error: `BLOCK_NOT_FOUND` (data: index, of the leaf).
 */
export async function growSlot(compute: Compute, input: GrowInput, options: GrowOptions = {}): Promise<Uint8Array> {
  const workshop = workshopOf(compute);
  const { dataset, leaves, layout, draft } = input;
  for (const gap of dataset.missing(leaves)) throw blockNotFound(gap.start);
  const zeros = await workshop.run(digestZeros, { shape: layout.shape, depth: draft.plan.depth }, options);
  const zeroDigest = sha256(new Uint8Array(layout.shape.blockSize));
  const digest = async (batch: LeafRange, { signal }: AbortOptions) => {
    await digestBatch(workshop, { ...input, zeros, zeroDigest }, batch, { signal });
    options.onBlocks?.(batch.count);
  };
  await inLanes(workshop.lanes, batchesOf(workshop, leaves, layout.shape.blockSize), digest, options);
  return growUpwards(workshop, draft, leaves.count, zeros, options);
}

/** Batches end at multiples of their size, where those of an upload did, so that each is one long read. */
function* batchesOf(workshop: Workshop, { start, count }: LeafRange, blockSize: number): Generator<LeafRange> {
  const perBatch = Math.max(1, Math.floor(workshop.slabs.slabBytes / blockSize));
  for (let at = start; at < start + count; ) {
    const batch = { start: at, count: Math.min(perBatch - (at % perBatch), start + count - at) };
    yield batch;
    at += batch.count;
  }
}

async function digestBatch(
  workshop: Workshop,
  input: GrowInput & { readonly zeros: ZeroDigests; readonly zeroDigest: Uint8Array },
  batch: LeafRange,
  options: AbortOptions,
): Promise<void> {
  const { dataset, leaves, layout, draft, zeros, zeroDigest } = input;
  const { cellsPerBlock } = layout;
  const runs = await runsOfData(dataset, batch, zeroDigest);
  const cells = new Uint8Array(batch.count * cellsPerBlock * ELEMENT_BYTES);
  const blocks = new Uint8Array(batch.count * ELEMENT_BYTES);
  for (let i = 0; i < batch.count; i++) {
    cells.set(zeros.cells, i * zeros.cells.length);
    blocks.set(nodeAt(zeros.nodes, 0), i * ELEMENT_BYTES);
  }
  for (const run of runs) {
    const at = run.start - batch.start;
    const made = await digestRun(workshop, dataset, run, layout, options);
    cells.set(made.cells, at * cellsPerBlock * ELEMENT_BYTES);
    blocks.set(made.blocks, at * ELEMENT_BYTES);
  }
  const first = batch.start - leaves.start;
  await Promise.all([draft.write(cells, draft.plan.cellsAt(first)), draft.write(blocks, draft.plan.nodeAt(0, first))]);
}

/** Runs of leaves that are not zeros, told by their SHA-256. */
async function runsOfData(dataset: Dataset, batch: LeafRange, zeroDigest: Uint8Array): Promise<LeafRange[]> {
  const digests = await dataset.digests(batch);
  const runs: LeafRange[] = [];
  for (let i = 0; i < batch.count; i++) {
    const digest = nodeAt(digests, i);
    if (isEmptyDigest(digest) || equalBytes(digest, zeroDigest)) continue;
    const last = runs.at(-1);
    const start = batch.start + i;
    if (last && last.start + last.count === start) runs[runs.length - 1] = { ...last, count: last.count + 1 };
    else runs.push({ start, count: 1 });
  }
  return runs;
}

async function digestRun(
  workshop: Workshop,
  dataset: Dataset,
  run: LeafRange,
  { shape, cellsPerBlock }: SlotLayout,
  options: AbortOptions,
): Promise<{ readonly cells: Uint8Array; readonly blocks: Uint8Array }> {
  const slab = await workshop.slabs.acquire(options);
  let cells: Uint8Array;
  try {
    const bytes = slab.bytes.subarray(0, run.count * shape.blockSize);
    const [missing] = await dataset.readInto(run, bytes, options);
    if (missing !== undefined) throw blockNotFound(missing);
    const pieces = piecesOf(bytes, cellsPerJob(shape.cellSize) * shape.cellSize);
    const inputs = pieces.map((piece) => ({ bytes: piece, cellSize: shape.cellSize }));
    cells = joinBytes(await workshop.runAll(digestCells, inputs, options));
  } finally {
    slab.release();
  }
  const leaves = piecesOf(cells, blocksPerJob(cellsPerBlock) * cellsPerBlock * ELEMENT_BYTES);
  const roots = await workshop.runAll(
    growRoots,
    leaves.map((piece) => ({ leaves: piece.slice(), width: cellsPerBlock })),
    options,
  );
  return { cells, blocks: joinBytes(roots) };
}

function piecesOf(bytes: Uint8Array, pieceBytes: number): Uint8Array[] {
  return Array.from({ length: Math.ceil(bytes.length / pieceBytes) }, (_, i) =>
    bytes.subarray(i * pieceBytes, (i + 1) * pieceBytes),
  );
}

/** The layers above block digests, several at a time; returns the root. */
async function growUpwards(
  workshop: Workshop,
  draft: SlotTreeDraft,
  blocks: number,
  zeros: ZeroDigests,
  options: AbortOptions,
): Promise<Uint8Array> {
  const { depth, nodesIn, nodeAt: positionOf } = draft.plan;
  if (depth === 0) return growSingle(workshop, draft, blocks, zeros, options);
  let root = nodeAt(zeros.nodes, depth);
  for (let height = 0; height < depth && blocks > 0; height += LAYERS_PER_JOB) {
    const layers = Math.min(LAYERS_PER_JOB, depth - height);
    const growChunk = async (first: number, { signal }: AbortOptions) => {
      const nodes = new Uint8Array(Math.min(2 ** layers, nodesIn(height) - first) * ELEMENT_BYTES);
      await draft.read(nodes, positionOf(height, first));
      const grown = await workshop.run(growLayers, { nodes, height, layers, zeroNodes: zeros.nodes }, { signal });
      for (const [i, layer] of grown.entries()) {
        const above = height + i + 1;
        if (above === depth) root = layer;
        else await draft.write(layer, positionOf(above, first / 2 ** (i + 1)));
      }
    };
    await inLanes(workshop.lanes, stepsOf(nodesIn(height), 2 ** layers), growChunk, options);
  }
  return root;
}

async function growSingle(
  workshop: Workshop,
  draft: SlotTreeDraft,
  blocks: number,
  zeros: ZeroDigests,
  options: AbortOptions,
): Promise<Uint8Array> {
  const leaf = nodeAt(zeros.nodes, 0).slice();
  if (blocks > 0) await draft.read(leaf, draft.plan.nodeAt(0, 0));
  return workshop.run(growRoots, { leaves: leaf, width: 1 }, options);
}

function* stepsOf(end: number, step: number): Generator<number> {
  for (let at = 0; at < end; at += step) yield at;
}

function blockNotFound(index: number): CodexError {
  return new CodexError('BLOCK_NOT_FOUND', `Block ${index} of the dataset is not in the local store`, { index });
}
