import { encodeManifest, type Manifest, type ManifestCid, manifestCidOf } from '@codex/content';
import { DEFAULT_CELL_BYTES } from '@codex/poseidon2';
import type { AbortOptions } from '@codex/runtime';
import { joinBytes } from '../bytes.ts';
import type { SlotComponents } from '../components.ts';
import { proveSlot } from '../jobs.ts';
import { inLanes } from '../lanes.ts';
import { slotLayout, slotLeaves } from '../layout.ts';
import { makeVerifiable } from '../verifiable.ts';
import { findKept, growAndKeep } from './build-slot.ts';

/** Slots in work: the end of one, which waits for the disk, falls into the hashing of others. Memory is shared by all. */
const SLOTS_AT_A_TIME = 3;

export interface SlotsProgress {
  readonly phase: 'slots';
  /** Bytes of blocks; padding is not counted. */
  readonly doneBytes: number;
  readonly totalBytes: number;
}

export interface BuildSlotsOptions extends AbortOptions {
  onProgress?(progress: SlotsProgress): void;
}

export interface BuiltSlots {
  readonly manifestCid: ManifestCid;
  /** Verifiable. */
  readonly manifest: Manifest;
  /** 32 bytes each, lowest first. */
  readonly slotRoots: readonly Uint8Array[];
  /** The root over them: `merkleRoot` on the chain. */
  readonly verifyRoot: Uint8Array;
  /** Of one slot with its padding: `slotSize` of a request. */
  readonly slotBytes: number;
}

/**
 * Builds the trees of all slots of a protected dataset, whose blocks must all be held, and stores the verifiable manifest beside the
 * protected one, durable when it resolves. Trees that are kept already are not built again: after an abort or a crash the same call goes
 * on with the slots that were not finished. Errors: `BLOCK_NOT_FOUND` (data: index), `SLOTS_MANIFEST_INVALID`, `SLOT_TREE_UNAVAILABLE`,
 * and those of `putBlock`.
 */
export async function buildSlots(
  components: SlotComponents,
  input: { readonly manifest: Manifest; readonly cellSize?: number },
  options: BuildSlotsOptions = {},
): Promise<BuiltSlots> {
  const { repository, compute } = components;
  const cellSize = input.cellSize ?? DEFAULT_CELL_BYTES;
  const layout = slotLayout(input.manifest, cellSize);
  const slotIndices = Array.from({ length: layout.slots }, (_, i) => i);
  const rowBytes = slotIndices.map(
    (slotIndex) => slotLeaves(input.manifest, layout, slotIndex).count * layout.shape.blockSize,
  );
  const totalBytes = rowBytes.reduce((sum, bytes) => sum + bytes, 0);
  let doneBytes = 0;
  const done = (bytes: number) => {
    doneBytes += bytes;
    options.onProgress?.({ phase: 'slots', doneBytes, totalBytes });
  };
  const slotRoots: Uint8Array[] = new Array(layout.slots);
  const build = async (slotIndex: number, { signal }: AbortOptions) => {
    const leaves = slotLeaves(input.manifest, layout, slotIndex);
    const kept = await findKept(components, input.manifest, layout, leaves);
    if (kept) {
      slotRoots[slotIndex] = kept.root;
      await kept.close();
      done(rowBytes[slotIndex]!);
      return;
    }
    const onBlocks = (count: number) => done(count * layout.shape.blockSize);
    slotRoots[slotIndex] = await growAndKeep(
      components,
      { manifest: input.manifest, layout, slotIndex },
      { signal, onBlocks },
    );
  };
  await inLanes(SLOTS_AT_A_TIME, slotIndices, build, options);
  const { root: verifyRoot } = await compute.run(proveSlot, { slotRoots: joinBytes(slotRoots), slotIndex: 0 }, options);
  const manifest = makeVerifiable(input.manifest, { slotRoots, verifyRoot, cellSize });
  const bytes = encodeManifest(manifest);
  const manifestCid = manifestCidOf(bytes);
  await repository.putBlock(manifestCid, bytes, options.signal ? { signal: options.signal } : {});
  return { manifestCid, manifest, slotRoots, verifyRoot, slotBytes: layout.slotBytes };
}
