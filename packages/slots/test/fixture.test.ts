import { HARDHAT_VERIFICATION_KEY } from '@codex/contracts';
import { type Proof, verify } from '@codex/groth16';
import { createHasher, decodeElement, encodeElement } from '@codex/poseidon2';
import { beforeAll, describe, expect, it } from 'vitest';
import {
  type BuiltSlots,
  buildSlots,
  checkVerifiableManifest,
  proofInput,
  proofInputJson,
  publicSignals,
  type SlotComponents,
  sampleCells,
} from '../src/index.ts';
import { inMemory, protect, rows, streamOf } from './support/datasets.ts';
import {
  FIXTURE,
  FIXTURE_CELLS,
  FIXTURE_ROOT,
  FIXTURE_SLOT_PROOF,
  FIXTURE_SLOT_ROOTS,
  fixtureContent,
} from './support/fixture.ts';
import { publicPart, witnessOf } from './support/witness.ts';

const BLOCK = 65536;

/** A proof that the reference made about the fixture. */
const REFERENCE_PROOF: Proof = {
  a: {
    x: 6534256117371673392078914918983405561950705741555607896616281548993166767050n,
    y: 4683704071819826577549511087725295557628226569657977399743888281350488008160n,
  },
  b: {
    x: {
      real: 5214601005301447749408976517903523691026761713935248596363525026084207179898n,
      imaginary: 12928862018496028019248584699701543976607635004280021323367162829172676142063n,
    },
    y: {
      real: 6802359022534661924490571652741723715650845080843101596088257121470226373081n,
      imaginary: 13026065833109947056007317243769626467054545801812125911606045634450472294131n,
    },
  },
  c: {
    x: 4064922718155280187684708354118623661512911161238889435233679092743470899962n,
    y: 16109406845320108508342512724551388830826795687369147885401665396548555026064n,
  },
};

describe('the fixture of 11 §6', () => {
  let components: SlotComponents;
  let built: BuiltSlots;
  beforeAll(async () => {
    components = inMemory();
    const manifest = await rows(components, await fixtureContent(), { slots: FIXTURE.slots, blockSize: BLOCK });
    built = await buildSlots(components, { manifest });
  });

  it('has the roots of the reference', () => {
    expect(built.slotRoots.map(decodeElement)).toEqual(FIXTURE_SLOT_ROOTS);
    expect(decodeElement(built.verifyRoot)).toBe(FIXTURE_ROOT);
    expect(built.slotBytes).toBe(FIXTURE.blocks * BLOCK);
  });

  it('gives the input of the reference, which satisfies the circuit', async () => {
    const { slotIndex, samples, entropy } = FIXTURE;
    expect(sampleCells(entropy, encodeElement(FIXTURE_SLOT_ROOTS[slotIndex]!), 512, samples)).toEqual(FIXTURE_CELLS);
    const input = await proofInput(components, {
      manifest: built.manifest,
      slotIndex,
      challenge: encodeElement(entropy),
      samples,
    });
    expect(input.slotProof).toEqual(FIXTURE_SLOT_PROOF);
    expect(input.cellData.map((cell) => cell.length)).toEqual([67, 67, 67, 67, 67]);
    expect(publicSignals(input)).toEqual([entropy, FIXTURE_ROOT, BigInt(slotIndex)]);
    const json = proofInputJson(input);
    expect(json.slotProof.length).toBe(8);
    expect(json.merklePaths.map((path) => path.length)).toEqual([32, 32, 32, 32, 32]);
    const witness = await witnessOf(components.compute, json);
    expect(publicPart(witness)).toEqual([1n, entropy, FIXTURE_ROOT, BigInt(slotIndex)]);
  }, 60_000);

  it("has the public signals of the reference's proof (11 §5.5)", async () => {
    const challenge = new Uint8Array(32);
    challenge.set([0x55, 0xed, 0x22, 0x8c, 0x02]);
    const input = await proofInput(components, { manifest: built.manifest, slotIndex: 3, challenge, samples: 5 });
    expect(publicSignals(input)).toEqual([10941033813n, FIXTURE_ROOT, 3n]);
    const accepts = (signals: readonly bigint[]) =>
      verify(components.compute, HARDHAT_VERIFICATION_KEY, REFERENCE_PROOF, signals);
    expect(await accepts(publicSignals(input))).toBe(true);
    expect(await accepts(publicSignals({ ...input, slotIndex: 4 }))).toBe(false);
  });
});

describe('edges that the circuit must accept', () => {
  const shapes = [
    { data: 1, parity: 0, blocks: 1 },
    { data: 1, parity: 0, blocks: 5 },
    { data: 1, parity: 1, blocks: 1 },
    { data: 2, parity: 1, blocks: 2 },
    { data: 3, parity: 2, blocks: 4 },
    { data: 8, parity: 3, blocks: 9 },
    { data: 200, parity: 56, blocks: 200 },
  ];

  it.each(shapes)(
    '$data + $parity slots of $blocks blocks',
    async ({ data, parity, blocks }) => {
      const components = inMemory();
      // Of many blocks most are zeros, which cost nothing.
      const content = new Uint8Array(blocks * BLOCK - 100);
      content.set(streamOf(`edge ${data} ${parity}`, Math.min(content.length, 9 * BLOCK)));
      const manifest = await protect(components, content, { data, parity, blockSize: BLOCK });
      const { manifest: verifiable } = await buildSlots(components, { manifest });
      expect(checkVerifiableManifest(createHasher(), verifiable).slots).toBe(data + parity);
      // Also slots that are nothing but padding.
      for (const slotIndex of new Set([0, data - 1, data + parity - 1])) {
        const question = { manifest: verifiable, slotIndex, challenge: new Uint8Array(32).fill(7), samples: 1 };
        const input = await proofInput(components, question);
        const witness = await witnessOf(components.compute, proofInputJson(input));
        expect(publicPart(witness)).toEqual([1n, ...publicSignals(input)]);
      }
    },
    60_000,
  );
});
