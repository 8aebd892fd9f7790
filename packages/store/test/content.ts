import {
  buildTree,
  type Dataset,
  type DatasetRef,
  datasetRef,
  decodeManifest,
  encodeManifest,
  type Manifest,
  type ManifestCid,
  manifestCidOf,
  type ProvedRange,
  type Repository,
  sha256,
  treeCid,
  verifyRange,
} from '@codex/content';
import { seededRandom } from '@codex/runtime';

export const BLOCK = 1024;
export const HOUR_MS = 3_600_000;

/** Reproducible bytes. */
export function bytesOf(seed: number, length: number): Uint8Array {
  return seededRandom(seed).bytes(length);
}

export interface MadeDataset {
  readonly blocks: Uint8Array[];
  readonly ref: DatasetRef;
  readonly manifest: Manifest;
  readonly manifestBytes: Uint8Array;
  readonly manifestCid: ManifestCid;
  prove(start: number, count: number): ProvedRange;
}

/** A dataset beside the store: its blocks, tree and manifest. */
export function makeDataset(content: Uint8Array, extra: Partial<Manifest> = {}, blockSize = BLOCK): MadeDataset {
  const blocks: Uint8Array[] = [];
  for (let at = 0; at < content.length; at += blockSize) {
    const block = new Uint8Array(blockSize);
    block.set(content.subarray(at, at + blockSize));
    blocks.push(block);
  }
  const leaves = Buffer.concat(blocks.map((block) => sha256(block)));
  const tree = buildTree(leaves);
  const manifest: Manifest = { treeCid: treeCid(tree.root), blockSize, datasetSize: content.length, ...extra };
  const manifestBytes = encodeManifest(manifest);
  const ref = datasetRef(manifest);
  return {
    blocks,
    ref,
    manifest,
    manifestBytes,
    manifestCid: manifestCidOf(manifestBytes),
    prove(start, count) {
      // Everything is proved, then cut: a proof of the whole tree has no siblings.
      const whole = verifyRange(ref, 0, leaves, []);
      const siblings: Uint8Array[] = [];
      let [first, last] = [start, start + count - 1];
      for (let layer = 0; layer < tree.layers.length - 1; layer++) {
        const nodes = tree.layers[layer]!;
        if (first % 2 === 1) siblings.push(nodes.subarray((first - 1) * 32, first * 32));
        if (last % 2 === 0 && (last + 1) * 32 < nodes.length) {
          siblings.push(nodes.subarray((last + 1) * 32, (last + 2) * 32));
        }
        first >>= 1;
        last >>= 1;
      }
      return verifyRange(ref, start, whole.digests.subarray(start * 32, (start + count) * 32), siblings);
    },
  };
}

/** Stores `content` through a writer, in pieces of odd lengths. */
export async function upload(
  repository: Repository,
  content: Uint8Array,
  { blockSize = BLOCK, expiry, ...extra }: Partial<Manifest> & { expiry?: number } = {},
): Promise<ManifestCid> {
  const writer = repository.createDataset({ blockSize, ...(expiry === undefined ? {} : { expiry }) });
  for (let at = 0, step = 1; at < content.length; at += step, step = (step * 7 + 13) % 5000) {
    await writer.append(content.subarray(at, at + step));
  }
  return writer.finish(({ treeCid, datasetSize }) => ({ treeCid, blockSize, datasetSize, ...extra }));
}

/** Everything that a dataset holds, joined and cut to its size. */
export async function download(repository: Repository, cid: ManifestCid): Promise<Uint8Array> {
  const bytes = await repository.getBlock(cid);
  if (!bytes) throw new Error('no manifest');
  const manifest = decodeManifest(bytes);
  const dataset = await repository.openDataset(datasetRef(manifest));
  return readAll(dataset, manifest.datasetSize);
}

export async function readAll(dataset: Dataset, datasetSize: number): Promise<Uint8Array> {
  const out = Buffer.alloc(dataset.ref.leafCount * dataset.ref.blockSize);
  for await (const batch of dataset.read({ start: 0, count: dataset.ref.leafCount })) {
    for (const [i, block] of batch.blocks.entries()) out.set(block, (batch.start + i) * dataset.ref.blockSize);
    batch.release();
  }
  return out.subarray(0, datasetSize);
}

export async function listed(repository: Repository): Promise<string[]> {
  const cids: string[] = [];
  for await (const { cid } of repository.manifests()) cids.push(cid.toString());
  return cids.sort();
}
