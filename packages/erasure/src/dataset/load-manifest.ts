import { decodeManifest, formatCid, type Manifest, type ManifestCid, type Repository } from '@codex/content';
import { ErasureError } from '../errors.ts';

/** A manifest, or the id of one in the local store. */
export type ManifestSource = ManifestCid | Manifest;

/** Error: `ERASURE_MANIFEST_MISSING` (data: cid). */
export async function loadManifest(repository: Repository, source: ManifestSource): Promise<Manifest> {
  if ('treeCid' in source) return source;
  const bytes = await repository.getBlock(source);
  if (bytes) return decodeManifest(bytes);
  const cid = formatCid(source);
  throw new ErasureError('ERASURE_MANIFEST_MISSING', `The manifest ${cid} is not in the local store`, { cid });
}
