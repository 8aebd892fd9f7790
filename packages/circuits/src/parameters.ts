import { CircuitError } from './errors.ts';

/** The parameters of the circuit's template, in its order (11 §5.2). */
export interface CircuitParameters {
  /** Of the trees over the cells of a slot: at most 2^maxDepth cells. */
  readonly maxDepth: number;
  /** Of the tree over slots: at most 2^maxLog2NSlots slots. */
  readonly maxLog2NSlots: number;
  /** 2^blockTreeDepth cells a block; also the least number of cells of a slot. */
  readonly blockTreeDepth: number;
  readonly nFieldElemsPerCell: number;
  readonly nSamples: number;
}

/** What every network has deployed (11 §1). */
export const NETWORK_PARAMETERS: CircuitParameters = {
  maxDepth: 32,
  maxLog2NSlots: 8,
  blockTreeDepth: 5,
  nFieldElemsPerCell: 67,
  nSamples: 5,
};

/** Where integers made of cells or samples stay far below the order of the field; tests of the sources assert the same. */
const MAX_DEPTH_MOST = 63;
const SLOTS_LOG2_MOST = 32;
const SAMPLES_MOST = 127;
/** 31 bytes each: cells of 127 KiB, more than a block has. */
const ELEMENTS_MOST = 4096;

/** Refuses parameters for which the sources make no circuit, with CIRCUIT_PARAMETERS_INVALID. */
export function checkParameters(parameters: CircuitParameters): void {
  const bounds: Record<keyof CircuitParameters, readonly [least: number, most: number]> = {
    blockTreeDepth: [1, MAX_DEPTH_MOST - 2],
    maxDepth: [parameters.blockTreeDepth + 2, MAX_DEPTH_MOST],
    maxLog2NSlots: [2, SLOTS_LOG2_MOST],
    nFieldElemsPerCell: [1, ELEMENTS_MOST],
    nSamples: [1, SAMPLES_MOST],
  };
  for (const [name, [least, most]] of Object.entries(bounds)) {
    const value = parameters[name as keyof CircuitParameters];
    if (Number.isInteger(value) && value >= least && value <= most) continue;
    throw new CircuitError('CIRCUIT_PARAMETERS_INVALID', `${name} must be a whole number from ${least} to ${most}`, {
      name,
      value,
      least,
      most,
    });
  }
}

/** Three for each of the 80 S-boxes. */
const PERMUTATION = 240;

/** The constraints of a circuit. For the network's: 2 514 and 16 153 a sample. */
export function constraintsOf(parameters: CircuitParameters): number {
  checkParameters(parameters);
  const { maxDepth, maxLog2NSlots, blockTreeDepth, nFieldElemsPerCell, nSamples } = parameters;
  const upper = maxDepth - blockTreeDepth;
  const level = PERMUTATION + 1;
  const bits = 254;
  const datasetPath = maxLog2NSlots * level + 2 * maxLog2NSlots + (3 * maxLog2NSlots - 2) + (2 * maxLog2NSlots - 3);
  const slotSize = upper + 1;
  const sharedHashes = 2 * PERMUTATION;
  const sides = upper;
  const cell = (Math.floor(nFieldElemsPerCell / 2) + 1) * PERMUTATION;
  const path = (maxDepth - 1) * level;
  const selection = upper - 1 + 2;
  const sample = PERMUTATION + bits + cell + path + selection;
  return datasetPath + slotSize + sharedHashes + sides + nSamples * sample;
}
