import { type Compute, InlineCompute, WorkerPool } from '@codex/compute';
import { type Dataset, datasetRef, type Manifest, manifestCidOf, type Repository } from '@codex/content';
import { decodeElement } from '@codex/poseidon2';
import { MemoryRepository } from '@codex/store';
import { describe, expect, it } from 'vitest';
import {
  type BuiltSlots,
  buildSlot,
  buildSlots,
  DiskSlotTrees,
  MemorySlotTrees,
  proofInput,
  proofInputJson,
  type SlotComponents,
  type SlotFs,
  slotLayout,
} from '../src/index.ts';
import { planOf } from '../src/tree/format.ts';
import { nodeSlotFs } from '../src/tree/slot-fs.ts';
import { workshopOf } from '../src/workshop.ts';
import { inMemory, manifestOf, protect, streamOf } from './support/datasets.ts';
import { withDirectory } from './support/directory.ts';

const BLOCK = 1024;
const CELL = 256;
const CHALLENGE = new Uint8Array(32).fill(3);

async function makeBuilt(
  components: SlotComponents,
  { data = 3, parity = 2, size = 20 * BLOCK, blockSize = BLOCK } = {},
): Promise<BuiltSlots & { readonly plain: Manifest }> {
  const plain = await protect(components, streamOf('build', size), { data, parity, blockSize });
  return { ...(await buildSlots(components, { manifest: plain, cellSize: CELL })), plain };
}

/** Counts the jobs of each kind. */
function counting(): { compute: Compute; jobs: Map<string, number> } {
  const inline = new InlineCompute();
  const jobs = new Map<string, number>();
  const compute: Compute = {
    threads: 0,
    start: () => {},
    stop: () => {},
    run: (job, input, options) => {
      jobs.set(job.name, (jobs.get(job.name) ?? 0) + 1);
      return inline.run(job, input, options);
    },
  };
  return { compute, jobs };
}

/** A repository with other bytes at one leaf, as no honest one has. */
function lying(repository: Repository, wrong: { leaf: number; byte: number }): Repository {
  return new Proxy(repository, {
    get(target, name) {
      if (name !== 'openDataset') return Reflect.get(target, name).bind(target);
      return async (ref: Dataset['ref']) => {
        const dataset = await target.openDataset(ref);
        const readInto: Dataset['readInto'] = async (range, bytes, options) => {
          const missing = await dataset.readInto(range, bytes, options);
          const at = (wrong.leaf - range.start) * ref.blockSize + wrong.byte;
          if (wrong.leaf >= range.start && wrong.leaf < range.start + range.count) bytes[at] = bytes[at]! ^ 0x10;
          return missing;
        };
        return new Proxy(dataset, {
          get: (inner, member) => {
            if (member === 'readInto') return readInto;
            const value = Reflect.get(inner, member, inner);
            return typeof value === 'function' ? value.bind(inner) : value;
          },
        });
      };
    },
  });
}

describe('building slots', () => {
  it('stores a verifiable manifest beside the protected one', async () => {
    const components = inMemory();
    const { manifestCid, manifest, plain } = await makeBuilt(components);
    expect(await manifestOf(components.repository, manifestCid)).toEqual(manifest);
    const { repository } = components;
    const kinds: string[] = [];
    for await (const { manifest: stored } of repository.manifests()) {
      kinds.push(!stored.protection ? 'plain' : stored.protection.verification ? 'verifiable' : 'protected');
    }
    expect(kinds.sort()).toEqual(['plain', 'protected', 'verifiable']);
    // It keeps the dataset when the others go.
    for await (const { cid } of repository.manifests()) if (!cid.equals(manifestCid)) await repository.delete(cid);
    const dataset = (await repository.findDataset(plain.treeCid))!;
    expect([...dataset.missing()]).toEqual([]);
  });

  it('tells how far it is', async () => {
    const components = inMemory();
    const manifest = await protect(components, streamOf('p', 70 * BLOCK), { data: 4, parity: 2, blockSize: BLOCK });
    const seen: number[] = [];
    const totals = new Set<number>();
    await buildSlots(
      components,
      { manifest, cellSize: CELL },
      {
        onProgress: ({ phase, doneBytes, totalBytes }) => {
          expect(phase).toBe('slots');
          seen.push(doneBytes);
          totals.add(totalBytes);
        },
      },
    );
    // 70 blocks of data; 18 columns of two parity blocks. Padding is nothing to wait for.
    expect([...totals]).toEqual([(70 + 36) * BLOCK]);
    expect(seen.at(-1)).toBe((70 + 36) * BLOCK);
    expect(seen).toEqual(seen.toSorted((a, b) => a - b));
  });

  it('does not hash twice', async () => {
    const { compute, jobs } = counting();
    const components = { ...inMemory(), compute };
    const first = await makeBuilt(components);
    jobs.clear();
    const second = await buildSlots(components, { manifest: first.plain, cellSize: CELL });
    expect(second.manifestCid.equals(first.manifestCid)).toBe(true);
    expect([...jobs.keys()]).toEqual(['proveSlot']);
  });

  it('does not hash zeros', async () => {
    const { compute, jobs } = counting();
    const components = { ...inMemory(), compute };
    const content = new Uint8Array(64 * BLOCK);
    content[40 * BLOCK] = 1;
    const manifest = await protect(components, content, { data: 4, parity: 1, blockSize: BLOCK });
    jobs.clear();
    const { slotRoots } = await buildSlots(components, { manifest, cellSize: CELL });
    // The block that is not zero, and its parity.
    expect(jobs.get('digestCells')).toBe(2);
    expect(slotRoots[0]).toEqual(slotRoots[1]);
    expect(slotRoots[2]).toEqual(slotRoots[4]);
    expect(slotRoots[0]).not.toEqual(slotRoots[2]);
  });

  it('needs every block', async () => {
    const source = inMemory();
    const { manifest, plain } = await makeBuilt(source);
    const dataset = (await source.repository.findDataset(plain.treeCid))!;
    const ref = datasetRef(plain);
    const target = { ...inMemory(), trees: new MemorySlotTrees() };
    const copy = await target.repository.openDataset(ref);
    await copy.learn(await dataset.prove({ start: 0, count: ref.leafCount }));
    const put = async (start: number, count: number) => {
      const bytes = new Uint8Array(count * BLOCK);
      await dataset.readInto({ start, count }, bytes);
      const blocks = Array.from({ length: count }, (_, i) => bytes.subarray(i * BLOCK, (i + 1) * BLOCK));
      await copy.putLeaves(start, blocks);
    };
    // Slot 1 has leaves 7 to 13.
    await put(7, 4);
    await put(12, 2);
    const input = { manifest, slotIndex: 1 };
    const missing = expect.objectContaining({ code: 'BLOCK_NOT_FOUND', data: { index: 11 } });
    await expect(buildSlot(target, input)).rejects.toEqual(missing);
    expect(await target.trees.list()).toEqual([]);
    await put(11, 1);
    const { root } = await buildSlot(target, input);
    expect(await target.trees.list()).toEqual([root]);
    // A host has no other slot.
    await expect(buildSlots(target, { manifest: plain, cellSize: CELL })).rejects.toMatchObject({
      code: 'BLOCK_NOT_FOUND',
    });
  });

  it('goes on after an abort', async () => {
    const components = inMemory();
    const manifest = await protect(components, streamOf('a', 60 * BLOCK), { data: 8, parity: 4, blockSize: BLOCK });
    const abort = new AbortController();
    let events = 0;
    const onProgress = () => {
      if (++events === 5) abort.abort(new Error('enough'));
    };
    const input = { manifest, cellSize: CELL };
    await expect(buildSlots(components, input, { signal: abort.signal, onProgress })).rejects.toThrow('enough');
    const kept = (await components.trees.list()).length;
    expect(kept).toBeGreaterThan(0);
    expect(kept).toBeLessThan(12);
    expect(workshopOf(components.compute).slabs.inUse).toBe(0);
    const built = await buildSlots(components, input);
    expect((await components.trees.list()).length).toBe(12);
    const fresh = await buildSlots({ ...components, trees: new MemorySlotTrees() }, input);
    expect(built.manifestCid.equals(fresh.manifestCid)).toBe(true);
    await expect(buildSlots(components, input, { signal: abort.signal })).rejects.toThrow('enough');
  });

  it('shares its memory among all that is built at a time', async () => {
    const components = inMemory();
    const manifests = await Promise.all(
      ['a', 'b', 'c', 'd'].map((seed) =>
        protect(components, streamOf(seed, 40 * BLOCK), { data: 3, parity: 2, blockSize: BLOCK }),
      ),
    );
    const { slabs } = workshopOf(components.compute);
    let most = 0;
    const onProgress = () => {
      most = Math.max(most, slabs.allocated);
    };
    await Promise.all(
      manifests.map((manifest) => buildSlots(components, { manifest, cellSize: CELL }, { onProgress })),
    );
    expect(most).toBeGreaterThan(0);
    expect(most).toBeLessThanOrEqual(slabs.limit);
    expect(slabs.inUse).toBe(0);
  });

  it('grows tall trees layer by layer', async () => {
    const components = inMemory();
    // 1100 blocks: more than one job grows at a time.
    const plain = await protect(components, streamOf('tall', 1100 * 64), { data: 1, parity: 0, blockSize: 64 });
    const { slotRoots, manifest } = await buildSlots(components, { manifest: plain, cellSize: 64 });
    const { paddedBlocks } = slotLayout(plain, 64);
    expect(paddedBlocks).toBe(2048);
    const input = await proofInput(components, { manifest, slotIndex: 0, challenge: CHALLENGE, samples: 100 });
    expect(new Set(input.merklePaths.map(({ length }) => length))).toEqual(new Set([1 + 11]));
    expect(input.slotRoot).toBe(decodeElement(slotRoots[0]!));
  });

  it('gives threads the same work', async () => {
    const compute = new WorkerPool({}, { threads: 2 });
    try {
      const components = inMemory();
      const { manifest: plain, slotRoots } = await makeBuilt(components, { size: 300 * BLOCK });
      const pooled = { ...components, compute, trees: new MemorySlotTrees() };
      const again = await buildSlots(pooled, { manifest: plain, cellSize: CELL });
      expect(again.slotRoots).toEqual(slotRoots);
      const question = { manifest: again.manifest, slotIndex: 2, challenge: CHALLENGE, samples: 20 };
      expect(await proofInput(pooled, question)).toEqual(await proofInput(components, question));
    } finally {
      await compute.stop();
    }
  });
});

describe('hosting a slot', () => {
  it('refuses blocks that are not those of the root', async () => {
    const components = inMemory();
    const { manifest } = await makeBuilt(components);
    const trees = new MemorySlotTrees();
    const repository = lying(components.repository, { leaf: 8, byte: 700 });
    const host = { ...components, repository, trees };
    await expect(buildSlot(host, { manifest, slotIndex: 1 })).rejects.toMatchObject({
      code: 'SLOT_ROOT_MISMATCH',
      data: { slotIndex: 1 },
    });
    expect(await trees.list()).toEqual([]);
    await buildSlot(host, { manifest, slotIndex: 0 });
  });

  it('keeps the tree until it is purged, and builds it again for a proof', async () => {
    const { compute, jobs } = counting();
    const components = { ...inMemory(), compute };
    const { manifest, slotRoots } = await makeBuilt(components);
    const question = { manifest, slotIndex: 4, challenge: CHALLENGE, samples: 5 };
    jobs.clear();
    const input = await proofInput(components, question);
    expect(jobs.get('digestCells')).toBeUndefined();
    expect(jobs.get('proveCell')).toBe(5);
    expect(await components.trees.delete(slotRoots[4]!)).toBe(true);
    expect(await components.trees.open(slotRoots[4]!)).toBeUndefined();
    expect(await proofInput(components, question)).toEqual(input);
    expect(jobs.get('digestCells')).toBeGreaterThan(0);
  });

  it.each([-1, 5, 1.5, Number.NaN])('has no slot %s', async (slotIndex) => {
    const components = inMemory();
    const { manifest } = await makeBuilt(components);
    const refused = { code: 'SLOT_INPUT_INVALID' };
    await expect(buildSlot(components, { manifest, slotIndex })).rejects.toMatchObject(refused);
    const question = { manifest, slotIndex, challenge: CHALLENGE, samples: 5 };
    await expect(proofInput(components, question)).rejects.toMatchObject(refused);
  });
});

describe('a proof input', () => {
  it('has no cell that was changed', async () => {
    const components = inMemory();
    const { manifest, plain } = await makeBuilt(components);
    const { slotBlocks } = slotLayout(plain, CELL);
    const question = { manifest, slotIndex: 1, challenge: CHALLENGE, samples: 127 };
    for (const byte of [0, 255, 256, 1023]) {
      const repository = lying(components.repository, { leaf: slotBlocks + 2, byte });
      const index = 2 * (BLOCK / CELL) + Math.floor(byte / CELL);
      await expect(proofInput({ ...components, repository }, question)).rejects.toMatchObject({
        code: 'SLOT_CELL_CORRUPT',
        data: { slotIndex: 1, index, leaf: slotBlocks + 2 },
      });
      await proofInput({ ...components, repository }, { ...question, slotIndex: 0 });
    }
  });

  it('has no block that is not held', async () => {
    const components = inMemory();
    const { manifest, plain } = await makeBuilt(components);
    // Trees are kept, blocks are gone.
    const elsewhere = { ...components, repository: new MemoryRepository() };
    const question = { manifest, slotIndex: 1, challenge: CHALLENGE, samples: 5 };
    await expect(proofInput(elsewhere, question)).rejects.toMatchObject({ code: 'BLOCK_NOT_FOUND' });
    const index = (await proofInput(elsewhere, question).catch((error) => error)).data.index;
    const { slotBlocks } = slotLayout(plain, CELL);
    expect(Math.floor(index / slotBlocks)).toBe(1);
  });

  it.each(['cells', 'blocks', 'layers'])('mends a tree whose %s rotted', (section) =>
    withDirectory(async (directory) => {
      let damage: ((target: Uint8Array, position: number) => void) | undefined;
      const fs: SlotFs = {
        ...nodeSlotFs,
        async open(path, mode) {
          const file = await nodeSlotFs.open(path, mode);
          if (mode === 'create') return file;
          const hurt = damage;
          damage = undefined;
          return {
            ...file,
            async read(target, position) {
              const bytes = await file.read(target, position);
              hurt?.(target, position);
              return bytes;
            },
          };
        },
      };
      const components = inMemory(new DiskSlotTrees({ fs }, { directory }));
      const { manifest } = await makeBuilt(components);
      const question = { manifest, slotIndex: 0, challenge: CHALLENGE, samples: 60 };
      const input = await proofInput(components, question);
      const plan = planOf({ shape: { blockSize: BLOCK, cellSize: CELL }, blocks: 7, paddedBlocks: 8 });
      const [from, to] = {
        cells: [plan.cellsAt(0), plan.cellsAt(7)],
        blocks: [plan.nodeAt(0, 0), plan.nodeAt(1, 0)],
        layers: [plan.nodeAt(1, 0), plan.fileBytes],
      }[section]!;
      for (const byte of [0x01, 0xff]) {
        damage = (target, position) => {
          // 0xff makes what is no element at all.
          if (position >= from! && position < to!) target.fill(byte, 0, 32);
        };
        expect(await proofInput(components, question)).toEqual(input);
        expect(damage).toBeUndefined();
      }
    }),
  );

  it('is not cut to fit a circuit', async () => {
    const components = inMemory();
    const { manifest } = await makeBuilt(components);
    const question = { manifest, slotIndex: 0, challenge: CHALLENGE, samples: 1 };
    const input = await proofInput(components, question);
    expect(proofInputJson(input, { maxDepth: 5, maxLog2NSlots: 3 }).merklePaths[0]!.length).toBe(5);
    for (const lengths of [
      { maxDepth: 4, maxLog2NSlots: 3 },
      { maxDepth: 5, maxLog2NSlots: 2 },
    ]) {
      expect(() => proofInputJson(input, lengths)).toThrow(expect.objectContaining({ code: 'SLOT_INPUT_INVALID' }));
    }
  });

  it.each([
    { challenge: new Uint8Array(31), samples: 5 },
    { challenge: CHALLENGE, samples: 0 },
    { challenge: CHALLENGE, samples: 128 },
  ])('needs a challenge and a number of samples', async (wrong) => {
    const components = inMemory();
    const { manifest, manifestCid } = await makeBuilt(components);
    await expect(proofInput(components, { manifest, slotIndex: 0, ...wrong })).rejects.toMatchObject({
      code: 'SLOT_INPUT_INVALID',
    });
    expect(manifestCidOf((await components.repository.getBlock(manifestCid))!).equals(manifestCid)).toBe(true);
  });

  it('can be aborted', async () => {
    const components = inMemory();
    const { manifest } = await makeBuilt(components);
    const question = { manifest, slotIndex: 0, challenge: CHALLENGE, samples: 50 };
    await expect(proofInput(components, question, { signal: AbortSignal.abort() })).rejects.toThrow();
    const abort = new AbortController();
    const asked = proofInput(components, question, { signal: abort.signal });
    abort.abort(new Error('no more'));
    await expect(asked).rejects.toThrow('no more');
    expect(workshopOf(components.compute).slabs.inUse).toBe(0);
  });
});
