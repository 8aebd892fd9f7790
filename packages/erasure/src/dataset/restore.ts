import { type Dataset, type Manifest, originalManifest } from '@codex/content';
import type { ErasureComponents, ErasureOptions, FetchLeaves } from './components.ts';
import { loadManifest, type ManifestSource } from './load-manifest.ts';
import { Restorations } from './restorations.ts';

export interface RestoreInput {
  /** Of a protected dataset. */
  readonly manifest: ManifestSource;
  /** How to get what is not held; without it the local store must suffice. */
  readonly fetch?: FetchLeaves;
  /** Those of the node: then readers of the dataset go on meanwhile, and what one restores serves the other. */
  readonly restorations?: Restorations;
}

/**
 * Restores the original dataset of a protected one from any K rows of each column, data rows first, and keeps it under both
 * trees, durable when it resolves. Returns it with its plain manifest, which is not stored: unless a manifest in the store names the
 * tree, it lives as long as the dataset is held. After a cancellation or a crash the same call goes
 * on where it was. Errors: `ERASURE_TOO_MANY_LOSSES`, `ERASURE_TREE_MISMATCH`, `ERASURE_MANIFEST_UNSUITABLE`,
 * `ERASURE_PARAMETERS_INVALID`, `ASSEMBLY_BUSY`, `QUOTA_EXCEEDED`.
 */
export async function restoreDataset(
  components: ErasureComponents,
  input: RestoreInput,
  options: ErasureOptions = {},
): Promise<{ readonly manifest: Manifest; readonly dataset: Dataset }> {
  const manifest = await loadManifest(components.repository, input.manifest);
  const restorations = input.restorations ?? new Restorations(components);
  const { restoration, release } = await restorations.open(manifest, input);
  try {
    await restoration.finish(options);
  } catch (error) {
    await release(error, options);
    throw error;
  }
  await release();
  return { manifest: originalManifest(manifest), dataset: restoration.original };
}
