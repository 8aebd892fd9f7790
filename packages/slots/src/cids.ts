/** The ids of roots and digests (11 §3.1): 32 bytes of an element each. */
import {
  type Cid,
  CODEX_PROVING_ROOT,
  CODEX_SLOT_CELL,
  CODEX_SLOT_ROOT,
  decodeCid,
  equalBytes,
  IDENTITY,
  makeCid,
  POSEIDON2_MERKLE,
} from '@codex/content';
import { checkElement } from '@codex/poseidon2';

export const slotRootCid = (root: Uint8Array): Cid => elementCid(CODEX_SLOT_ROOT, IDENTITY, root);

export const provingRootCid = (root: Uint8Array): Cid => elementCid(CODEX_PROVING_ROOT, IDENTITY, root);

/** Of a block's digest, the leaf of a slot tree. */
export const slotCellCid = (digest: Uint8Array): Cid => elementCid(CODEX_SLOT_CELL, POSEIDON2_MERKLE, digest);

function elementCid(codec: number, hashCodec: number, element: Uint8Array): Cid {
  checkElement(element);
  return makeCid(codec, hashCodec, element);
}

/**
 * The element in the binary id of a root; undefined when these bytes are not exactly such an id. Errors: `CID_INVALID`,
 * `POSEIDON2_ELEMENT_INVALID`.
 */
export function rootInCid(bytes: Uint8Array, make: (root: Uint8Array) => Cid): Uint8Array | undefined {
  const { digest } = decodeCid(bytes).multihash;
  return equalBytes(make(digest).bytes, bytes) ? digest : undefined;
}
