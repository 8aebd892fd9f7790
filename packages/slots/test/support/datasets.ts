import { createHash } from 'node:crypto';
import { type Compute, InlineCompute } from '@codex/compute';
import { decodeManifest, type Manifest, type ManifestCid, type Repository } from '@codex/content';
import { GroupMemory, protectDataset } from '@codex/erasure';
import { MemoryRepository } from '@codex/store';
import { MemorySlotTrees, type SlotComponents, type SlotTreeStore } from '../../src/index.ts';

/** The stream of the vector files: SHA-256 over seed and counter. */
export function streamOf(seed: string, size: number): Buffer {
  const parts: Buffer[] = [];
  for (let c = 0; c * 32 < size; c++) {
    const counter = Buffer.alloc(8);
    counter.writeBigUInt64LE(BigInt(c));
    parts.push(createHash('sha256').update(seed).update(counter).digest());
  }
  return Buffer.concat(parts).subarray(0, size);
}

export function inMemory(trees: SlotTreeStore = new MemorySlotTrees()): SlotComponents {
  return { repository: new MemoryRepository(), compute: new InlineCompute(), trees };
}

export async function manifestOf(repository: Repository, cid: ManifestCid): Promise<Manifest> {
  return decodeManifest((await repository.getBlock(cid))!);
}

export async function upload(repository: Repository, content: Uint8Array, blockSize: number): Promise<ManifestCid> {
  const writer = repository.createDataset({ blockSize });
  await writer.append(content);
  return writer.finish(({ treeCid, datasetSize }) => ({ treeCid, datasetSize, blockSize }));
}

/** Uploads and protects; the protected manifest. */
export async function protect(
  { repository, compute }: { readonly repository: Repository; readonly compute: Compute },
  content: Uint8Array,
  code: { readonly data: number; readonly parity: number; readonly blockSize: number },
): Promise<Manifest> {
  const plain = await upload(repository, content, code.blockSize);
  const cid = await protectDataset({ repository, compute, memory: new GroupMemory() }, { manifest: plain, ...code });
  return manifestOf(repository, cid);
}

/** A dataset that is its own protected form: rows of data, no parity. `content` fills all rows. */
export async function rows(
  { repository }: { readonly repository: Repository },
  content: Uint8Array,
  { slots, blockSize }: { readonly slots: number; readonly blockSize: number },
): Promise<Manifest> {
  const plain = await manifestOf(repository, await upload(repository, content, blockSize));
  return {
    ...plain,
    protection: {
      ecK: slots,
      ecM: 0,
      originalTreeCid: plain.treeCid,
      originalDatasetSize: plain.datasetSize,
      strategy: 1,
    },
  };
}
