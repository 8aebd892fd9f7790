/**
 * Protects a dataset on disk, restores a copy of it that lost as many rows as it may, and copies as many bytes plainly; prints one JSON
 * line of seconds, MiB of resident memory and ms of event-loop delay. Arguments: directory, MiB, K, M.
 */
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { createCompute, SharedSlabPool } from '@codex/compute';
import { type Dataset, datasetRef, decodeManifest, type ManifestCid, type Repository } from '@codex/content';
import { type ErasureComponents, GroupMemory, protectDataset, restoreDataset } from '@codex/erasure';
import { seededRandom } from '@codex/runtime';
import { DiskRepository } from '@codex/store';

const MIB = 2 ** 20;
const BLOCK = 65_536;

const [path = '', size = '128', k = '20', m = '10'] = process.argv.slice(2);
const [sizeMiB, data, parity] = [Number(size), Number(k), Number(m)];

export interface Measured {
  readonly seconds: number;
  readonly rssMiB: number;
  readonly delayP99Ms: number;
  readonly delayMaxMs: number;
}

/** What is printed. */
export interface Report {
  readonly sizeMiB: number;
  readonly data: number;
  readonly parity: number;
  readonly copy: Measured;
  readonly protect: Measured;
  readonly restore: Measured;
}

async function measure(work: () => Promise<unknown>): Promise<Measured> {
  const delay = monitorEventLoopDelay({ resolution: 1 });
  let rss = 0;
  const watch = setInterval(() => {
    rss = Math.max(rss, process.memoryUsage.rss());
  }, 20);
  delay.enable();
  const started = performance.now();
  await work();
  const seconds = (performance.now() - started) / 1000;
  clearInterval(watch);
  return {
    seconds: Number(seconds.toFixed(2)),
    rssMiB: Math.round(Math.max(rss, process.memoryUsage.rss()) / MIB),
    delayP99Ms: Number((delay.percentile(99) / 1e6).toFixed(1)),
    delayMaxMs: Number((delay.max / 1e6).toFixed(1)),
  };
}

/** Fresh content without the cost of making it: one buffer, with a counter in each block. */
function* pieces(count: number): Generator<Uint8Array> {
  const source = Buffer.from(seededRandom(1).bytes(BLOCK));
  for (let i = 0; i < count; i++) {
    source.writeUInt32LE(i, 0);
    yield source;
  }
}

/** What the disk takes for reading the data and writing the parity one after another, durable in the end. */
async function plainCopy(): Promise<Measured> {
  const source = await open(join(path, 'plain'), 'w');
  for (const piece of pieces((sizeMiB * MIB) / BLOCK)) await source.write(piece);
  await source.datasync();
  await source.close();
  return measure(async () => {
    const from = await open(join(path, 'plain'), 'r');
    const to = await open(join(path, 'copy'), 'w');
    const buffer = Buffer.alloc(MIB);
    // As much is written as parity would be, evenly spread over the reading.
    let owed = 0;
    for (let bytes = 1; bytes > 0; ) {
      ({ bytesRead: bytes } = await from.read(buffer, 0, buffer.length));
      owed += (bytes * parity) / data;
      for (; owed >= MIB; owed -= MIB) await to.write(buffer);
    }
    await to.datasync();
    await from.close();
    await to.close();
  });
}

async function openRepository(name: string): Promise<DiskRepository> {
  return DiskRepository.open(
    { compute, slabs: new SharedSlabPool() },
    { path: join(path, name), quotaBytes: Number.MAX_SAFE_INTEGER },
  );
}

async function manifestOf(repository: Repository, cid: ManifestCid) {
  return decodeManifest((await repository.getBlock(cid))!);
}

/** Copies all rows but the first M. */
async function copyRows(from: Dataset, to: Dataset): Promise<void> {
  const steps = from.ref.leafCount / (data + parity);
  for (let start = parity * steps; start < from.ref.leafCount; start += 16) {
    const range = { start, count: Math.min(16, from.ref.leafCount - start) };
    await to.learn(await from.prove(range));
    for await (const batch of from.read(range)) {
      await to.putLeaves(batch.start, batch.blocks);
      batch.release();
    }
  }
  await to.flush();
}

const compute = createCompute();
const memory = new GroupMemory();
const copy = await plainCopy();
const repository = await openRepository('repo');
const components: ErasureComponents = { repository, compute, memory };
const writer = repository.createDataset({ blockSize: BLOCK });
for (const piece of pieces((sizeMiB * MIB) / BLOCK)) await writer.append(piece);
const plain = await writer.finish(({ treeCid, datasetSize }) => ({ treeCid, datasetSize, blockSize: BLOCK }));
let cid: ManifestCid | undefined;
const protect = await measure(async () => {
  cid = await protectDataset(components, { manifest: plain, data, parity });
});
const bytes = (await repository.getBlock(cid!))!;
const ref = datasetRef(await manifestOf(repository, cid!));
const lossy = await openRepository('lossy');
await lossy.putBlock(cid!, bytes);
await copyRows(await repository.openDataset(ref), await lossy.openDataset(ref));
await repository.stop();
const restore = await measure(() => restoreDataset({ ...components, repository: lossy }, { manifest: cid! }));
await lossy.stop();
const report: Report = { sizeMiB, data, parity, copy, protect, restore };
process.stdout.write(`${JSON.stringify(report)}\n`);
await compute.stop();
