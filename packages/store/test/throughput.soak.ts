import { hash } from 'node:crypto';
import { open, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { createCompute, SharedSlabPool } from '@codex/compute';
import { datasetRef, decodeManifest } from '@codex/content';
import { expect, it } from 'vitest';
import { bytesOf } from './content.ts';
import { openDisk, withDirectory } from './disk-helpers.ts';

const MIB = 1024 * 1024;
const SIZE_MIB = process.env.SOAK === 'short' ? 128 : 1024;
const PIECE = 65536;

const rate = (startedMs: number) => Math.round((SIZE_MIB * 1000) / (performance.now() - startedMs));

/** Fresh content without the cost of making it: one buffer, with a counter in each block. */
function* pieces(): Generator<Uint8Array> {
  const source = Buffer.from(bytesOf(1, PIECE));
  for (let i = 0; i < (SIZE_MIB * MIB) / PIECE; i++) {
    source.writeUInt32LE(i, 0);
    yield source;
  }
}

/** The rival: one thread that hashes each block and appends it to a file, synced at the end. */
async function hashAndAppend(path: string): Promise<number> {
  const file = await open(path, 'w');
  const started = performance.now();
  let batch: Buffer[] = [];
  for (const piece of pieces()) {
    hash('sha256', piece, 'buffer');
    batch.push(Buffer.from(piece));
    if (batch.length < 16) continue;
    await file.writev(batch);
    batch = [];
  }
  await file.datasync();
  const result = rate(started);
  await file.close();
  await rm(path);
  return result;
}

it(`stores and reads ${SIZE_MIB} MiB`, async () => {
  await withDirectory(async (path) => {
    const compute = createCompute();
    await compute.start();
    const repository = await openDisk(join(path, 'repo'), {}, { compute, slabs: new SharedSlabPool() });
    const rival = await hashAndAppend(join(path, 'rival'));
    const delay = monitorEventLoopDelay({ resolution: 1 });
    delay.enable();
    let started = performance.now();
    const writer = repository.createDataset({ blockSize: PIECE });
    for (const piece of pieces()) await writer.append(piece);
    const cid = await writer.finish(({ treeCid, datasetSize }) => ({ treeCid, datasetSize, blockSize: PIECE }));
    const writing = rate(started);
    const writeDelay = delay.percentile(99) / 1e6;
    const writeMax = delay.max / 1e6;
    delay.reset();
    const dataset = await repository.openDataset(datasetRef(decodeManifest((await repository.getBlock(cid))!)));
    started = performance.now();
    let count = 0;
    for await (const batch of dataset.read({ start: 0, count: dataset.ref.leafCount })) {
      count += batch.count;
      batch.release();
    }
    const reading = rate(started);
    const readDelay = delay.percentile(99) / 1e6;
    delay.reset();
    started = performance.now();
    await repository.delete(cid);
    const deleting = performance.now() - started;
    process.stdout.write(
      `${JSON.stringify({ rival, writing, reading, deleting, writeDelay, writeMax, readDelay, deleteMax: delay.max / 1e6, rssMiB: Math.round(process.memoryUsage().rss / MIB) })}\n`,
    );
    expect(count).toBe((SIZE_MIB * MIB) / PIECE);
    expect(repository.usage().totalBlocks).toBe(0);
    await repository.stop();
    await compute.stop();
  });
});
