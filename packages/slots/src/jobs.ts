/** What the pool computes, each below 10 ms with default cells, so that it may run inline. */
import { defineJob } from '@codex/compute';
import { equalBytes } from '@codex/content';
import {
  type BlockShape,
  cellDigests,
  checkElements,
  createHasher,
  decodeElements,
  ELEMENT_BYTES,
  MerkleTree,
  merkleRoots,
  type Poseidon2,
  packBytes,
  permutationsPerBlock,
  rootOfProof,
  zeroBlockDigest,
  zeroCellDigest,
} from '@codex/poseidon2';
import { isCodexError } from '@codex/runtime';
import { SlotsError } from './errors.ts';
import { sampleCells } from './sampling.ts';

/** Of one job: 4.5 ms, a block of 64 KiB. */
const JOB_PERMUTATIONS = 1120;

/** Cells that one job digests. */
export function cellsPerJob(cellSize: number): number {
  // A block of one cell is compressed once.
  const perCell = permutationsPerBlock({ blockSize: cellSize, cellSize }) - 1;
  return Math.max(1, Math.floor(JOB_PERMUTATIONS / perCell));
}

/** Blocks whose trees one job grows. */
export const blocksPerJob = (cellsPerBlock: number): number =>
  Math.max(1, Math.floor(JOB_PERMUTATIONS / cellsPerBlock));

/** Layers that one job grows over 2^LAYERS_PER_JOB nodes. */
export const LAYERS_PER_JOB = 10;

/** A digest for each cell. */
export const digestCells = defineJob(
  import.meta.url,
  'digestCells',
  ({ bytes, cellSize }: { readonly bytes: Uint8Array; readonly cellSize: number }): Uint8Array =>
    cellDigests(createHasher(), bytes, cellSize),
);

/** Roots of trees of `width` leaves each. */
export const growRoots = defineJob(
  import.meta.url,
  'growRoots',
  ({ leaves, width }: { readonly leaves: Uint8Array; readonly width: number }): Uint8Array =>
    merkleRoots(createHasher(), leaves, width),
);

export interface ZeroDigests {
  /** Of the cells of a block of zeros, one after the other. */
  readonly cells: Uint8Array;
  /** Roots of slot trees over 2^i zero blocks, without the layer that a single leaf gets; one after the other. */
  readonly nodes: Uint8Array;
}

const nodeIn = (nodes: Uint8Array, index: number): Uint8Array =>
  nodes.subarray(index * ELEMENT_BYTES, (index + 1) * ELEMENT_BYTES);

function pairOf(left: Uint8Array, right: Uint8Array): Uint8Array {
  const pair = new Uint8Array(2 * ELEMENT_BYTES);
  pair.set(left);
  pair.set(right, ELEMENT_BYTES);
  return pair;
}

function zeroDigestsOf(hasher: Poseidon2, shape: BlockShape, depth: number): ZeroDigests {
  const cell = zeroCellDigest(hasher, shape.cellSize);
  const cells = new Uint8Array((shape.blockSize / shape.cellSize) * ELEMENT_BYTES);
  for (let at = 0; at < cells.length; at += ELEMENT_BYTES) cells.set(cell, at);
  const nodes = new Uint8Array((depth + 1) * ELEMENT_BYTES);
  nodes.set(zeroBlockDigest(hasher, shape));
  for (let height = 0; height < depth; height++) {
    const node = nodeIn(nodes, height);
    nodes.set(hasher.compress(pairOf(node, node), height === 0 ? 1 : 0), (height + 1) * ELEMENT_BYTES);
  }
  return { cells, nodes };
}

/** Digests of what is zero, for a slot tree of this depth. */
export const digestZeros = defineJob(
  import.meta.url,
  'digestZeros',
  ({ shape, depth }: { readonly shape: BlockShape; readonly depth: number }): ZeroDigests =>
    zeroDigestsOf(createHasher(), shape, depth),
);

/**
 * The layers above some neighbouring nodes of a slot tree, the lowest first. `height` is that of the nodes; those behind the last one
 * are roots over zero blocks.
 */
export const growLayers = defineJob(
  import.meta.url,
  'growLayers',
  (input: {
    readonly nodes: Uint8Array;
    readonly height: number;
    readonly layers: number;
    readonly zeroNodes: Uint8Array;
  }): Uint8Array[] => {
    const hasher = createHasher();
    const grown: Uint8Array[] = [];
    let layer = input.nodes;
    for (let height = input.height; height < input.height + input.layers; height++) {
      if (layer.length % (2 * ELEMENT_BYTES) !== 0) {
        const even = new Uint8Array(layer.length + ELEMENT_BYTES);
        even.set(layer);
        even.set(nodeIn(input.zeroNodes, height), layer.length);
        layer = even;
      }
      layer = hasher.compress(layer, height === 0 ? 1 : 0);
      grown.push(layer);
    }
    return grown;
  },
);

/** The root over slot roots (one after the other), and the path of one of them. */
export const proveSlot = defineJob(
  import.meta.url,
  'proveSlot',
  ({ slotRoots, slotIndex }: { readonly slotRoots: Uint8Array; readonly slotIndex: number }) => {
    const tree = MerkleTree.over(createHasher(), slotRoots);
    return { root: tree.root, path: toNumbers(tree.proof(slotIndex).path) };
  },
);

/** `sampleCells`, elsewhere. */
export const pickCells = defineJob(
  import.meta.url,
  'pickCells',
  (input: {
    readonly entropy: bigint;
    readonly slotRoot: Uint8Array;
    readonly cells: number;
    readonly samples: number;
  }): number[] => sampleCells(input.entropy, input.slotRoot, input.cells, input.samples),
);

/** What is kept of one cell and its block. Undefined stands for zeros. */
export interface CellEvidence {
  readonly shape: BlockShape;
  readonly paddedBlocks: number;
  readonly slotRoot: Uint8Array;
  /** In the slot. */
  readonly block: number;
  /** In the block. */
  readonly cell: number;
  readonly bytes: Uint8Array | undefined;
  /** Of all cells of the block. */
  readonly cellDigests: Uint8Array | undefined;
  /** From the block's digest to the slot root. */
  readonly siblings: readonly (Uint8Array | undefined)[];
}

export interface ProvedCell {
  readonly cellData: readonly bigint[];
  readonly path: readonly bigint[];
}

/** A cell as a proof takes it. Errors: `SLOT_TREE_CORRUPT`; `SLOT_CELL_CORRUPT` when the tree is right and the bytes are not. */
export const proveCell = defineJob(import.meta.url, 'proveCell', (evidence: CellEvidence): ProvedCell => {
  const { shape, cell } = evidence;
  const hasher = createHasher();
  const path = pathOf(hasher, evidence);
  const bytes = evidence.bytes ?? new Uint8Array(shape.cellSize);
  const digest = cellDigests(hasher, bytes, shape.cellSize);
  if (!equalBytes(digest, path.cell)) {
    const index = evidence.block * (shape.blockSize / shape.cellSize) + cell;
    throw new SlotsError('SLOT_CELL_CORRUPT', `Cell ${index} of the slot has other bytes than it had`, { index });
  }
  return { cellData: packBytes(bytes), path: toNumbers([...path.inBlock, ...path.inSlot]) };
});

/** The way from a cell's digest to the slot root, followed to its end. */
function pathOf(hasher: Poseidon2, evidence: CellEvidence) {
  const { shape, paddedBlocks, siblings, block, cell } = evidence;
  try {
    // Most slots are full, and need none.
    let zeros: ZeroDigests | undefined;
    const ofZeros = () => {
      zeros ??= zeroDigestsOf(hasher, shape, siblings.length);
      return zeros;
    };
    const digests = evidence.cellDigests ?? ofZeros().cells;
    const inSlot = siblings.map((sibling, height) => sibling ?? nodeIn(ofZeros().nodes, height));
    // A tree of one block has a layer nevertheless, without a sibling (10 §5).
    if (paddedBlocks === 1) inSlot.push(new Uint8Array(ELEMENT_BYTES));
    checkElements(digests);
    const tree = MerkleTree.over(hasher, digests);
    const root = rootOfProof(hasher, tree.root, { index: block, leafCount: paddedBlocks, path: inSlot });
    if (root && equalBytes(root, evidence.slotRoot)) {
      return { cell: nodeIn(digests, cell), inBlock: tree.proof(cell).path, inSlot };
    }
  } catch (error) {
    if (!isCodexError(error, 'POSEIDON2_ELEMENT_INVALID')) throw error;
  }
  throw new SlotsError('SLOT_TREE_CORRUPT', 'What is kept of the slot does not lead to its root', { block, cell });
}

const toNumbers = (elements: readonly Uint8Array[]): bigint[] => elements.flatMap((element) => decodeElements(element));
