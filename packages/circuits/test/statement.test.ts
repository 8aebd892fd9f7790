import { R, sponge } from '@codex/poseidon2';
import { seededRandom } from '@codex/runtime';
import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { constraintsOf } from '../src/index.ts';
import { circuitOf, type LoadedCircuit } from './support/circuit.ts';
import { type ProofInput, proofInput, rootOf, sampledIndices, slotOf } from './support/dataset.ts';
import { booleanWires, Forger } from './support/forger.ts';
import { violations } from './support/r1cs.ts';

/** Small, with all that a large circuit has: 4 cells a block, 1 to 8 blocks a slot, 1 to 8 slots. */
const SMALL = { maxDepth: 5, maxLog2NSlots: 3, blockTreeDepth: 2, nFieldElemsPerCell: 3, nSamples: 3 };

interface Case {
  readonly blocks: number;
  readonly slots: number;
  readonly slotIndex: number;
  readonly entropy: bigint;
}

const cellsOf = (count: number) =>
  Array.from({ length: count }, (_, cell) => [0, 1, 2].map((i) => sponge([BigInt(cell), BigInt(i)])));

function honest({ blocks, slots, slotIndex, entropy }: Case): ProofInput {
  const slot = slotOf(cellsOf(blocks * 4), SMALL.blockTreeDepth);
  const slotRoots = Array.from({ length: slots }, (_, i) => (i === slotIndex ? slot.root : BigInt(1000 + i)));
  return proofInput(SMALL, slot, { slotIndex, slotRoots, entropy });
}

let circuit: LoadedCircuit;
beforeAll(async () => {
  circuit = await circuitOf(SMALL);
}, 60_000);

const cases = fc.record({
  blocks: fc.constantFrom(1, 2, 4, 8),
  slots: fc.integer({ min: 1, max: 8 }),
  slotIndex: fc.nat(7),
  entropy: fc.bigInt({ min: 0n, max: (1n << 248n) - 1n }),
});
const fitting = cases.map((one) => ({ ...one, slotIndex: one.slotIndex % one.slots }));

describe('what is true', () => {
  it('is accepted, whatever the numbers of blocks and slots', () => {
    expect(circuit.r1cs.constraints.length).toBe(constraintsOf(SMALL));
    fc.assert(
      fc.property(fitting, (one) => {
        const input = honest(one);
        const witness = circuit.generator.witness(input);
        expect(witness.slice(1, 4)).toEqual([one.entropy, input.dataSetRoot, BigInt(one.slotIndex)]);
        expect(violations(circuit.r1cs, witness)).toEqual([]);
      }),
      { numRuns: 40 },
    );
  });
});

describe('what is false', () => {
  const base: Case = { blocks: 4, slots: 5, slotIndex: 3, entropy: 987654321n };
  let input: ProofInput;
  let witness: bigint[];
  let forger: Forger;
  beforeAll(() => {
    input = honest(base);
    witness = circuit.generator.witness(input);
    forger = new Forger(circuit.r1cs, witness);
  });

  /** The wires of inputs, as far as the circuit looks at them. */
  function wiresOf(values: ProofInput): Map<number, bigint> {
    const wires = new Map<number, bigint>();
    const walk = (name: string, value: unknown): void => {
      if (Array.isArray(value)) for (const [i, item] of value.entries()) walk(`${name}[${i}]`, item);
      else {
        const wire = circuit.symbols.get(name);
        if (wire !== undefined) wires.set(wire, BigInt(value as bigint));
      }
    };
    for (const [name, value] of Object.entries(values)) walk(`main.${name}`, value);
    return wires;
  }

  /** Neither our generator makes a witness of it, nor a cheater who chooses everything else as it fits best. */
  function expectRefused(wrong: ProofInput): void {
    expect(() => circuit.generator.witness(wrong)).toThrow('do not satisfy');
    expect(forger.forge(wiresOf(wrong))).toBeGreaterThan(0);
  }

  it('would be found out by a fair test: with the true inputs the cheater succeeds', () => {
    expect(forger.forge(wiresOf(input))).toBe(0);
    expect(forger.forge(new Map())).toBe(0);
  });

  it.each(['entropy', 'dataSetRoot', 'slotRoot'] as const)('is refused: another %s', (name) => {
    expectRefused({ ...input, [name]: input[name] + 1n });
    expectRefused({ ...input, [name]: 0n });
  });

  it.each([0, 1, 2, 4, 5, 7, 8, 11, -1])('is refused: slot index %i', (slotIndex) => {
    expectRefused({ ...input, slotIndex });
  });

  it.each([0, 1, 2, 3, 4, 9, -1])('is refused: %i slots', (nSlotsPerDataSet) => {
    expectRefused({ ...input, nSlotsPerDataSet });
  });

  it.each([0, 1, 2, 3, 4, 6, 7, 8, 9, -1])(
    'is refused: %i slots, where the number makes the path',
    (nSlotsPerDataSet) => {
      const last = honest({ ...base, slotIndex: 4 });
      expectRefused({ ...last, nSlotsPerDataSet });
    },
  );

  it('does not care how many slots there are beside those that are on the path', () => {
    // Slot 3 of 5 to 8 slots has the same path and keys, so that the root binds no more than this.
    for (const nSlotsPerDataSet of [6, 7, 8]) {
      expect(violations(circuit.r1cs, circuit.generator.witness({ ...input, nSlotsPerDataSet }))).toEqual([]);
    }
  });

  it.each([0, 1, 2, 3, 4, 8, 12, 15, 17, 24, 32, 64, -16])('is refused: %i cells', (nCellsPerSlot) => {
    expectRefused({ ...input, nCellsPerSlot });
  });

  it('is refused: any element of a cell that is another', () => {
    for (let c = 0; c < SMALL.nSamples; c++) {
      for (let i = 0; i < SMALL.nFieldElemsPerCell; i++) {
        const cellData = input.cellData.map((cell) => [...cell]);
        cellData[c]![i]! += 1n;
        expectRefused({ ...input, cellData });
      }
    }
  });

  it('is refused: the cells of other samples, in another order', () => {
    const [a, b, c] = sampledIndices(base.entropy, { root: input.slotRoot, cells: 16 }, 3);
    expect(new Set([a, b, c]).size).toBe(3);
    const turn = <T>([first, ...rest]: readonly T[]): T[] => [...rest, first!];
    expectRefused({ ...input, cellData: turn(input.cellData), merklePaths: turn(input.merklePaths) });
  });

  it('is refused: any sibling on the path of a slot or of a cell that is another', () => {
    for (const [i, sibling] of input.slotProof.entries()) {
      // A tree of five slots is three levels high.
      const slotProof = input.slotProof.with(i, sibling + 1n);
      expectRefused({ ...input, slotProof });
    }
    for (let c = 0; c < SMALL.nSamples; c++) {
      // Four blocks are two levels over the two in the block; the two nodes under the root are no inputs of the constraints.
      for (let i = 0; i < 3; i++) {
        const merklePaths = input.merklePaths.map((path) => [...path]);
        merklePaths[c]![i]! += 1n;
        expectRefused({ ...input, merklePaths });
      }
    }
    // The generator takes one of them from the path of the first sample.
    const merklePaths = input.merklePaths.map((path) => [...path]);
    merklePaths[0]![3]! += 1n;
    expect(() => circuit.generator.witness({ ...input, merklePaths })).toThrow('do not satisfy');
  });

  it('is refused: other nodes under the root of the slot', () => {
    for (const name of ['main.left', 'main.right']) {
      const wire = circuit.symbols.get(name)!;
      expect(forger.forge(new Map([...wiresOf(input), [wire, witness[wire]! + 1n]]))).toBeGreaterThan(0);
    }
  });

  it('does not care for siblings above the root', () => {
    const merklePaths = input.merklePaths.map((path) => [...path]);
    merklePaths[0]![4] = 77n;
    expect(violations(circuit.r1cs, circuit.generator.witness({ ...input, merklePaths }))).toEqual([]);
  });

  it('is refused: a slot that lacks one of the sampled cells, whichever of its values the host puts there', () => {
    fc.assert(
      fc.property(fitting, fc.nat(2), fc.bigInt({ min: 0n, max: R - 1n }), (one, c, value) => {
        const true_ = honest(one);
        const cellData = true_.cellData.map((cell) => [...cell]);
        fc.pre(cellData[c]![1] !== value);
        cellData[c]![1] = value;
        const wrong = { ...true_, cellData };
        expect(() => circuit.generator.witness(wrong)).toThrow('do not satisfy');
        const cheater = new Forger(circuit.r1cs, circuit.generator.witness(true_));
        expect(cheater.forge(wiresOf(wrong))).toBeGreaterThan(0);
      }),
      { numRuns: 10 },
    );
  });

  it('is refused: a cell that the host has in place of the one that is asked for, with its true path and index', () => {
    const slot = slotOf(cellsOf(16), SMALL.blockTreeDepth);
    const asked = sampledIndices(base.entropy, slot, SMALL.nSamples);
    for (const [c, index] of asked.entries()) {
      for (let other = 0; other < slot.cells; other++) {
        if (other === index) continue;
        const wrong = {
          ...input,
          cellData: input.cellData.with(c, slot.cell(other)),
          merklePaths: input.merklePaths.with(c, [...slot.path(other), 0n]),
        };
        expect(() => circuit.generator.witness(wrong)).toThrow('do not satisfy');
        const fixed = wiresOf(wrong);
        for (let bit = 0; bit < SMALL.maxDepth; bit++) {
          const name = bit < 2 ? `block.bits[${bit}]` : `blockBits[${bit - 2}]`;
          fixed.set(circuit.symbols.get(`main.sampled[${c}].${name}`)!, BigInt((other >> bit) & 1));
        }
        const side = circuit.symbols.get(`main.side.bits[${c}]`);
        if (side !== undefined) fixed.set(side, BigInt(other >> 3));
        // All else fits, for the path leads to the root: one constraint says that the bits are not those of the challenge.
        expect(forger.forge(fixed), `cell ${other} for ${index}`).toBe(1);
      }
    }
  });

  it('is refused: an inner node as if it were a leaf, with a dataset that is said to be smaller', () => {
    // Slots 0 and 1 as one slot: the pair's parent as slot root, in a tree of half as many slots.
    const roots = [1n, 2n, 3n, 4n];
    const parents = [rootOf(roots.slice(0, 2)), rootOf(roots.slice(2))];
    expectRefused({
      ...input,
      dataSetRoot: rootOf(roots),
      slotRoot: parents[0]!,
      slotIndex: 0,
      nSlotsPerDataSet: 2,
      slotProof: [parents[1]!, 0n, 0n],
    });
  });

  it('is refused: a slot of one block that is said to be smaller than a block', () => {
    // The statement of the reference lets that pass, and then samples only the first cells of the block.
    const one = honest({ ...base, blocks: 1 });
    for (const nCellsPerSlot of [1, 2]) expectRefused({ ...one, nCellsPerSlot });
  });

  it('is refused: other bits, whether of the index, of the number of slots, of the size, of the challenge or of the side', () => {
    const bits = booleanWires(circuit.r1cs);
    const challenges = 3 * 254;
    expect(bits.length).toBeGreaterThan(challenges);
    const inputs = wiresOf(input);
    // All that are few, and some of the many of the challenges.
    const few = [...circuit.symbols]
      .filter(([name]) => /blockBits|block\.bits|highest|\.has\[|dataset|side/.test(name))
      .map(([, wire]) => wire);
    const tried = bits.filter((wire, i) => few.includes(wire) || i % 48 === 0);
    expect(tried.length).toBeGreaterThan(30);
    for (const wire of tried) {
      expect(forger.forge(new Map([...inputs, [wire, 1n - witness[wire]!]])), `wire ${wire}`).toBeGreaterThan(0);
    }
  });

  it('is refused: any wire but the true one, drawn by chance', () => {
    const seed = 20_261_121;
    const random = seededRandom(seed);
    const inputs = wiresOf(input);
    for (let run = 0; run < 25; run++) {
      const wire = 1 + random.int(circuit.r1cs.wires - 1);
      if (inputs.has(wire)) continue;
      const fixed = new Map([...inputs, [wire, witness[wire]! + 1n]]);
      expect(forger.forge(fixed), `seed ${seed}, wire ${wire}`).toBeGreaterThan(0);
    }
  });
});
