import {
  cellDigests,
  createHasher,
  DEFAULT_CELL_BYTES,
  decodeElement,
  decodeElements,
  ELEMENT_BYTES,
  MerkleTree,
  packBytes,
} from '@codex/poseidon2';
import { type ProofInputJson, proofInputJson, sampleCells } from '@codex/slots';
import { Content } from '../src/content.ts';

const BLOCK_BYTES = 65_536;
const BLOCKS = 16;
const CELLS_PER_BLOCK = BLOCK_BYTES / DEFAULT_CELL_BYTES;
const ENTROPY = 1_234_567n;
/** Of eleven, this one is proved. */
const SLOTS = 11;
const SLOT = 3;

/** The input for a slot of 1 MiB whose cells are all different (11 §5.1): what it costs to prove does not depend on the content. */
export function inputOf(samples: number): ProofInputJson {
  const hasher = createHasher();
  const bytes = Buffer.concat([...new Content({ seed: 11, size: BLOCKS * BLOCK_BYTES })].map((piece) => piece.slice()));
  const blocks = Array.from({ length: BLOCKS }, (_, i) => {
    const block = bytes.subarray(i * BLOCK_BYTES, (i + 1) * BLOCK_BYTES);
    return MerkleTree.over(hasher, cellDigests(hasher, block));
  });
  const slot = MerkleTree.over(hasher, Buffer.concat(blocks.map(({ root }) => root)));
  // The others' roots are of no consequence: digests of blocks.
  const roots = Array.from({ length: SLOTS }, (_, i) => (i === SLOT ? slot.root : (blocks[i]?.root ?? slot.root)));
  const dataset = MerkleTree.over(hasher, Buffer.concat(roots));
  const path = (tree: MerkleTree, index: number) => decodeElements(Buffer.concat(tree.proof(index).path));
  const cells = sampleCells(ENTROPY, slot.root, BLOCKS * CELLS_PER_BLOCK, samples);
  return proofInputJson({
    entropy: ENTROPY,
    dataSetRoot: decodeElement(dataset.root.subarray(0, ELEMENT_BYTES)),
    slotIndex: SLOT,
    slotRoot: decodeElement(slot.root),
    nCellsPerSlot: BLOCKS * CELLS_PER_BLOCK,
    nSlotsPerDataSet: SLOTS,
    slotProof: path(dataset, SLOT),
    merklePaths: cells.map((cell) => {
      const block = Math.floor(cell / CELLS_PER_BLOCK);
      const inBlock = blocks[block];
      if (!inBlock) throw new Error(`There is no block ${block}`);
      return [...path(inBlock, cell % CELLS_PER_BLOCK), ...path(slot, block)];
    }),
    cellData: cells.map((cell) =>
      packBytes(bytes.subarray(cell * DEFAULT_CELL_BYTES, (cell + 1) * DEFAULT_CELL_BYTES)),
    ),
  });
}
