import { encodeManifest, formatCid, MAX_BLOCK_SIZE_BYTES, type Manifest, manifestCidOf, treeCid } from '@codex/content';
import { describe, expect, it } from 'vitest';
import { type ErasureProgress, protectDataset, repairDataset, restoreDataset } from '../../src/index.ts';
import { bytesOf, contentOf, inMemory, makeProtected, manifestOf, upload } from './setup.ts';

async function manifestsOf({ repository }: ReturnType<typeof inMemory>): Promise<string[]> {
  const cids: string[] = [];
  for await (const { cid } of repository.manifests()) cids.push(formatCid(cid));
  return cids;
}

describe('protecting', () => {
  it('keeps name and type, and shares the original blocks', async () => {
    const components = inMemory();
    const { repository } = components;
    const plain = await upload(repository, bytesOf(1, 640), 64, { filename: 'a.txt', mimetype: 'text/plain' });
    const before = repository.usage().totalBlocks;
    const cid = await protectDataset(components, { manifest: plain, data: 4, parity: 2 });
    expect(await manifestOf(repository, cid)).toMatchObject({ filename: 'a.txt', mimetype: 'text/plain' });
    // 3 columns: 6 parity blocks, and a manifest.
    expect(repository.usage().totalBlocks).toBe(before + 7);
    await repository.delete(plain);
    const manifest = await manifestOf(repository, cid);
    const { dataset } = await restoreDataset(components, { manifest });
    expect((await contentOf(dataset, 640)).equals(bytesOf(1, 640))).toBe(true);
    await repository.delete(cid);
    expect(repository.usage().totalBlocks).toBe(0);
  });

  it('stores only the manifest that its caller describes, who may read the leaves', async () => {
    const components = inMemory();
    const plain = await upload(components.repository, bytesOf(2, 640), 64);
    let read = 0;
    const cid = await protectDataset(components, {
      manifest: plain,
      data: 5,
      parity: 2,
      describe: async (manifest, leaves) => {
        for await (const batch of leaves.read({ start: 0, count: 14 })) {
          read += batch.count;
          batch.release();
        }
        return { ...manifest, filename: 'described' };
      },
    });
    expect(read).toBe(14);
    expect((await manifestsOf(components)).sort()).toEqual([plain, cid].map(formatCid).sort());
    expect((await manifestOf(components.repository, cid)).filename).toBe('described');
  });

  it('tells of its progress, is cancelled at once and goes on where it was', async () => {
    const components = inMemory();
    const { repository } = components;
    const content = bytesOf(3, 1200 * 64);
    const plain = await upload(repository, content, 64);
    const input = { manifest: plain, data: 3, parity: 2 };
    const cancel = new AbortController();
    const seen: ErasureProgress[] = [];
    const cancelled = protectDataset(components, input, {
      signal: cancel.signal,
      onProgress: (progress) => {
        seen.push(progress);
        cancel.abort(new Error('enough'));
      },
    });
    await expect(cancelled).rejects.toThrow('enough');
    expect(seen[0]).toEqual({ phase: 'encode', done: 256, total: 400 });
    expect(components.memory.usedBytes).toBe(0);
    const partial = repository.usage().totalBlocks;
    expect(partial).toBeGreaterThan(1201);

    let coded = 0;
    const { compute } = components;
    const counting = Object.assign(Object.create(compute) as typeof compute, {
      run: ((job, data, options) => {
        if (job.name === 'encodeStretch') coded++;
        return compute.run(job, data, options);
      }) as typeof compute.run,
    });
    const cid = await protectDataset({ ...components, compute: counting }, input);
    expect(coded).toBe(1);
    expect(formatCid(cid)).toBe(formatCid((await makeProtected({ blocks: 1200, data: 3, parity: 2, seed: 3 })).cid));
  });

  it('leaves nothing behind when a block is missing, or there is no room', async () => {
    const components = inMemory();
    const { repository } = components;
    const plain = await upload(repository, bytesOf(4, 640), 64);
    const usage = { ...repository.usage() };
    const manifest = await manifestOf(repository, plain);
    const other = { ...manifest, treeCid: treeCid(bytesOf(5, 32)) };
    await expect(protectDataset(components, { manifest: other, data: 2, parity: 1 })).rejects.toMatchObject({
      code: 'ERASURE_BLOCK_MISSING',
    });
    await repository.reserve(Number.MAX_SAFE_INTEGER - usage.quotaUsedBytes - 200);
    await expect(protectDataset(components, { manifest: plain, data: 2, parity: 1 })).rejects.toMatchObject({
      code: 'QUOTA_EXCEEDED',
    });
    expect(repository.usage()).toMatchObject({ totalBlocks: usage.totalBlocks, quotaUsedBytes: usage.quotaUsedBytes });
  });
});

describe('parameters and manifests that are refused', () => {
  const parameters = { code: 'ERASURE_PARAMETERS_INVALID' };

  it.each([
    [0, 1, parameters],
    [2, 3, parameters],
    [2, -1, parameters],
    [1.5, 1, parameters],
    [65_000, 600, parameters],
    [11, 2, { code: 'ERASURE_DATASET_TOO_SMALL', data: { blocks: 10, data: 11, minSize: 11 * 64 } }],
  ])('a plain dataset of 10 blocks at %d + %d', async (data, parity, error) => {
    const components = inMemory();
    const plain = await upload(components.repository, bytesOf(1, 640), 64);
    await expect(protectDataset(components, { manifest: plain, data, parity })).rejects.toMatchObject(error);
    expect(await manifestsOf(components)).toEqual([formatCid(plain)]);
  });

  it('blocks of odd sizes, and what is protected already', async () => {
    const components = inMemory();
    const odd = await upload(components.repository, bytesOf(1, 1000), 100);
    await expect(protectDataset(components, { manifest: odd, data: 2, parity: 1 })).rejects.toMatchObject(parameters);
    const { source, cid } = await makeProtected({ blocks: 10, data: 2, parity: 1 });
    await expect(protectDataset(source, { manifest: cid, data: 2, parity: 1 })).rejects.toMatchObject({
      code: 'ERASURE_MANIFEST_UNSUITABLE',
    });
  });

  it.each([restoreDataset, repairDataset])('foreign manifests, by %o', async (work) => {
    const components = inMemory();
    const { manifest, plain, source } = await makeProtected({ blocks: 10, data: 2, parity: 1 });
    const protection = manifest.protection!;
    const wide = 300 * MAX_BLOCK_SIZE_BYTES;
    const foreign: [Manifest, string][] = [
      [{ ...manifest, protection: { ...protection, strategy: 0 } }, 'ERASURE_MANIFEST_UNSUITABLE'],
      [{ ...manifest, protection: { ...protection, ecM: 2 } }, 'ERASURE_MANIFEST_UNSUITABLE'],
      [{ ...manifest, protection: { ...protection, ecK: 0 } }, 'ERASURE_PARAMETERS_INVALID'],
      [{ ...manifest, protection: { ...protection, ecM: 3 } }, 'ERASURE_PARAMETERS_INVALID'],
      [{ ...manifest, protection: { ...protection, ecK: 65_536 } }, 'ERASURE_PARAMETERS_INVALID'],
      [{ ...manifest, blockSize: 32 }, 'ERASURE_PARAMETERS_INVALID'],
      [
        {
          ...manifest,
          blockSize: MAX_BLOCK_SIZE_BYTES,
          datasetSize: wide,
          protection: { ...protection, ecK: 200, ecM: 100, originalDatasetSize: (wide / 3) * 2 },
        },
        'ERASURE_PARAMETERS_INVALID',
      ],
    ];
    for (const [bad, code] of foreign)
      await expect(work(components, { manifest: bad })).rejects.toMatchObject({ code });
    await expect(work(source, { manifest: plain })).rejects.toMatchObject({ code: 'ERASURE_MANIFEST_UNSUITABLE' });
    const unknown = manifestCidOf(encodeManifest(manifest));
    await expect(work(components, { manifest: unknown })).rejects.toMatchObject({
      code: 'ERASURE_MANIFEST_MISSING',
      data: { cid: formatCid(unknown) },
    });
    expect(components.repository.usage().totalBlocks).toBe(0);
  });
});
