import { type Dataset, datasetRef, type Manifest } from '@codex/content';
import { decodeElement } from '@codex/poseidon2';
import { type AbortOptions, CodexError, isCodexError } from '@codex/runtime';
import { buildSlot, locateSlot, openKept } from './build/build-slot.ts';
import type { SlotComponents } from './components.ts';
import { SlotsError } from './errors.ts';
import { type ProvedCell, pickCells, proveCell } from './jobs.ts';
import { inLanes } from './lanes.ts';
import { slotLeaves } from './layout.ts';
import { challengeToElement } from './sampling.ts';
import type { SlotTree } from './tree/slot-tree.ts';
import type { VerifiableLayout } from './verifiable.ts';

/** What the circuit is told (11 §5.1). Elements are below r; paths go from the bottom up and are not padded. */
export interface ProofInput {
  readonly entropy: bigint;
  readonly dataSetRoot: bigint;
  readonly slotIndex: number;
  readonly slotRoot: bigint;
  readonly nCellsPerSlot: number;
  readonly nSlotsPerDataSet: number;
  /** From the slot root to the root of the dataset. */
  readonly slotProof: readonly bigint[];
  /** For each sample, from its cell over the block to the slot root. */
  readonly merklePaths: readonly (readonly bigint[])[];
  /** For each sample, its bytes as elements (10 §4). */
  readonly cellData: readonly (readonly bigint[])[];
}

/**
 * Blocks that are read for a proof together. They have memory of their own and do not queue with what is built: a proof has a
 * deadline.
 */
const SAMPLES_AT_A_TIME = 4;

export interface ProofQuestion {
  /** Verifiable. */
  readonly manifest: Manifest;
  readonly slotIndex: number;
  /** 32 bytes, as the chain gives them. */
  readonly challenge: Uint8Array;
  /** As many as the circuit takes; 5 on every network. */
  readonly samples: number;
}

/**
 * Answers a challenge for a slot that is held. Reads the blocks of the sampled cells and their paths in the kept tree; every cell is checked
 * against its digest, every path against the root. A tree that is missing or damaged is built again first, which takes as long as
 * `buildSlot`. Errors: `SLOT_CELL_CORRUPT` (data: slotIndex, index of the cell, leaf), `BLOCK_NOT_FOUND` (data: index),
 * `SLOT_INPUT_INVALID`, and those of `buildSlot`.
 */
export async function proofInput(
  components: SlotComponents,
  question: ProofQuestion,
  options: AbortOptions = {},
): Promise<ProofInput> {
  const { compute, trees, logger } = components;
  const { manifest, slotIndex, challenge, samples } = question;
  const entropy = challengeToElement(challenge);
  const { layout, root, path } = await locateSlot(components, manifest, slotIndex, options);
  const cells = layout.cellsPerSlot;
  const indices = await compute.run(pickCells, { entropy, slotRoot: root, cells, samples }, options);
  let proved: ProvedCell[];
  try {
    proved = await proveCells(components, { manifest, layout, slotIndex }, indices, options);
  } catch (error) {
    if (!isCodexError(error, 'SLOT_TREE_CORRUPT')) throw error;
    logger?.warn('A slot tree is damaged and is built again', { slotIndex });
    await trees.delete(root);
    proved = await proveCells(components, { manifest, layout, slotIndex }, indices, options);
  }
  return {
    entropy,
    dataSetRoot: decodeElement(layout.verifyRoot),
    slotIndex,
    slotRoot: decodeElement(root),
    nCellsPerSlot: cells,
    nSlotsPerDataSet: layout.slots,
    slotProof: path,
    merklePaths: proved.map((cell) => cell.path),
    cellData: proved.map((cell) => cell.cellData),
  };
}

interface HeldSlot {
  readonly manifest: Manifest;
  readonly layout: VerifiableLayout;
  readonly slotIndex: number;
}

async function proveCells(
  components: SlotComponents,
  slot: HeldSlot,
  indices: readonly number[],
  options: AbortOptions,
): Promise<ProvedCell[]> {
  const tree = await treeOf(components, slot, options);
  try {
    const dataset = await components.repository.openDataset(datasetRef(slot.manifest));
    const proved: ProvedCell[] = new Array(indices.length);
    const prove = async ([place, index]: [number, number], { signal }: AbortOptions) => {
      proved[place] = await proveOne(components, slot, { tree, dataset, index }, { signal });
    };
    await inLanes(SAMPLES_AT_A_TIME, indices.entries(), prove, options);
    return proved;
  } finally {
    await tree.close();
  }
}

async function treeOf(components: SlotComponents, slot: HeldSlot, options: AbortOptions): Promise<SlotTree> {
  const root = slot.layout.slotRoots[slot.slotIndex]!;
  const kept = await openKept(components.trees, slot.layout, root);
  if (kept) return kept;
  await buildSlot(components, slot, options);
  const built = await openKept(components.trees, slot.layout, root);
  if (!built) throw new SlotsError('SLOT_TREE_CORRUPT', 'A slot tree was lost as soon as it was built');
  return built;
}

async function proveOne(
  { compute }: SlotComponents,
  { manifest, layout, slotIndex }: HeldSlot,
  sample: { readonly tree: SlotTree; readonly dataset: Dataset; readonly index: number },
  options: AbortOptions,
): Promise<ProvedCell> {
  const { tree, dataset, index } = sample;
  const { shape, cellsPerBlock, paddedBlocks, slotRoots } = layout;
  const block = Math.floor(index / cellsPerBlock);
  const cell = index % cellsPerBlock;
  const leaves = slotLeaves(manifest, layout, slotIndex);
  const [cellDigests, siblings] = await Promise.all([tree.cellDigests(block), tree.siblings(block)]);
  const slotRoot = slotRoots[slotIndex]!;
  const evidence = { shape, paddedBlocks, slotRoot, block, cell, cellDigests, siblings };
  if (block >= leaves.count) return compute.run(proveCell, { ...evidence, bytes: undefined }, options);
  const leaf = leaves.start + block;
  const held = new Uint8Array(shape.blockSize);
  const [missing] = await dataset.readInto({ start: leaf, count: 1 }, held, options);
  if (missing !== undefined) {
    throw new CodexError('BLOCK_NOT_FOUND', `Block ${leaf} of the dataset is not held`, { index: leaf });
  }
  const bytes = held.slice(cell * shape.cellSize, (cell + 1) * shape.cellSize);
  try {
    return await compute.run(proveCell, { ...evidence, bytes }, options);
  } catch (error) {
    if (!isCodexError(error, 'SLOT_CELL_CORRUPT')) throw error;
    throw new SlotsError('SLOT_CELL_CORRUPT', error.message, { slotIndex, index, leaf });
  }
}
