import { compress, sponge } from '@codex/poseidon2';
import type { CircuitParameters } from '../../src/index.ts';

/** Keyed Merkle layers over elements, leaves first (10 §5). */
export function layersOver(leaves: readonly bigint[]): bigint[][] {
  const layers = [[...leaves]];
  do {
    const bottom = layers.length === 1 ? 1n : 0n;
    const row = layers.at(-1)!;
    layers.push(
      Array.from({ length: Math.ceil(row.length / 2) }, (_, i) => {
        const right = row[2 * i + 1];
        return compress(row[2 * i]!, right ?? 0n, bottom + (right === undefined ? 2n : 0n));
      }),
    );
  } while (layers.at(-1)!.length > 1);
  return layers;
}

export const rootOf = (leaves: readonly bigint[]): bigint => layersOver(leaves).at(-1)![0]!;

/** Siblings from the bottom up, zero where there is none. */
export const pathOf = (layers: readonly (readonly bigint[])[], index: number): bigint[] =>
  layers.slice(0, -1).map((row, level) => row[Math.floor(index / 2 ** level) ^ 1] ?? 0n);

export const padded = (path: readonly bigint[], length: number): bigint[] =>
  Array.from({ length }, (_, i) => path[i] ?? 0n);

/** What the circuit takes, under its names (11 §5.1). */
export type ProofInput = {
  entropy: bigint;
  dataSetRoot: bigint;
  slotIndex: number;
  slotRoot: bigint;
  nCellsPerSlot: number;
  nSlotsPerDataSet: number;
  slotProof: bigint[];
  cellData: bigint[][];
  merklePaths: bigint[][];
};

export interface Slot {
  readonly cells: number;
  readonly root: bigint;
  cell(index: number): bigint[];
  /** Unpadded: in the block, then over the blocks. */
  path(index: number): bigint[];
}

/** A slot of these cells, 2^blockTreeDepth a block. */
export function slotOf(
  cells: readonly bigint[][],
  blockTreeDepth: number,
  digests = cells.map((cell) => sponge(cell)),
): Slot {
  const perBlock = 2 ** blockTreeDepth;
  const blocks = Array.from({ length: cells.length / perBlock }, (_, i) =>
    layersOver(digests.slice(i * perBlock, (i + 1) * perBlock)),
  );
  const over = layersOver(blocks.map((layers) => layers.at(-1)![0]!));
  return {
    cells: cells.length,
    root: over.at(-1)![0]!,
    cell: (index) => cells[index]!,
    path(index) {
      const block = Math.floor(index / perBlock);
      return [...pathOf(blocks[block]!, index % perBlock), ...pathOf(over, block)];
    },
  };
}

/** The cells that the entropy picks of a slot (11 §4). */
export function sampledIndices(entropy: bigint, slot: Pick<Slot, 'root' | 'cells'>, nSamples: number): number[] {
  return Array.from({ length: nSamples }, (_, c) =>
    Number(sponge([entropy, slot.root, BigInt(c + 1)]) % BigInt(slot.cells)),
  );
}

/** The input of an honest host. `slotRoots` has the slot's at `slotIndex`. */
export function proofInput(
  parameters: CircuitParameters,
  slot: Slot,
  { slotIndex, slotRoots, entropy }: { slotIndex: number; slotRoots: readonly bigint[]; entropy: bigint },
): ProofInput {
  const indices = sampledIndices(entropy, slot, parameters.nSamples);
  return {
    entropy,
    dataSetRoot: rootOf(slotRoots),
    slotIndex,
    slotRoot: slot.root,
    nCellsPerSlot: slot.cells,
    nSlotsPerDataSet: slotRoots.length,
    slotProof: padded(pathOf(layersOver(slotRoots), slotIndex), parameters.maxLog2NSlots),
    cellData: indices.map((index) => slot.cell(index)),
    merklePaths: indices.map((index) => padded(slot.path(index), parameters.maxDepth)),
  };
}
