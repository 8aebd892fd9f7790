import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { decodeCid, encodeManifest, formatCid, manifestCidOf } from '@codex/content';
import { blockDigests, createHasher, decodeElement, encodeElement, encodeElements } from '@codex/poseidon2';
import { describe, expect, it } from 'vitest';
import {
  buildSlots,
  challengeToElement,
  checkVerifiableManifest,
  proofInput,
  provingRootCid,
  sampleCells,
  slotCellCid,
  slotLayout,
  slotRootCid,
} from '../src/index.ts';
import { inMemory, protect, streamOf } from './support/datasets.ts';

interface VerifiableRow {
  seed: string;
  size: number;
  blockSize: number;
  k: number;
  m: number;
  protectedCid: string;
  verifiable: {
    manifestCid: string;
    manifestBytes: string;
    verifyRoot: string;
    verifyRootCid: string;
    cellSize: number;
    numSlotBlocks: number;
    numSlotCells: number;
    slotBytes: number;
    slots: { root: string; cid: string; blockDigestsLe: string[] }[];
  };
}

interface ProofRow {
  seed: string;
  size: number;
  blockSize: number;
  k: number;
  m: number;
  challenge: string;
  verifiableManifestCid: string;
  input: {
    dataSetRoot: string;
    entropy: string;
    nCellsPerSlot: number;
    nSlotsPerDataSet: number;
    slotIndex: number;
    slotRoot: string;
    slotProof: string[];
    cellDataSha256: string[];
    cellData0: string[];
    merklePaths: string[][];
  };
}

type SamplingRow = { numCells: number; nSamples: number; indices: number[] } & (
  | { entropy: number; slotRoot: number }
  | { challenge: string; entropyDec: string; slotRootDec: string; slotRootLe: string }
);

function vectorsOf<T>(name: string): T[] {
  return JSON.parse(readFileSync(new URL(`./vectors/${name}.json`, import.meta.url), 'utf8')).vectors;
}

/** The other one is 240 blocks, seconds of hashing; `vectors.soak.ts` has it. */
const FAST_BYTES_MAX = 4 * 1024 * 1024;

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');

describe("the reference's verifiable datasets", () => {
  const fast = vectorsOf<VerifiableRow>('verifiable').filter(({ size }) => size <= FAST_BYTES_MAX);
  it.each(fast)('$size bytes at $k + $m', async (row) => {
    const { k: data, m: parity, blockSize, verifiable } = row;
    const { cellSize } = verifiable;
    const components = inMemory();
    const manifest = await protect(components, streamOf(row.seed, row.size), { data, parity, blockSize });
    expect(formatCid(manifestCidOf(encodeManifest(manifest)))).toBe(row.protectedCid);
    const layout = slotLayout(manifest, cellSize);
    expect(layout.paddedBlocks).toBe(verifiable.numSlotBlocks);
    expect(layout.cellsPerSlot).toBe(verifiable.numSlotCells);

    const built = await buildSlots(components, { manifest, cellSize });
    expect(built.slotBytes).toBe(verifiable.slotBytes);
    expect(built.slotRoots.map((root) => String(decodeElement(root)))).toEqual(
      verifiable.slots.map(({ root }) => root),
    );
    expect(built.slotRoots.map((root) => formatCid(slotRootCid(root)))).toEqual(verifiable.slots.map(({ cid }) => cid));
    expect(String(decodeElement(built.verifyRoot))).toBe(verifiable.verifyRoot);
    expect(formatCid(provingRootCid(built.verifyRoot))).toBe(verifiable.verifyRootCid);
    expect(hex(encodeManifest(built.manifest))).toBe(verifiable.manifestBytes);
    expect(formatCid(built.manifestCid)).toBe(verifiable.manifestCid);
    expect(hex((await components.repository.getBlock(built.manifestCid))!)).toBe(verifiable.manifestBytes);
    const checked = checkVerifiableManifest(createHasher(), built.manifest, { blockSize, cellSize });
    expect(checked.slotRoots.map(hex)).toEqual(built.slotRoots.map(hex));

    // What is kept is what the reference has, block by block; zeros stand for what is not kept.
    const zero = hex(blockDigests(createHasher(), new Uint8Array(blockSize), { blockSize, cellSize }));
    for (const [slotIndex, { blockDigestsLe }] of verifiable.slots.entries()) {
      const tree = (await components.trees.open(built.slotRoots[slotIndex]!))!;
      for (const [block, digest] of blockDigestsLe.entries()) {
        // The sibling of a block's neighbour is the block.
        const [kept] = await tree.siblings(block ^ 1);
        if (blockDigestsLe.length > 1) expect(kept ? hex(kept) : zero).toBe(digest);
      }
      await tree.close();
    }
  });
});

describe("the reference's proof inputs", () => {
  it.each(vectorsOf<ProofRow>('proof_inputs'))('$size bytes at $k + $m', async (row) => {
    const { k: data, m: parity, blockSize, input } = row;
    const components = inMemory();
    const manifest = await protect(components, streamOf(row.seed, row.size), { data, parity, blockSize });
    const built = await buildSlots(components, { manifest });
    expect(formatCid(built.manifestCid)).toBe(row.verifiableManifestCid);
    const { slotIndex } = input;
    const challenge = new Uint8Array(Buffer.from(row.challenge, 'hex'));
    const made = await proofInput(components, { manifest: built.manifest, slotIndex, challenge, samples: 5 });
    expect({
      dataSetRoot: String(made.dataSetRoot),
      entropy: String(made.entropy),
      nCellsPerSlot: made.nCellsPerSlot,
      nSlotsPerDataSet: made.nSlotsPerDataSet,
      slotIndex: made.slotIndex,
      slotRoot: String(made.slotRoot),
      slotProof: made.slotProof.map(String),
      cellDataSha256: made.cellData.map((cell) => createHash('sha256').update(encodeElements(cell)).digest('hex')),
      cellData0: made.cellData[0]!.map(String),
      merklePaths: made.merklePaths.map((path) => path.map(String)),
    }).toEqual(input);
  });
});

describe('sampling', () => {
  it.each(vectorsOf<SamplingRow>('sampling'))('picks the cells that the reference picks of $numCells', (row) => {
    const entropy = 'challenge' in row ? challengeToElement(Buffer.from(row.challenge, 'hex')) : BigInt(row.entropy);
    const root = encodeElement(BigInt('challenge' in row ? row.slotRootDec : row.slotRoot));
    if ('challenge' in row) {
      expect(String(entropy)).toBe(row.entropyDec);
      expect(hex(root)).toBe(row.slotRootLe);
    }
    expect(sampleCells(entropy, root, row.numCells, row.nSamples)).toEqual(row.indices);
  });

  it('drops the last byte of a challenge', () => {
    const challenge = new Uint8Array(32).fill(0xff);
    expect(challengeToElement(challenge)).toBe((1n << 248n) - 1n);
    expect(challengeToElement(Buffer.from('55ed228c02'.padEnd(64, '0'), 'hex'))).toBe(10941033813n);
  });

  it.each([0, 1.5, 128, Number.NaN])('refuses %s samples', (samples) => {
    expect(() => sampleCells(1n, encodeElement(1n), 512, samples)).toThrow(
      expect.objectContaining({ code: 'SLOT_INPUT_INVALID' }),
    );
  });

  it.each([0, 3, 48, -2, 0.5])('refuses slots of %s cells', (cells) => {
    expect(() => sampleCells(1n, encodeElement(1n), cells, 5)).toThrow(
      expect.objectContaining({ code: 'SLOT_INPUT_INVALID' }),
    );
  });

  it.each([0, 31, 33])('refuses challenges of %s bytes', (bytes) => {
    expect(() => challengeToElement(new Uint8Array(bytes))).toThrow(
      expect.objectContaining({ code: 'SLOT_INPUT_INVALID' }),
    );
  });
});

describe('ids', () => {
  it('are those of 11 §3.1', () => {
    const root = encodeElement(20744935707483803411869804102043283881376973626291244537230284476834672019997n);
    expect(hex(slotRootCid(root).bytes)).toBe(
      '01849a0300201d0aec9230711c919c45bd259287e72cf8467ac5c86317061f0cd837af37dd2d',
    );
    expect(formatCid(slotRootCid(root))).toBe('zE2PfUHWCDhrhbZMBz22qpEB3CjtKx9VxhKbpvALuaGbR6tcwDtp');
    expect(formatCid(slotCellCid(root))).toBe('z5Q2wLtjGk4uGKHKyMRrTYkp6z2wUb54oxdYGjrdwt8YeVNVAtKx86x');
    const dataset = encodeElement(16074246370508166450132968585287196391860062495017081813239200574579640171677n);
    expect(formatCid(provingRootCid(dataset))).toBe('zE4LQeWxNkUjSX9hLMp4NktZ9m2AUgw3uj949iTEiKPqSC98VBjg');
    expect(decodeCid(slotRootCid(root).bytes).equals(slotRootCid(root))).toBe(true);
    expect(() => slotRootCid(new Uint8Array(32).fill(0xff))).toThrow();
  });
});
