/**
 * Protects a dataset on disk, rebuilds one row of it from a neighbour, restores a copy of it that lost as many rows as it may, and
 * copies as many bytes plainly; prints one JSON line of seconds, MiB of resident memory and ms of event-loop delay. Arguments: directory, MiB, K, M.
 */
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { createCompute, SharedSlabPool } from '@codex/compute';
import { type Dataset, datasetRef, decodeManifest, type ManifestCid, type Repository } from '@codex/content';
import {
  createCodec,
  type ErasureComponents,
  type FetchLeaves,
  GroupMemory,
  protectDataset,
  rebuildRow,
  restoreDataset,
} from '@codex/erasure';
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
  /** Of one row, all others being here in another repository. */
  readonly rebuild: Measured;
  /** One row computed from K others in memory, again and again: bytes of it per second. */
  readonly decodeBytesPerSecond: number;
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

/** As a network would bring leaves: a few at a time, with their proofs. Row 0 is lost. */
function fetchFrom(from: Dataset): (to: Dataset) => FetchLeaves {
  const steps = from.ref.leafCount / (data + parity);
  return (to) => async (ranges) => {
    for (const { start, count } of ranges) {
      for (let at = Math.max(start, steps); at < start + count; at += 16) {
        const range = { start: at, count: Math.min(16, start + count - at) };
        await to.learn(await from.prove(range));
        for await (const batch of from.read(range)) {
          await to.putLeaves(batch.start, batch.blocks);
          batch.release();
        }
      }
    }
  };
}

/** In one thread, on rows as long as those of a group. */
function plainDecode(): number {
  const rowBytes = 8 * BLOCK;
  const random = seededRandom(2);
  const rows = Array.from({ length: data + parity }, (_, i) =>
    i === 0 || i > data ? undefined : random.bytes(rowBytes),
  );
  const wanted = new Map([[0, new Uint8Array(rowBytes)]]);
  const codec = createCodec({ data, parity });
  codec.rebuild({ rows, wanted });
  const started = performance.now();
  let rounds = 0;
  for (; performance.now() - started < 1000; rounds++) codec.rebuild({ rows, wanted });
  return Math.round((1000 * rounds * rowBytes) / (performance.now() - started));
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
const host = await openRepository('host');
await host.putBlock(cid!, bytes);
const fetchInto = fetchFrom(await repository.openDataset(ref));
const rebuild = await measure(() =>
  rebuildRow({ ...components, repository: host }, { manifest: cid!, row: 0, fetchInto }),
);
const kept = host.usage().quotaUsedBytes;
if (kept > (ref.leafCount / (data + parity) + 4) * BLOCK) throw new Error(`The host keeps ${kept} bytes`);
await host.stop();
await repository.stop();
const restore = await measure(() => restoreDataset({ ...components, repository: lossy }, { manifest: cid! }));
await lossy.stop();
const decodeBytesPerSecond = plainDecode();
const report: Report = { sizeMiB, data, parity, copy, protect, restore, rebuild, decodeBytesPerSecond };
process.stdout.write(`${JSON.stringify(report)}\n`);
await compute.stop();
