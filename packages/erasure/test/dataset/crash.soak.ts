import { spawn } from 'node:child_process';
import { cp, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { InlineCompute } from '@codex/compute';
import {
  type Dataset,
  datasetRef,
  formatCid,
  type ManifestCid,
  nodeAt,
  originalManifest,
  sha256,
} from '@codex/content';
import { seededRandom } from '@codex/runtime';
import type { DiskRepository } from '@codex/store';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { GroupMemory } from '../../src/index.ts';
import { CODE, type Operation, openDisk, REBUILT_ROW } from './crash-child.ts';
import { contentOf, makeProtected, type Protected, upload, withLosses } from './setup.ts';

const KILLS = process.env.SOAK === 'short' ? 3 : 30;
const SEED = Number(process.env.SEED ?? Date.now() % 1_000_000);
const BLOCKS = 20_000;
const BLOCK = 1024;

let root = '';
let made: Protected;

/** A repository of each kind, to begin with. */
const templates: Record<Operation, { make: (repository: DiskRepository) => Promise<void>; cid: () => ManifestCid }> = {
  protect: {
    make: async (repository) => void (await upload(repository, made.content, BLOCK)),
    cid: () => made.plain,
  },
  restore: { make: (repository) => lose(repository, (row) => row < 2), cid: () => made.cid },
  repair: { make: (repository) => lose(repository, (row) => row === 0 || row === 5), cid: () => made.cid },
  rebuild: { make: (repository) => lose(repository, (row) => row < 2), cid: () => made.cid },
};

async function lose(repository: DiskRepository, isLost: (row: number) => boolean): Promise<void> {
  const target = { repository, compute: new InlineCompute(), memory: new GroupMemory() };
  const { dataset } = await withLosses(made, (leaf) => isLost(Math.floor(leaf / made.steps)), target);
  await dataset.flush();
}

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'codex-erasure-'));
  made = await makeProtected({ blocks: BLOCKS, blockSize: BLOCK, tail: 100, ...CODE });
  for (const [name, { make }] of Object.entries(templates)) {
    const repository = await openDisk(join(root, `template-${name}`));
    await make(repository);
    await repository.stop();
  }
});

afterAll(() => rm(root, { recursive: true, force: true }));

/** Lets a child work and kills it `afterMs` after it began. True when it was done before. */
async function runAndKill(path: string, operation: Operation, afterMs: number): Promise<boolean> {
  const script = new URL('./crash-child.ts', import.meta.url).pathname;
  const child = spawn(process.execPath, [script, path, operation, formatCid(templates[operation].cid())], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const lines: string[] = [];
  for await (const line of createInterface({ input: child.stdout })) {
    lines.push(line);
    if (line === 'open') setTimeout(() => child.kill('SIGKILL'), afterMs);
  }
  expect(lines[0]).toBe('open');
  return lines.includes('done');
}

/** Every held block is the one that its leaf says. */
async function expectTrue(dataset: Dataset): Promise<void> {
  for (const run of [...dataset.held()]) {
    for await (const batch of dataset.read(run)) {
      for (const [i, block] of batch.blocks.entries()) {
        expect(Buffer.compare(sha256(block), nodeAt(batch.digests, i))).toBe(0);
      }
      batch.release();
    }
  }
}

for (const operation of ['protect', 'restore', 'repair', 'rebuild'] as const) {
  it(`${operation} goes on after each of ${KILLS} kills, and shows nothing half done (seed ${SEED})`, async () => {
    const random = seededRandom(SEED);
    const path = join(root, operation);
    const begin = async () => {
      await rm(path, { recursive: true, force: true });
      await cp(join(root, `template-${operation}`), path, { recursive: true });
    };
    await begin();
    let [blocks, rounds, kept] = [0, 0, 0];
    for (let kill = 0; kill < KILLS; ) {
      const done = await runAndKill(path, operation, 50 + random.int(900));
      if (!done) kill++;
      const repository = await openDisk(path);
      const audit = await repository.audit();
      const usage = repository.usage();
      expect(audit).toMatchObject({ usedBytes: usage.quotaUsedBytes, wrongReferences: 0, strays: 0 });
      // What was done and committed is still there.
      expect(usage.totalBlocks).toBeGreaterThanOrEqual(blocks);
      if (usage.totalBlocks > blocks && blocks > 0) kept++;
      blocks = usage.totalBlocks;
      const manifests: string[] = [];
      for await (const { cid, manifest } of repository.manifests()) {
        manifests.push(formatCid(cid));
        await expectTrue(await repository.openDataset(datasetRef(manifest)));
      }
      const finished = operation !== 'protect' || manifests.length === 2;
      const expected = operation === 'protect' && finished ? [made.plain, made.cid] : [templates[operation].cid()];
      expect(manifests.sort()).toEqual(expected.map(formatCid).sort());
      const original = await repository.openDataset(datasetRef(originalManifest(made.manifest)));
      expect([0, BLOCKS]).toContain(original.heldCount);
      if (done && operation === 'rebuild') {
        const dataset = await repository.openDataset(datasetRef(made.manifest));
        const { steps } = made;
        expect([...dataset.missing()]).toEqual([{ start: 0, count: REBUILT_ROW * steps }]);
      } else if (done) {
        expect((await contentOf(original, made.content.length)).equals(made.content)).toBe(true);
        const whole = await repository.openDataset(datasetRef(made.manifest));
        expect(whole.heldCount).toBe(whole.ref.leafCount);
      }
      await repository.stop();
      if (!done) continue;
      rounds++;
      blocks = 0;
      await begin();
    }
    process.stdout.write(`${JSON.stringify({ operation, kills: KILLS, rounds, kept })}\n`);
  });
}
