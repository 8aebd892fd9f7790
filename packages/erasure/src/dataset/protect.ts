import {
  type DatasetAssembly,
  formatCid,
  type Manifest,
  type ManifestCid,
  originalManifest,
  STRATEGY,
} from '@codex/content';
import { ErasureError } from '../errors.ts';
import { withAssembly } from './assembling.ts';
import type { ErasureComponents, ErasureOptions } from './components.ts';
import { encodeColumns } from './encode.ts';
import { geometryOf } from './geometry.ts';
import { loadManifest, type ManifestSource } from './load-manifest.ts';

export interface ProtectInput {
  /** A plain dataset, complete in the local store. */
  readonly manifest: ManifestSource;
  /** K: any K of the K + M rows restore the dataset. */
  readonly data: number;
  /** M: rows that may be lost. */
  readonly parity: number;
  /** Unix ms; default: the store's. */
  readonly expiry?: number;
  /**
   * Makes the manifest that is stored, from the protected one: the marketplace adds slot roots, for which it reads the leaves
   * (11 §3.3). Only what it returns is stored (18 §5).
   */
  readonly describe?: (
    manifest: Manifest,
    leaves: Pick<DatasetAssembly, 'read' | 'readInto' | 'digests'>,
  ) => Manifest | Promise<Manifest>;
}

/**
 * Spreads a plain dataset over K data and M parity rows and stores the protected one with its manifest (02 §1), durable when it
 * resolves. After a cancellation or a crash the same call goes on where it was. Errors: `ERASURE_DATASET_TOO_SMALL`,
 * `ERASURE_PARAMETERS_INVALID`, `ERASURE_MANIFEST_UNSUITABLE`, `ERASURE_BLOCK_MISSING`, `ASSEMBLY_BUSY`, `QUOTA_EXCEEDED`.
 */
export async function protectDataset(
  components: ErasureComponents,
  input: ProtectInput,
  options: ErasureOptions = {},
): Promise<ManifestCid> {
  const { repository } = components;
  const plain = await loadManifest(repository, input.manifest);
  const geometry = geometryOf(plain, input);
  const { blockSize, leafCount, data, parity } = geometry;
  const original = await repository.findDataset(plain.treeCid);
  const [gap] = original ? original.missing() : [{ start: 0 }];
  if (!original || gap) {
    throw new ErasureError('ERASURE_BLOCK_MISSING', 'The dataset is not complete', { index: gap?.start });
  }
  const { expiry } = input;
  return withAssembly(
    repository,
    `protect/${formatCid(plain.treeCid)}/${data}/${parity}`,
    { blockSize, leafCount, ...(expiry === undefined ? {} : { expiry }) },
    async (assembly) => {
      await encodeColumns(components, { geometry, original, assembly }, options);
      return assembly.finish(({ treeCid }) => {
        const manifest: Manifest = {
          ...originalManifest(plain),
          treeCid,
          datasetSize: leafCount * blockSize,
          protection: {
            ecK: data,
            ecM: parity,
            originalTreeCid: plain.treeCid,
            originalDatasetSize: plain.datasetSize,
            strategy: STRATEGY.stepped,
          },
        };
        return input.describe?.(manifest, assembly) ?? manifest;
      }, options);
    },
    options,
  );
}
