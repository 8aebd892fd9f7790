import { describe, expect, it } from 'vitest';
import { constraintsOf, NETWORK_PARAMETERS } from '../src/index.ts';
import { circuitOf } from './support/circuit.ts';
import { proofInput } from './support/dataset.ts';
import { FIXTURE_ENTROPY, FIXTURE_ROOT, FIXTURE_SLOT, FIXTURE_SLOT_ROOTS, fixtureSlot } from './support/fixture.ts';
import { violations } from './support/r1cs.ts';

/** One sample and the five of the network are in the fast tests. */
const SAMPLES = process.env.SOAK === 'short' ? [10] : [10, 30];

describe('circuits of many samples', () => {
  it.each(SAMPLES)('accept the fixture with %i samples', async (nSamples) => {
    const parameters = { ...NETWORK_PARAMETERS, nSamples };
    const { generator, r1cs } = await circuitOf(parameters);
    expect(r1cs.constraints.length).toBe(constraintsOf(parameters));
    const place = { slotIndex: FIXTURE_SLOT, slotRoots: FIXTURE_SLOT_ROOTS, entropy: FIXTURE_ENTROPY };
    const input = proofInput(parameters, fixtureSlot(), place);
    const witness = generator.witness(input);
    expect(witness.slice(1, 4)).toEqual([FIXTURE_ENTROPY, FIXTURE_ROOT, BigInt(FIXTURE_SLOT)]);
    expect(violations(r1cs, witness)).toEqual([]);

    const cellData = input.cellData.map((cell) => [...cell]);
    cellData.at(-1)![66]! += 1n;
    expect(() => generator.witness({ ...input, cellData })).toThrow('do not satisfy');
  });
});
