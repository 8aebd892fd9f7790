import { InlineCompute } from '@codex/compute';
import {
  blockCount,
  buildTree,
  type Dataset,
  DIGEST_BYTES,
  datasetRef,
  decodeManifest,
  encodeManifest,
  type LeafRange,
  type Manifest,
  type ManifestCid,
  manifestCidOf,
  type Repository,
  sha256,
  treeCid,
} from '@codex/content';
import { seededRandom } from '@codex/runtime';
import { MemoryRepository } from '@codex/store';
import { type ErasureComponents, GroupMemory, protectDataset } from '../../src/index.ts';

/** Reproducible bytes. */
export function bytesOf(seed: number, length: number): Buffer {
  return Buffer.from(seededRandom(seed).bytes(length));
}

export function inMemory(): ErasureComponents & { readonly repository: MemoryRepository } {
  return { repository: new MemoryRepository(), compute: new InlineCompute(), memory: new GroupMemory() };
}

export async function upload(
  repository: Repository,
  content: Uint8Array,
  blockSize: number,
  extra: Partial<Manifest> = {},
): Promise<ManifestCid> {
  const writer = repository.createDataset({ blockSize });
  await writer.append(content);
  return writer.finish(({ treeCid, datasetSize }) => ({ treeCid, datasetSize, blockSize, ...extra }));
}

export async function manifestOf(repository: Repository, cid: ManifestCid): Promise<Manifest> {
  const bytes = await repository.getBlock(cid);
  if (!bytes) throw new Error('no manifest');
  return decodeManifest(bytes);
}

/** The bytes of original leaves, cut to the size of the file. */
export async function contentOf(dataset: Dataset, size: number): Promise<Buffer> {
  const out = Buffer.alloc(dataset.ref.leafCount * dataset.ref.blockSize);
  for await (const batch of dataset.read({ start: 0, count: dataset.ref.leafCount })) {
    for (const [i, block] of batch.blocks.entries()) out.set(block, (batch.start + i) * dataset.ref.blockSize);
    batch.release();
  }
  return out.subarray(0, size);
}

/** A dataset, protected in a repository that has all of it. */
export interface Protected {
  readonly source: ErasureComponents;
  readonly content: Buffer;
  readonly plain: ManifestCid;
  readonly cid: ManifestCid;
  readonly manifest: Manifest;
  readonly dataset: Dataset;
  readonly steps: number;
}

export async function makeProtected(
  init: { blocks: number; data: number; parity: number; blockSize?: number; seed?: number; tail?: number },
  source: ErasureComponents = inMemory(),
): Promise<Protected> {
  const { blocks, data, parity, blockSize = 64, seed = 1, tail = 0 } = init;
  const content = bytesOf(seed, blocks * blockSize - tail);
  const plain = await upload(source.repository, content, blockSize);
  const cid = await protectDataset(source, { manifest: plain, data, parity });
  const manifest = await manifestOf(source.repository, cid);
  const dataset = await source.repository.openDataset(datasetRef(manifest));
  return { source, content, plain, cid, manifest, dataset, steps: blockCount(manifest) / (data + parity) };
}

/** Copies leaves with their proofs, as an exchange would. */
export async function transfer(from: Dataset, to: Dataset, range: LeafRange): Promise<void> {
  if (range.count === 0) return;
  await to.learn(await from.prove(range));
  for await (const batch of from.read(range)) {
    const { rejected } = await to.putLeaves(batch.start, batch.blocks);
    batch.release();
    if (rejected.length > 0) throw new Error('a block was refused');
  }
}

/** A repository with the protected manifest and all leaves of the dataset but those. */
export async function withLosses(
  { manifest, dataset }: Protected,
  isLost: (leaf: number) => boolean,
  target: ErasureComponents = inMemory(),
): Promise<ErasureComponents & { dataset: Dataset }> {
  const bytes = encodeManifest(manifest);
  await target.repository.putBlock(manifestCidOf(bytes), bytes);
  const copy = await target.repository.openDataset(dataset.ref);
  const { leafCount } = dataset.ref;
  for (let start = 0; start < leafCount; ) {
    let end = start;
    while (end < leafCount && !isLost(end)) end++;
    await transfer(dataset, copy, { start, count: end - start });
    start = end + 1;
  }
  return { ...target, dataset: copy };
}

/** A protected dataset whose maker put wrong bytes into one parity row: a tree over what is no code word. */
export async function makeWrong(row: number): Promise<Protected> {
  const honest = await makeProtected({ blocks: 40, data: 4, parity: 3 });
  const { source, dataset, manifest, steps } = honest;
  const leaves = Buffer.from(await dataset.digests({ start: 0, count: dataset.ref.leafCount }));
  const wrong = Array.from({ length: steps }, (_, i) => Buffer.alloc(64, i));
  for (const [i, block] of wrong.entries()) leaves.set(sha256(block), (row * steps + i) * DIGEST_BYTES);
  const lie = { ...manifest, treeCid: treeCid(buildTree(leaves).root) };
  const assembly = await source.repository.assembleDataset('lie', dataset.ref);
  await assembly.putLeaves(row * steps, wrong);
  for (const start of [0, (row + 1) * steps]) {
    const end = start === 0 ? row * steps : dataset.ref.leafCount;
    await assembly.refer(start, leaves.subarray(start * DIGEST_BYTES, end * DIGEST_BYTES));
  }
  const cid = await assembly.finish(() => lie);
  return {
    ...honest,
    cid,
    manifest: lie,
    dataset: await source.repository.openDataset({ ...dataset.ref, treeCid: lie.treeCid }),
  };
}
