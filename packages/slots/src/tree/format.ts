/** The file of a slot tree, version 1. Little-endian; sections follow one another without gaps. */
import { equalBytes, sha256 } from '@codex/content';
import { type BlockShape, ELEMENT_BYTES } from '@codex/poseidon2';

/**
 * | offset | bytes | header |
 * |---|---|---|
 * | 0 | 8 | `CDXSLOT` and a zero |
 * | 8 | 4 | version |
 * | 12 | 4 | blockSize |
 * | 16 | 4 | cellSize |
 * | 20 | 4 | zero |
 * | 24 | 8 | blocks |
 * | 32 | 8 | paddedBlocks |
 * | 40 | 32 | slot root |
 * | 72 | 24 | zero |
 * | 96 | 32 | SHA-256 of what stands before |
 *
 * Then digests of the cells of all blocks; digests of the blocks; the layers above up to that below the root, of each only the nodes
 * over blocks. What is missing at the end of a layer stands over zero blocks.
 */
export const HEADER_BYTES = 128;
const CHECKSUM_AT = 96;
const MAGIC = new TextEncoder().encode('CDXSLOT\0');
const VERSION = 1;

export interface SlotTreeShape {
  readonly shape: BlockShape;
  /** Blocks whose digests are kept; those behind them are zeros. */
  readonly blocks: number;
  /** Leaves of the tree, a power of two. */
  readonly paddedBlocks: number;
}

export interface SlotTreeHeader extends SlotTreeShape {
  readonly root: Uint8Array;
}

/** Positions in the file. */
export interface SlotTreePlan {
  readonly cellsPerBlock: number;
  /** Layers below the root, that of block digests included; 0 when a single block makes the tree. */
  readonly depth: number;
  cellsAt(block: number): number;
  /** Nodes kept of the layer at a height; 0 is that of block digests. */
  nodesIn(height: number): number;
  nodeAt(height: number, index: number): number;
  readonly fileBytes: number;
}

export function planOf({ shape, blocks, paddedBlocks }: SlotTreeShape): SlotTreePlan {
  const cellsPerBlock = shape.blockSize / shape.cellSize;
  const depth = Math.log2(paddedBlocks);
  const nodesIn = (height: number) => Math.ceil(blocks / 2 ** height);
  const starts: number[] = [];
  let end = HEADER_BYTES + blocks * cellsPerBlock * ELEMENT_BYTES;
  // The digest of a single block is kept although nothing is between it and the root.
  for (let height = 0; height < Math.max(1, depth); height++) {
    starts.push(end);
    end += nodesIn(height) * ELEMENT_BYTES;
  }
  return {
    cellsPerBlock,
    depth,
    cellsAt: (block) => HEADER_BYTES + block * cellsPerBlock * ELEMENT_BYTES,
    nodesIn,
    nodeAt: (height, index) => starts[height]! + index * ELEMENT_BYTES,
    fileBytes: end,
  };
}

export function encodeHeader({ shape, blocks, paddedBlocks, root }: SlotTreeHeader): Uint8Array {
  const bytes = new Uint8Array(HEADER_BYTES);
  const view = new DataView(bytes.buffer);
  bytes.set(MAGIC);
  view.setUint32(8, VERSION, true);
  view.setUint32(12, shape.blockSize, true);
  view.setUint32(16, shape.cellSize, true);
  view.setBigUint64(24, BigInt(blocks), true);
  view.setBigUint64(32, BigInt(paddedBlocks), true);
  bytes.set(root, 40);
  bytes.set(sha256(bytes.subarray(0, CHECKSUM_AT)), CHECKSUM_AT);
  return bytes;
}

/** Undefined for bytes that are not the header of a tree of this version. */
export function decodeHeader(bytes: Uint8Array): SlotTreeHeader | undefined {
  if (bytes.length !== HEADER_BYTES || !equalBytes(bytes.subarray(0, MAGIC.length), MAGIC)) return undefined;
  if (!equalBytes(sha256(bytes.subarray(0, CHECKSUM_AT)), bytes.subarray(CHECKSUM_AT))) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  if (view.getUint32(8, true) !== VERSION) return undefined;
  return {
    shape: { blockSize: view.getUint32(12, true), cellSize: view.getUint32(16, true) },
    blocks: Number(view.getBigUint64(24, true)),
    paddedBlocks: Number(view.getBigUint64(32, true)),
    root: bytes.slice(40, 40 + ELEMENT_BYTES),
  };
}
