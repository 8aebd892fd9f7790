/** Verifiable manifests: protected ones that name the roots of their slots (11 §3.3). */
import { type Cid, equalBytes, type Manifest, STRATEGY } from '@codex/content';
import { type BlockShape, merkleRoots, type Poseidon2 } from '@codex/poseidon2';
import { isCodexError } from '@codex/runtime';
import { joinBytes } from './bytes.ts';
import { provingRootCid, rootInCid, slotRootCid } from './cids.ts';
import { manifestInvalid, NETWORK_SHAPE, type SlotLayout, slotLayout } from './layout.ts';

export interface VerifiableLayout extends SlotLayout {
  /** 32 bytes each, lowest first, in the order of slots. */
  readonly slotRoots: readonly Uint8Array[];
  /** The root over them: `merkleRoot` on the chain. */
  readonly verifyRoot: Uint8Array;
}

/**
 * What the manifest says, with its ids checked, but not whether the verify root is that of the slot roots.
 * Error: `SLOTS_MANIFEST_INVALID`.
 */
export function readVerifiable(manifest: Manifest): VerifiableLayout {
  const verification = manifest.protection?.verification;
  if (!verification) throw manifestInvalid('it is not verifiable');
  // A stepped one could be downloaded but never be proved (11, Do better).
  if (verification.strategy !== STRATEGY.linear) throw manifestInvalid('its slots are not linear');
  const layout = slotLayout(manifest, verification.cellSize);
  const roots = verification.slotRoots.length;
  if (roots !== layout.slots) throw manifestInvalid('there must be one root for each slot', { roots });
  const slotRoots = verification.slotRoots.map((cid, slotIndex) => rootIn(cid, slotRootCid, { slotIndex }));
  return { ...layout, slotRoots, verifyRoot: rootIn(verification.verifyRoot, provingRootCid, {}) };
}

function rootIn(bytes: Uint8Array, make: (root: Uint8Array) => Cid, data: Record<string, unknown>): Uint8Array {
  try {
    const root = rootInCid(bytes, make);
    if (root) return root;
  } catch (error) {
    if (!isCodexError(error)) throw error;
  }
  throw manifestInvalid('the id of a root is malformed', data);
}

/** Refuses roots of slots that do not make the verify root. Error: `SLOTS_MANIFEST_INVALID`. */
export function checkVerifyRoot({ verifyRoot }: VerifiableLayout, computed: Uint8Array): void {
  if (!equalBytes(computed, verifyRoot)) throw manifestInvalid('the slot roots do not make its verify root');
}

/**
 * All that a manifest from outside must fulfil before anything is spent on it (11 §3.3): 256 slots at most, linear, one
 * canonical root for each, and the verify root over them. `shape`: what the circuit of the network can prove; other blocks or cells are
 * refused. Takes a ms on the calling thread. Error: `SLOTS_MANIFEST_INVALID`.
 */
export function checkVerifiableManifest(
  hasher: Poseidon2,
  manifest: Manifest,
  shape: BlockShape = NETWORK_SHAPE,
): VerifiableLayout {
  const layout = readVerifiable(manifest);
  if (layout.shape.blockSize !== shape.blockSize || layout.shape.cellSize !== shape.cellSize) {
    throw manifestInvalid('nobody proves blocks or cells of such a size', { ...layout.shape });
  }
  checkVerifyRoot(layout, merkleRoots(hasher, joinBytes(layout.slotRoots), layout.slots));
  return layout;
}

/** The protected manifest with the roots of its slots. */
export function makeVerifiable(
  manifest: Manifest,
  made: { readonly slotRoots: readonly Uint8Array[]; readonly verifyRoot: Uint8Array; readonly cellSize: number },
): Manifest {
  const { protection } = manifest;
  if (!protection) throw manifestInvalid('it is not protected');
  return {
    ...manifest,
    protection: {
      ...protection,
      verification: {
        verifyRoot: provingRootCid(made.verifyRoot).bytes,
        slotRoots: made.slotRoots.map((root) => slotRootCid(root).bytes),
        cellSize: made.cellSize,
        strategy: STRATEGY.linear,
      },
    },
  };
}
