/**
 * Builds the slots of a dataset on disk with one thread and with all, hashes as many bytes of memory, and makes inputs of proofs; prints one
 * JSON line. Arguments: directory, MiB, K, M.
 */
import { join } from 'node:path';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { createCompute, SharedSlabPool } from '@codex/compute';
import { datasetRef, decodeManifest } from '@codex/content';
import { GroupMemory, protectDataset } from '@codex/erasure';
import { digestBlocks } from '@codex/poseidon2';
import { seededRandom } from '@codex/runtime';
import { type BuiltSlots, buildSlots, DiskSlotTrees, proofInput } from '@codex/slots';
import { DiskRepository } from '@codex/store';

const MIB = 2 ** 20;
const SHAPE = { blockSize: 65_536, cellSize: 2048 };
/** As much as a slab of the store: what digests are asked for together. */
const HASHED_AT_A_TIME = 64;
const PROOFS = 20;
const SAMPLES = 5;

const [path = '', size = '64', k = '20', m = '10'] = process.argv.slice(2);
const [sizeMiB, data, parity] = [Number(size), Number(k), Number(m)];

interface Measured {
  readonly seconds: number;
  readonly rssMiB: number;
  readonly delayP99Ms: number;
  readonly delayMaxMs: number;
}

/** What is printed. */
export interface Report {
  readonly threads: number;
  /** Bytes of all slots, without padding. */
  readonly bytes: number;
  readonly hash: Measured;
  readonly read: Measured;
  readonly build: Measured;
  readonly buildByOne: Measured;
  readonly proofMs: number;
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
    seconds: Number(seconds.toFixed(3)),
    rssMiB: Math.round(Math.max(rss, process.memoryUsage.rss()) / MIB),
    delayP99Ms: Number((delay.percentile(99) / 1e6).toFixed(1)),
    delayMaxMs: Number((delay.max / 1e6).toFixed(1)),
  };
}

const compute = createCompute();
const repository = await DiskRepository.open(
  { compute, slabs: new SharedSlabPool() },
  { path: join(path, 'repo'), quotaBytes: Number.MAX_SAFE_INTEGER },
);
const writer = repository.createDataset({ blockSize: SHAPE.blockSize });
const piece = Buffer.from(seededRandom(1).bytes(SHAPE.blockSize));
for (let i = 0; i < (sizeMiB * MIB) / SHAPE.blockSize; i++) {
  piece.writeUInt32LE(i, 0);
  await writer.append(piece);
}
const plain = await writer.finish(({ treeCid, datasetSize }) => ({ treeCid, datasetSize, ...SHAPE }));
const cid = await protectDataset({ repository, compute, memory: new GroupMemory() }, { manifest: plain, data, parity });
const manifest = decodeManifest((await repository.getBlock(cid))!);
const ref = datasetRef(manifest);
const dataset = await repository.openDataset(ref);

const memory = new Uint8Array(new SharedArrayBuffer(HASHED_AT_A_TIME * SHAPE.blockSize));
memory.set(seededRandom(2).bytes(memory.length));
const batches = Math.ceil(ref.leafCount / HASHED_AT_A_TIME);
// Threads start, and kernels compile.
await digestBlocks(compute, memory, SHAPE);
const read = await measure(async () => {
  for (let start = 0; start < ref.leafCount; start += HASHED_AT_A_TIME) {
    const range = { start, count: Math.min(HASHED_AT_A_TIME, ref.leafCount - start) };
    await dataset.readInto(range, memory);
  }
});
const hash = await measure(async () => {
  for (let i = 0; i < batches; i++) await digestBlocks(compute, memory, SHAPE);
});

let built: BuiltSlots | undefined;
const trees = new DiskSlotTrees({}, { directory: join(path, 'slots') });
const build = await measure(async () => {
  built = await buildSlots({ repository, compute, trees }, { manifest });
});

const proofStart = performance.now();
for (let i = 0; i < PROOFS; i++) {
  const challenge = seededRandom(i).bytes(32);
  const question = { manifest: built!.manifest, slotIndex: i % (data + parity), challenge, samples: SAMPLES };
  await proofInput({ repository, compute, trees }, question);
}
const proofMs = Number(((performance.now() - proofStart) / PROOFS).toFixed(2));

const one = createCompute({ threads: 1 });
await digestBlocks(one, memory.subarray(0, SHAPE.blockSize), SHAPE);
const treesByOne = new DiskSlotTrees({}, { directory: join(path, 'slots-by-one') });
const buildByOne = await measure(() => buildSlots({ repository, compute: one, trees: treesByOne }, { manifest }));
await one.stop();

const report: Report = {
  threads: compute.threads,
  bytes: ref.leafCount * SHAPE.blockSize,
  hash,
  read,
  build,
  buildByOne,
  proofMs,
};
process.stdout.write(`${JSON.stringify(report)}\n`);
await repository.stop();
await compute.stop();
