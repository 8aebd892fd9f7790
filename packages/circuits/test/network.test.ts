import { readFileSync } from 'node:fs';
import { beforeAll, describe, expect, it } from 'vitest';
import { constraintsOf, NETWORK_PARAMETERS } from '../src/index.ts';
import { circuitOf, type LoadedCircuit } from './support/circuit.ts';
import { padded, proofInput, sampledIndices, slotOf } from './support/dataset.ts';
import { FIXTURE_ENTROPY, FIXTURE_ROOT, FIXTURE_SLOT, FIXTURE_SLOT_ROOTS, fixtureSlot } from './support/fixture.ts';
import { violations } from './support/r1cs.ts';
import type { Inputs } from './support/witness.ts';

/** Of the reference implementation: whole inputs of the last slot of many datasets. Paths are not padded. */
interface Row {
  k: number;
  m: number;
  size: number;
  input: {
    dataSetRoot: string;
    entropy: string;
    nCellsPerSlot: number;
    nSlotsPerDataSet: number;
    slotIndex: number;
    slotRoot: string;
    slotProof: string[];
    cellData0: string[];
    merklePaths: string[][];
  };
}
const { vectors } = JSON.parse(readFileSync(new URL('./vectors/proof_inputs.json', import.meta.url), 'utf8')) as {
  vectors: Row[];
};

const FIXTURE = { slotIndex: FIXTURE_SLOT, slotRoots: FIXTURE_SLOT_ROOTS, entropy: FIXTURE_ENTROPY };

describe('the circuit of the network, with one sample', () => {
  const parameters = { ...NETWORK_PARAMETERS, nSamples: 1 };
  let circuit: LoadedCircuit;
  beforeAll(async () => {
    circuit = await circuitOf(parameters);
  }, 120_000);

  function accepts(input: Inputs): bigint[] {
    const witness = circuit.generator.witness(input);
    expect(violations(circuit.r1cs, witness)).toEqual([]);
    return witness;
  }

  it('has the constraints that it should have, and no others', () => {
    expect(circuit.r1cs.constraints.length).toBe(18_667);
    expect(constraintsOf(parameters)).toBe(18_667);
    expect(constraintsOf(NETWORK_PARAMETERS)).toBe(83_279);
    expect(circuit.r1cs.publicInputs).toBe(3);
    for (const [i, name] of ['entropy', 'dataSetRoot', 'slotIndex'].entries()) {
      expect(circuit.symbols.get(`main.${name}`)).toBe(i + 1);
    }
  });

  it('has few terms a constraint, which is what a proving key and a prover pay for', () => {
    const terms = circuit.r1cs.constraints.reduce((sum, [a, b]) => sum + a.length + b.length, 0);
    expect(terms / circuit.r1cs.constraints.length).toBeLessThan(6);
  });

  it('accepts the fixture', () => {
    const slot = fixtureSlot();
    expect(slot.root).toBe(FIXTURE_SLOT_ROOTS[FIXTURE_SLOT]);
    expect(sampledIndices(FIXTURE_ENTROPY, slot, 5)).toEqual([287, 21, 307, 157, 508]);
    const input = proofInput(parameters, slot, FIXTURE);
    expect(input.dataSetRoot).toBe(FIXTURE_ROOT);
    expect(accepts(input).slice(1, 4)).toEqual([FIXTURE_ENTROPY, FIXTURE_ROOT, BigInt(FIXTURE_SLOT)]);
  });

  it.each(vectors)("accepts the reference's input for k = $k, m = $m, $size bytes", ({ input }) => {
    accepts({
      entropy: BigInt(input.entropy),
      dataSetRoot: BigInt(input.dataSetRoot),
      slotIndex: input.slotIndex,
      slotRoot: BigInt(input.slotRoot),
      nCellsPerSlot: input.nCellsPerSlot,
      nSlotsPerDataSet: input.nSlotsPerDataSet,
      slotProof: padded(input.slotProof.map(BigInt), parameters.maxLog2NSlots),
      cellData: [input.cellData0.map(BigInt)],
      merklePaths: [padded(input.merklePaths[0]!.map(BigInt), parameters.maxDepth)],
    });
  });

  it.each([
    [1, 0],
    [2, 1],
    [3, 2],
    [11, 10],
    [256, 255],
    [256, 0],
  ])('accepts a slot of one block among %i slots, at %i', (slots, slotIndex) => {
    const cells = Array.from({ length: 32 }, (_, cell) => Array.from({ length: 67 }, (_, i) => BigInt(100 * cell + i)));
    const slot = slotOf(cells, parameters.blockTreeDepth);
    const slotRoots = Array.from({ length: slots }, (_, i) => (i === slotIndex ? slot.root : BigInt(i)));
    accepts(proofInput(parameters, slot, { slotIndex, slotRoots, entropy: 42n }));
  });

  it.each([
    { slotIndex: 256 },
    { slotIndex: 259 },
    { nSlotsPerDataSet: 257 },
    { nSlotsPerDataSet: 267 },
    { nCellsPerSlot: 48 },
    { nCellsPerSlot: 16 },
    { nCellsPerSlot: 2 ** 33 },
  ])('refuses numbers out of range: %o', (wrong) => {
    const input = { ...proofInput(parameters, fixtureSlot(), FIXTURE), ...wrong };
    expect(() => circuit.generator.witness(input)).toThrow('do not satisfy');
  });
});

describe('the circuit of the network', () => {
  it('accepts the fixture, and refuses it with another last element of the last cell', async () => {
    const { generator, r1cs } = await circuitOf(NETWORK_PARAMETERS);
    expect(r1cs.constraints.length).toBe(83_279);
    const input = proofInput(NETWORK_PARAMETERS, fixtureSlot(), FIXTURE);
    const witness = generator.witness(input);
    expect(witness.slice(1, 4)).toEqual([FIXTURE_ENTROPY, FIXTURE_ROOT, BigInt(FIXTURE_SLOT)]);
    expect(violations(r1cs, witness)).toEqual([]);

    const cellData = input.cellData.map((cell) => [...cell]);
    cellData.at(-1)![66]! += 1n;
    expect(() => generator.witness({ ...input, cellData })).toThrow('do not satisfy');
  }, 120_000);
});
