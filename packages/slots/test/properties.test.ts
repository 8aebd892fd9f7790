import { DIGEST_BYTES, datasetRef } from '@codex/content';
import {
  blockDigests,
  createHasher,
  decodeElement,
  encodeElement,
  encodeElements,
  MerkleTree,
  packBytes,
} from '@codex/poseidon2';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { buildSlot, buildSlots, MemorySlotTrees, proofInput, slotLayout } from '../src/index.ts';
import { inMemory, protect, streamOf } from './support/datasets.ts';

const BLOCK = 512;
const hasher = createHasher();

const shapes = fc
  .record({
    data: fc.integer({ min: 1, max: 7 }),
    parity: fc.integer({ min: 0, max: 7 }),
    bytes: fc.integer({ min: 1, max: 40 * BLOCK }),
    zeros: fc.integer({ min: 0, max: 40 * BLOCK }),
    cellSize: fc.constantFrom(512, 128, 64),
    seed: fc.nat(),
  })
  .filter(({ data, parity, bytes }) => parity <= data && Math.ceil(bytes / BLOCK) >= data);

async function makeDataset({ data, parity, bytes, zeros, seed }: typeof shapes extends fc.Arbitrary<infer T> ? T : 0) {
  const components = inMemory();
  const content = streamOf(String(seed), bytes);
  content.fill(0, Math.min(bytes, Math.floor(zeros / 3)), Math.min(bytes, zeros));
  const manifest = await protect(components, content, { data, parity, blockSize: BLOCK });
  return { components, manifest };
}

/** Follows a path with the rule of the circuit; every missing sibling but that of a single node has its place in a full tree. */
function climb(leaf: Uint8Array, index: number, leafCount: number, path: readonly bigint[]): Uint8Array {
  let node = leaf;
  let [at, width, bottom] = [index, leafCount, 1];
  for (const sibling of path.map(encodeElement)) {
    const isLone = at % 2 === 0 && at === width - 1;
    const pair = at % 2 === 1 ? [sibling, node] : [node, sibling];
    node = hasher.compress(Buffer.concat(pair), bottom + (isLone ? 2 : 0));
    [at, width, bottom] = [Math.floor(at / 2), Math.ceil(width / 2), 0];
  }
  return node;
}

describe('any dataset', () => {
  it(
    'has the slots that its blocks make one by one, and its cells lead to its roots',
    () =>
      fc.assert(
        fc.asyncProperty(shapes, fc.integer({ min: 0, max: 255 }), async (shape, byte) => {
          const { components, manifest } = await makeDataset(shape);
          const { cellSize } = shape;
          const built = await buildSlots(components, { manifest, cellSize });
          const layout = slotLayout(manifest, cellSize);
          const { slotBlocks, paddedBlocks, cellsPerBlock, slots } = layout;
          const dataset = (await components.repository.findDataset(manifest.treeCid))!;
          const { leafCount } = datasetRef(manifest);
          const stored = new Uint8Array(slots * slotBlocks * BLOCK);
          await dataset.readInto({ start: 0, count: leafCount }, stored.subarray(0, leafCount * BLOCK));
          for (let slot = 0; slot < slots; slot++) {
            const bytes = new Uint8Array(paddedBlocks * BLOCK);
            bytes.set(stored.subarray(slot * slotBlocks * BLOCK, (slot + 1) * slotBlocks * BLOCK));
            const digests = blockDigests(hasher, bytes, { blockSize: BLOCK, cellSize });
            expect(built.slotRoots[slot]).toEqual(MerkleTree.over(hasher, digests).root);

            const challenge = new Uint8Array(32).fill(byte);
            const question = { manifest: built.manifest, slotIndex: slot, challenge, samples: 3 };
            const input = await proofInput(components, question);
            const seed = Buffer.concat([encodeElement(input.entropy), built.slotRoots[slot]!]);
            for (const [i, cellData] of input.cellData.entries()) {
              const message = Buffer.concat([seed, encodeElement(BigInt(i + 1))]);
              const drawn = decodeElement(hasher.hashElements({ data: message, count: 1 }));
              const index = Number(drawn % BigInt(layout.cellsPerSlot));
              expect(cellData).toEqual(packBytes(bytes.subarray(index * cellSize, (index + 1) * cellSize)));
              const leaf = hasher.hashElements({ data: encodeElements(cellData), count: 1 });
              const path = input.merklePaths[i]!;
              const inBlock = Math.max(1, Math.log2(cellsPerBlock));
              const top = climb(leaf, index % cellsPerBlock, cellsPerBlock, path.slice(0, inBlock));
              const root = climb(top, Math.floor(index / cellsPerBlock), paddedBlocks, path.slice(inBlock));
              expect(root).toEqual(built.slotRoots[slot]);
            }
            expect(climb(built.slotRoots[slot]!, slot, slots, input.slotProof)).toEqual(built.verifyRoot);
          }
          expect(built.verifyRoot.length).toBe(DIGEST_BYTES);
        }),
        { numRuns: 25 },
      ),
    60_000,
  );

  it(
    'gives a host the root of the one who built all slots',
    () =>
      fc.assert(
        fc.asyncProperty(shapes, fc.nat(), async (shape, choice) => {
          const { components, manifest } = await makeDataset(shape);
          const built = await buildSlots(components, { manifest, cellSize: shape.cellSize });
          const slotIndex = choice % built.slotRoots.length;
          const host = { ...components, trees: new MemorySlotTrees() };
          const { root } = await buildSlot(host, { manifest: built.manifest, slotIndex });
          expect(root).toEqual(built.slotRoots[slotIndex]);
          expect(await host.trees.list()).toEqual([root]);
        }),
        { numRuns: 15 },
      ),
    60_000,
  );
});
