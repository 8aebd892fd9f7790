/** How a protected dataset is cut into slots (11 §2): slot i is row i of its matrix, filled up with zero blocks. */
import {
  blockCount,
  DEFAULT_BLOCK_SIZE,
  digestOf,
  type LeafRange,
  type Manifest,
  originalManifest,
  STRATEGY,
  sha256,
} from '@codex/content';
import { type BlockShape, DEFAULT_CELL_BYTES } from '@codex/poseidon2';
import { SlotsError } from './errors.ts';

/** The slot index has eight bits in the circuit (11 §5.2). */
export const SLOTS_MAX = 256;

/** Depth of the trees over the cells of a slot (11 §1). */
const CELLS_LOG2_MAX = 32;

/** Smaller cells would be smaller than their digests, and a foreign manifest could make hashing them take for ever. */
const CELL_BYTES_MIN = 32;

/** What the circuits of every network prove (11 §1). Bytes. */
export const NETWORK_SHAPE: BlockShape = { blockSize: DEFAULT_BLOCK_SIZE, cellSize: DEFAULT_CELL_BYTES };

export interface SlotLayout {
  readonly shape: BlockShape;
  /** A power of two. */
  readonly cellsPerBlock: number;
  /** ecK + ecM. */
  readonly slots: number;
  /** S: leaves of the dataset in each slot. */
  readonly slotBlocks: number;
  /** P: the same with the zero blocks at the end that make a power of two. */
  readonly paddedBlocks: number;
  readonly cellsPerSlot: number;
  /** Padded: `slotSize` of the request on the chain. */
  readonly slotBytes: number;
}

export function manifestInvalid(reason: string, data: Record<string, unknown> = {}): SlotsError {
  return new SlotsError('SLOTS_MANIFEST_INVALID', `The dataset has no slots: ${reason}`, { reason, ...data });
}

/** The slots of a protected dataset. Error: `SLOTS_MANIFEST_INVALID`. */
export function slotLayout(manifest: Manifest, cellSize = DEFAULT_CELL_BYTES): SlotLayout {
  const { protection, blockSize } = manifest;
  if (!protection) throw manifestInvalid('it is not protected');
  if (protection.strategy !== STRATEGY.stepped) throw manifestInvalid('its rows are not stepped');
  const slots = protection.ecK + protection.ecM;
  if (!isCount(protection.ecK) || !isCount(slots)) throw manifestInvalid('it has no rows');
  if (slots > SLOTS_MAX) throw manifestInvalid(`there are at most ${SLOTS_MAX} slots`, { slots });
  if (!isCount(blockSize) || !isCount(cellSize) || blockSize % cellSize !== 0) {
    throw manifestInvalid('blocks are not made of whole cells', { blockSize, cellSize });
  }
  if (cellSize < CELL_BYTES_MIN) throw manifestInvalid('its cells are too small', { cellSize });
  const cellsPerBlock = blockSize / cellSize;
  if (powerOfTwo(cellsPerBlock) !== cellsPerBlock) {
    throw manifestInvalid('the cells of a block are no power of two', { blockSize, cellSize });
  }
  const blocks = blockCount(manifest);
  const slotBlocks = Math.ceil(blockCount(originalManifest(manifest)) / protection.ecK);
  if (!isCount(blocks) || slotBlocks * slots !== blocks) {
    throw manifestInvalid('the numbers of blocks contradict each other', { blocks, slots });
  }
  const paddedBlocks = powerOfTwo(slotBlocks);
  const cellsPerSlot = paddedBlocks * cellsPerBlock;
  if (cellsPerSlot > 2 ** CELLS_LOG2_MAX) throw manifestInvalid('its slots are too large', { cellsPerSlot });
  const shape = { blockSize, cellSize };
  return { shape, cellsPerBlock, slots, slotBlocks, paddedBlocks, cellsPerSlot, slotBytes: paddedBlocks * blockSize };
}

const isCount = (value: number): boolean => Number.isSafeInteger(value) && value >= 1;

/** The next power of two, or the number itself. */
function powerOfTwo(least: number): number {
  let power = 1;
  while (power < least) power *= 2;
  return power;
}

/**
 * The leaves of a slot that may hold anything. All behind them are zeros: the padding of the matrix (02 §1), then that of
 * the slot. Error: `SLOT_INPUT_INVALID` for a slot that there is not.
 */
export function slotLeaves(manifest: Manifest, layout: SlotLayout, slotIndex: number): LeafRange {
  if (!Number.isSafeInteger(slotIndex) || slotIndex < 0 || slotIndex >= layout.slots) {
    const data = { slotIndex, slots: layout.slots };
    throw new SlotsError('SLOT_INPUT_INVALID', `There is no slot ${slotIndex} among ${layout.slots}`, data);
  }
  const start = slotIndex * layout.slotBlocks;
  const isData = slotIndex < (manifest.protection?.ecK ?? 0);
  const rest = isData ? blockCount(originalManifest(manifest)) - start : layout.slotBlocks;
  return { start, count: Math.min(layout.slotBlocks, Math.max(0, rest)) };
}

/** Bytes of an origin's digest that name it: nobody else chooses what is hashed. */
const ORIGIN_BYTES = 16;

/** Names what a slot tree is built from, before its root is known: hex. */
export function slotOrigin(manifest: Manifest, layout: SlotLayout, leaves: LeafRange): string {
  const numbers = [leaves.start, leaves.count, layout.paddedBlocks, layout.shape.blockSize, layout.shape.cellSize];
  const named = new Uint8Array([...digestOf(manifest.treeCid), ...new Uint8Array(Float64Array.from(numbers).buffer)]);
  return Buffer.from(sha256(named).subarray(0, ORIGIN_BYTES)).toString('hex');
}
