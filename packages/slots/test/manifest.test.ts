import { decodeManifest, encodeManifest, type Manifest, treeCid, type Verification } from '@codex/content';
import { createHasher, encodeElement, R } from '@codex/poseidon2';
import { beforeAll, describe, expect, it } from 'vitest';
import {
  buildSlot,
  buildSlots,
  checkVerifiableManifest,
  NETWORK_SHAPE,
  proofInput,
  provingRootCid,
  type SlotComponents,
  slotCellCid,
  slotLayout,
  slotLeaves,
  slotRootCid,
} from '../src/index.ts';
import { inMemory, protect, streamOf } from './support/datasets.ts';

const hasher = createHasher();
const SHAPE = { blockSize: 1024, cellSize: 256 };
let components: SlotComponents;
let plain: Manifest;
let good: Manifest;

beforeAll(async () => {
  components = inMemory();
  plain = await protect(components, streamOf('manifest', 7000), { data: 3, parity: 2, blockSize: SHAPE.blockSize });
  good = (await buildSlots(components, { manifest: plain, cellSize: SHAPE.cellSize })).manifest;
});

function withVerification(change: (verification: Verification) => Partial<Verification>): Manifest {
  const { protection } = good;
  const verification = protection!.verification!;
  return {
    ...good,
    protection: { ...protection!, verification: { ...verification, ...change(verification) } },
  };
}

const refused = (reason: RegExp) =>
  expect.objectContaining({ code: 'SLOTS_MANIFEST_INVALID', message: expect.stringMatching(reason) });

describe('a verifiable manifest', () => {
  it('is accepted as it was made, also from its bytes', () => {
    const { slots, slotBlocks, paddedBlocks, slotBytes } = checkVerifiableManifest(hasher, good, SHAPE);
    expect({ slots, slotBlocks, paddedBlocks, slotBytes }).toEqual({
      slots: 5,
      slotBlocks: 3,
      paddedBlocks: 4,
      slotBytes: 4096,
    });
    checkVerifiableManifest(hasher, decodeManifest(encodeManifest(good)), SHAPE);
  });

  it('must have blocks and cells that the network proves', () => {
    expect(() => checkVerifiableManifest(hasher, good)).toThrow(refused(/size/));
    expect(NETWORK_SHAPE).toEqual({ blockSize: 65536, cellSize: 2048 });
    expect(() => checkVerifiableManifest(hasher, good, { ...SHAPE, cellSize: 512 })).toThrow(refused(/size/));
  });

  const root = (number: number) => slotRootCid(encodeElement(BigInt(number))).bytes;
  const notCanonical = () => {
    const bytes = Uint8Array.from(root(1));
    let value = R + 1n;
    for (let i = bytes.length - 32; i < bytes.length; i++, value >>= 8n) bytes[i] = Number(value & 0xffn);
    return bytes;
  };
  const cases: [string, (verification: Verification) => Partial<Verification>, RegExp][] = [
    ['another slot root', ({ slotRoots }) => ({ slotRoots: slotRoots.with(2, root(5)) }), /verify root/],
    ['slot roots in another order', ({ slotRoots }) => ({ slotRoots: slotRoots.toReversed() }), /verify root/],
    ['another verify root', () => ({ verifyRoot: provingRootCid(encodeElement(1n)).bytes }), /verify root/],
    ['a slot root too few', ({ slotRoots }) => ({ slotRoots: slotRoots.slice(1) }), /one root for each/],
    ['a slot root too many', ({ slotRoots }) => ({ slotRoots: [...slotRoots, root(1)] }), /one root for each/],
    ['no slot roots', () => ({ slotRoots: [] }), /one root for each/],
    ['the stepped strategy', () => ({ strategy: 1 }), /linear/],
    ['an unknown strategy', () => ({ strategy: 2 }), /linear/],
    ['cells that do not divide blocks', () => ({ cellSize: 300 }), /whole cells/],
    ['cells without bytes', () => ({ cellSize: 0 }), /whole cells/],
    ['cells of 16 bytes', () => ({ cellSize: 16 }), /too small/],
    ['cells larger than blocks', () => ({ cellSize: 2048 }), /whole cells/],
    ['a root that is no element', ({ slotRoots }) => ({ slotRoots: slotRoots.with(0, notCanonical()) }), /malformed/],
    ['a root of another kind', ({ verifyRoot, slotRoots }) => ({ slotRoots: slotRoots.with(0, verifyRoot) }), /malf/],
    ['a verify root of another kind', ({ slotRoots }) => ({ verifyRoot: slotRoots[0]! }), /malformed/],
    ['a digest for a root', () => ({ verifyRoot: slotCellCid(encodeElement(1n)).bytes }), /malformed/],
    ['no id', () => ({ verifyRoot: new Uint8Array(0) }), /malformed/],
    ['a longer id', ({ verifyRoot }) => ({ verifyRoot: Uint8Array.from([...verifyRoot, 0]) }), /malformed/],
  ];
  it.each(cases)('is refused with %s', async (_, change, reason) => {
    const manifest = withVerification(change);
    expect(() => checkVerifiableManifest(hasher, manifest, SHAPE)).toThrow(refused(reason));
    const slot = { manifest, slotIndex: 0 };
    await expect(buildSlot(components, slot)).rejects.toEqual(refused(reason));
    const question = { ...slot, challenge: new Uint8Array(32), samples: 5 };
    await expect(proofInput(components, question)).rejects.toEqual(refused(reason));
  });

  it('is needed to host a slot', async () => {
    await expect(buildSlot(components, { manifest: plain, slotIndex: 0 })).rejects.toEqual(refused(/not verifiable/));
  });
});

describe('a layout', () => {
  const manifest = (protection: Partial<Manifest['protection'] & object>, extra: Partial<Manifest> = {}): Manifest => ({
    treeCid: treeCid(new Uint8Array(32)),
    blockSize: 65536,
    datasetSize: 65536 * 6,
    ...extra,
    protection: {
      ecK: 2,
      ecM: 1,
      originalTreeCid: treeCid(new Uint8Array(32)),
      originalDatasetSize: 65536 * 3 + 1,
      strategy: 1,
      ...protection,
    },
  });

  it('pads slots at their ends', () => {
    const layout = slotLayout(manifest({}));
    expect(layout).toEqual({
      shape: { blockSize: 65536, cellSize: 2048 },
      cellsPerBlock: 32,
      slots: 3,
      slotBlocks: 2,
      paddedBlocks: 2,
      cellsPerSlot: 64,
      slotBytes: 131072,
    });
  });

  it('knows which leaves are padding', () => {
    const three = manifest({ ecK: 3, ecM: 1, originalDatasetSize: 65536 * 4 }, { datasetSize: 65536 * 8 });
    const layout = slotLayout(three);
    expect([0, 1, 2, 3].map((slot) => slotLeaves(three, layout, slot))).toEqual([
      { start: 0, count: 2 },
      { start: 2, count: 2 },
      { start: 4, count: 0 },
      { start: 6, count: 2 },
    ]);
    for (const slot of [-1, 4, 0.5, Number.NaN]) {
      expect(() => slotLeaves(three, layout, slot)).toThrow(expect.objectContaining({ code: 'SLOT_INPUT_INVALID' }));
    }
  });

  it.each<[string, Manifest, RegExp]>([
    ['a plain dataset', { treeCid: treeCid(new Uint8Array(32)), blockSize: 1, datasetSize: 1 }, /not protected/],
    ['linear rows', manifest({ strategy: 0 }), /stepped/],
    ['257 slots', manifest({ ecK: 200, ecM: 57 }), /256/],
    ['no rows', manifest({ ecK: 0, ecM: 3 }), /no rows/],
    ['contradicting sizes', manifest({}, { datasetSize: 65536 * 7 }), /contradict/],
    ['a cell count that is no power of two', manifest({}, { blockSize: 3 * 2048 }), /power of two/],
  ])('is refused of %s', (_, made, reason) => {
    expect(() => slotLayout(made)).toThrow(refused(reason));
  });

  it('goes up to slots of 8 TiB', () => {
    const largest = { originalDatasetSize: 65536 * 2 ** 27, ecK: 1, ecM: 0 };
    expect(slotLayout(manifest(largest, { datasetSize: 65536 * 2 ** 27 })).cellsPerSlot).toBe(2 ** 32);
    const larger = { ...largest, originalDatasetSize: 65536 * (2 ** 27 + 1) };
    expect(() => slotLayout(manifest(larger, { datasetSize: 65536 * (2 ** 27 + 1) }))).toThrow(refused(/too large/));
  });
});
