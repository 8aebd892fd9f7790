import { datasetRef, equalBytes, type LeafRange, type Manifest } from '@codex/content';
import type { AbortOptions } from '@codex/runtime';
import { joinBytes } from '../bytes.ts';
import type { SlotComponents } from '../components.ts';
import { SlotsError } from '../errors.ts';
import { proveSlot } from '../jobs.ts';
import { type SlotLayout, slotLeaves, slotOrigin } from '../layout.ts';
import type { SlotTree } from '../tree/slot-tree.ts';
import { checkVerifyRoot, readVerifiable, type VerifiableLayout } from '../verifiable.ts';
import { type GrowOptions, growSlot } from './grow-slot.ts';

/**
 * Builds and keeps the tree of one slot from local blocks; returns its root. `expected`: nothing is kept when the root is another,
 * `SLOT_ROOT_MISMATCH`. More errors: `BLOCK_NOT_FOUND`, `SLOT_TREE_UNAVAILABLE`.
 */
export async function growAndKeep(
  { repository, compute, trees }: SlotComponents,
  input: {
    readonly manifest: Manifest;
    readonly layout: SlotLayout;
    readonly slotIndex: number;
    readonly expected?: Uint8Array;
  },
  options: GrowOptions,
): Promise<Uint8Array> {
  const { manifest, layout, slotIndex, expected } = input;
  const leaves = slotLeaves(manifest, layout, slotIndex);
  const dataset = await repository.openDataset(datasetRef(manifest));
  const { shape, paddedBlocks } = layout;
  const origin = slotOrigin(manifest, layout, leaves);
  const draft = await trees.create({ shape, paddedBlocks, blocks: leaves.count }, origin);
  try {
    const root = await growSlot(compute, { dataset, leaves, layout, draft }, options);
    if (expected && !equalBytes(root, expected)) {
      const message = `The blocks of slot ${slotIndex} do not make the root in the manifest`;
      throw new SlotsError('SLOT_ROOT_MISMATCH', message, { slotIndex });
    }
    options.signal?.throwIfAborted();
    await draft.commit(root);
    return root;
  } finally {
    await draft.discard();
  }
}

/** The kept tree of a slot that was built from these leaves before, to be closed. */
export async function findKept(
  { trees }: SlotComponents,
  manifest: Manifest,
  layout: SlotLayout,
  leaves: LeafRange,
): Promise<SlotTree | undefined> {
  const root = await trees.find(slotOrigin(manifest, layout, leaves));
  return root && openKept(trees, layout, root);
}

/** The kept tree with a root, if it is one of this layout. To be closed. */
export async function openKept(
  trees: SlotComponents['trees'],
  { shape, paddedBlocks }: SlotLayout,
  root: Uint8Array,
): Promise<SlotTree | undefined> {
  const tree = await trees.open(root);
  if (!tree) return undefined;
  const { header } = tree;
  const fits =
    header.paddedBlocks === paddedBlocks &&
    header.shape.blockSize === shape.blockSize &&
    header.shape.cellSize === shape.cellSize;
  if (fits) return tree;
  await tree.close();
  return undefined;
}

/** What a verifiable manifest says, with its verify root recomputed in the pool, and the path of a slot under it. */
export async function locateSlot(
  { compute }: SlotComponents,
  manifest: Manifest,
  slotIndex: number,
  options: AbortOptions,
): Promise<{ readonly layout: VerifiableLayout; readonly root: Uint8Array; readonly path: readonly bigint[] }> {
  const layout = readVerifiable(manifest);
  slotLeaves(manifest, layout, slotIndex);
  const slotRoots = joinBytes(layout.slotRoots);
  const dataset = await compute.run(proveSlot, { slotRoots, slotIndex }, options);
  checkVerifyRoot(layout, dataset.root);
  return { layout, root: layout.slotRoots[slotIndex]!, path: dataset.path };
}

/**
 * One slot of a verifiable dataset, as its host needs it: every block of the slot must be held. A tree that is kept already is not built
 * again. Errors: `SLOT_ROOT_MISMATCH`, `BLOCK_NOT_FOUND` (data: index), `SLOTS_MANIFEST_INVALID`, `SLOT_INPUT_INVALID`,
 * `SLOT_TREE_UNAVAILABLE`.
 */
export async function buildSlot(
  components: SlotComponents,
  { manifest, slotIndex }: { readonly manifest: Manifest; readonly slotIndex: number },
  options: AbortOptions = {},
): Promise<{ readonly root: Uint8Array }> {
  const { layout, root } = await locateSlot(components, manifest, slotIndex, options);
  const kept = await openKept(components.trees, layout, root);
  if (kept) await kept.close();
  else await growAndKeep(components, { manifest, layout, slotIndex, expected: root }, options);
  return { root };
}
