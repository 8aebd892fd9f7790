import { SlotsError } from './errors.ts';
import type { ProofInput } from './proof-input.ts';

/** Lengths that the paths of a circuit are padded to (11 §5.2). */
export interface PathLengths {
  readonly maxDepth: number;
  readonly maxLog2NSlots: number;
}

const NETWORK_LENGTHS: PathLengths = { maxDepth: 32, maxLog2NSlots: 8 };

/** The input of a witness as JSON (11 §5.1): elements as decimal strings, small numbers as numbers. */
export interface ProofInputJson {
  readonly dataSetRoot: string;
  readonly entropy: string;
  readonly nCellsPerSlot: number;
  readonly nSlotsPerDataSet: number;
  readonly slotIndex: number;
  readonly slotRoot: string;
  readonly slotProof: readonly string[];
  readonly cellData: readonly (readonly string[])[];
  readonly merklePaths: readonly (readonly string[])[];
}

/** Paths are filled up with zeros. Error: `SLOT_INPUT_INVALID` for those that the circuit has no room for. */
export function proofInputJson(input: ProofInput, lengths: PathLengths = NETWORK_LENGTHS): ProofInputJson {
  return {
    dataSetRoot: String(input.dataSetRoot),
    entropy: String(input.entropy),
    nCellsPerSlot: input.nCellsPerSlot,
    nSlotsPerDataSet: input.nSlotsPerDataSet,
    slotIndex: input.slotIndex,
    slotRoot: String(input.slotRoot),
    slotProof: padded(input.slotProof, lengths.maxLog2NSlots),
    cellData: input.cellData.map((cell) => cell.map(String)),
    merklePaths: input.merklePaths.map((path) => padded(path, lengths.maxDepth)),
  };
}

function padded(path: readonly bigint[], length: number): string[] {
  // Cut off, it would make a proof that nobody accepts (11, Do better).
  if (path.length > length) {
    const message = `A path of ${path.length} nodes does not fit a circuit with ${length}`;
    throw new SlotsError('SLOT_INPUT_INVALID', message, { nodes: path.length, most: length });
  }
  return Array.from({ length }, (_, i) => String(path[i] ?? 0n));
}

/** What a verifier is told, in its order (11 §5.2). */
export function publicSignals(input: ProofInput): [entropy: bigint, dataSetRoot: bigint, slotIndex: bigint] {
  return [input.entropy, input.dataSetRoot, BigInt(input.slotIndex)];
}
