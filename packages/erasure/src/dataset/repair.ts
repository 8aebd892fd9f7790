import { datasetRef, formatCid } from '@codex/content';
import { treeMismatch, withAssembly } from './assembling.ts';
import type { ErasureComponents, ErasureOptions } from './components.ts';
import { encodeColumns } from './encode.ts';
import { originalRef, protectedGeometry } from './geometry.ts';
import { loadManifest } from './load-manifest.ts';
import { type RestoreInput, restoreDataset } from './restore.ts';

/**
 * Makes a protected dataset whole again: restores the original, encodes the parity that is missing and checks that the tree is the
 * one of the manifest. Goes on after a cancellation or a crash like `restoreDataset`, and has its errors.
 */
export async function repairDataset(
  components: ErasureComponents,
  input: RestoreInput,
  options: ErasureOptions = {},
): Promise<void> {
  const { repository } = components;
  const manifest = await loadManifest(repository, input.manifest);
  const geometry = protectedGeometry(manifest);
  // Opened for all that time: without a manifest in the store it is what keeps the dataset.
  const kept = await repository.openDataset(datasetRef(manifest));
  const original = await repository.openDataset(originalRef(manifest));
  await restoreDataset(components, { ...input, manifest }, options);
  if (kept.heldCount === geometry.leafCount) return;
  await withAssembly(
    repository,
    `repair/${formatCid(manifest.treeCid)}`,
    geometry,
    async (assembly) => {
      await encodeColumns(components, { geometry, original, assembly, kept }, options);
      try {
        await assembly.become(kept.ref, options);
      } catch (error) {
        throw treeMismatch(error);
      }
    },
    options,
  );
}
