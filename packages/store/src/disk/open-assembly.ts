import type { Compute, SlabPool } from '@codex/compute';
import { type Dataset, type DatasetRef, datasetRef, type Manifest, type ManifestCid } from '@codex/content';
import type { Clock } from '@codex/runtime';
import { DiskAssembly } from './disk-assembly.ts';
import type { Engine } from './engine.ts';

interface AssemblyHost {
  readonly engine: Engine;
  readonly compute: Compute;
  readonly slabs: SlabPool;
  readonly clock: Clock;
  /** Stores a manifest durably; `then` runs in the same commit. */
  putManifest(manifest: Manifest, then: () => void): Promise<ManifestCid>;
  open(ref: DatasetRef): Dataset;
}

/** Begins an assembly or goes on with it. Errors: `ASSEMBLY_BUSY`, `DATASET_MISMATCH`. */
export function openAssembly(
  host: AssemblyHost,
  key: string,
  shape: { readonly blockSize: number; readonly leafCount: number },
): DiskAssembly {
  const { engine, compute, slabs, clock } = host;
  const { assemblies, trees, reaper, committer, leafReader: reader } = engine;
  const record = assemblies.open(key, shape, clock.now());
  // It may have taken the place of a forgotten one.
  reaper.drain().catch(() => {});
  const settle = () => assembly.settle();
  const assembly: DiskAssembly = new DiskAssembly(
    {
      ...engine,
      ...{ reader, compute, slabs },
      finish: async (manifest) => {
        const cid = await host.putManifest(manifest, () => {
          settle();
          assemblies.ended(key);
          trees.adopt(datasetRef(manifest), record.id);
        });
        reaper.drain().catch(() => {});
        return cid;
      },
      become: async (ref) => {
        trees.find(ref);
        // Opened first: a tree that no manifest names lives as long as somebody has it open.
        const dataset = host.open(ref);
        settle();
        assemblies.ended(key);
        trees.adoptUnnamed(ref, record.id);
        await committer.flush();
        reaper.drain().catch(() => {});
        return dataset;
      },
      close: () => {
        settle();
        assemblies.close(key, clock.now());
      },
      drop: async () => {
        settle();
        assemblies.drop(key);
        await reaper.drain();
      },
    },
    record,
  );
  return assembly;
}
