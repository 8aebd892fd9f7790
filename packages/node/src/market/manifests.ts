import { decodeCid, decodeManifest, isManifestCid, type Manifest, type ManifestCid } from '@codex/content';
import type { Hex } from '@codex/market';
import type { AbortOptions } from '@codex/runtime';
import type { ApiFetcher } from '../api/index.ts';
import { NodeError } from '../errors.ts';

/** The CID in a request, which may be anything. Errors: `SLOTS_MISSING`, `CID_INVALID`. */
export function manifestCidIn(bytes: Hex): ManifestCid {
  const cid = decodeCid(Buffer.from(bytes.slice(2), 'hex'));
  if (!isManifestCid(cid)) throw new NodeError('SLOTS_MISSING', 'The request names no manifest', { cid: bytes });
  return cid;
}

/** From here or from peers. Errors: `BLOCK_NOT_FOUND`, `MANIFEST_INVALID`. */
export async function fetchManifest(
  fetcher: Pick<ApiFetcher, 'fetchBlock'>,
  cid: ManifestCid,
  options: AbortOptions,
): Promise<Manifest> {
  return decodeManifest(await fetcher.fetchBlock(cid, options));
}

export const hexOf = (bytes: Uint8Array): Hex => `0x${Buffer.from(bytes).toString('hex')}`;
