/** Digests of cells and of blocks (10 §6). */
import { itemsIn } from './batch.ts';
import { CHUNK_BYTES, ELEMENT_BYTES } from './field.ts';
import type { Poseidon2 } from './hasher.ts';
import { merkleRoots } from './merkle.ts';

/** Sizes in bytes; a block is made of whole cells. */
export interface BlockShape {
  readonly blockSize: number;
  readonly cellSize: number;
}

/** The cells of the protocol's digest function (10 §7), and of every manifest so far. */
export const DEFAULT_CELL_BYTES = 2048;

/** Shapes whose zero digests are kept: a node sees one or two. */
const ZERO_DIGESTS_KEPT = 16;

/** One digest for each cell; the last cell may be short. Errors: POSEIDON2_INPUT_INVALID. */
export function cellDigests(hasher: Poseidon2, bytes: Uint8Array, cellSize = DEFAULT_CELL_BYTES): Uint8Array {
  itemsIn(new Uint8Array(0), cellSize);
  const count = Math.floor(bytes.length / cellSize);
  const whole = hasher.hashBytes({ data: bytes.subarray(0, count * cellSize), count });
  const rest = bytes.subarray(count * cellSize);
  if (rest.length === 0) return whole;
  const digests = new Uint8Array(whole.length + ELEMENT_BYTES);
  digests.set(whole);
  digests.set(hasher.hashBytes({ data: rest, count: 1 }), whole.length);
  return digests;
}

/** The root over the cells of some bytes (multihash 0xCD11 with the default). Errors: POSEIDON2_TREE_EMPTY for none. */
export function blockDigest(hasher: Poseidon2, bytes: Uint8Array, cellSize = DEFAULT_CELL_BYTES): Uint8Array {
  const cells = cellDigests(hasher, bytes, cellSize);
  return merkleRoots(hasher, cells, cells.length / ELEMENT_BYTES);
}

/** One digest for each of several blocks of one size. Errors: POSEIDON2_INPUT_INVALID, as all that is not whole. */
export function blockDigests(hasher: Poseidon2, blocks: Uint8Array, { blockSize, cellSize }: BlockShape): Uint8Array {
  itemsIn(blocks, blockSize);
  const cellsPerBlock = itemsIn(blocks.subarray(0, blockSize), cellSize);
  if (cellsPerBlock === 0) return new Uint8Array(0);
  return merkleRoots(hasher, cellDigests(hasher, blocks, cellSize), cellsPerBlock);
}

/** Permutations that the digest of a block takes. */
export function permutationsPerBlock({ blockSize, cellSize }: BlockShape): number {
  const cells = blockSize / cellSize;
  return cells * (Math.ceil((Math.floor(cellSize / CHUNK_BYTES) + 2) / 2) + 1);
}

const zeroDigests = new Map<string, Uint8Array>();

function remembered(key: string, make: () => Uint8Array): Uint8Array {
  const known = zeroDigests.get(key) ?? make();
  zeroDigests.delete(key);
  zeroDigests.set(key, known);
  const [oldest] = zeroDigests.keys();
  if (zeroDigests.size > ZERO_DIGESTS_KEPT && oldest !== undefined) zeroDigests.delete(oldest);
  return known.slice();
}

/** The digest of a cell of zeros, kept. */
export function zeroCellDigest(hasher: Poseidon2, cellSize = DEFAULT_CELL_BYTES): Uint8Array {
  return remembered(`${cellSize}`, () => cellDigests(hasher, new Uint8Array(cellSize), cellSize));
}

/** The digest of a block of zeros, which is that of pad blocks and of the empty block; kept. */
export function zeroBlockDigest(hasher: Poseidon2, { blockSize, cellSize }: BlockShape): Uint8Array {
  return remembered(`${blockSize}/${cellSize}`, () => {
    const count = itemsIn(new Uint8Array(blockSize), cellSize);
    const cell = zeroCellDigest(hasher, cellSize);
    const cells = new Uint8Array(count * ELEMENT_BYTES);
    for (let i = 0; i < count; i++) cells.set(cell, i * ELEMENT_BYTES);
    return merkleRoots(hasher, cells, count);
  });
}
