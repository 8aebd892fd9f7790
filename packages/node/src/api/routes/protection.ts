import { type Cid, decodeManifest, isManifestCid, type Manifest, type ManifestCid, parseCid } from '@codex/content';
import type { Call, Route } from '../call.ts';
import type { ApiContext } from '../context.ts';
import { DOWNLOAD_ERROR_TYPE, notRetrieved } from '../http-errors.ts';
import { readCount, readJson } from '../json-body.ts';
import { manifestEntry } from '../list-data.ts';
import { answerWithProgress } from '../progress-lines.ts';
import { HttpError } from '../respond.ts';
import { askManifest } from './data.ts';

/** Erasure coding: routes of our own, in the manner of 06 §2. */
export function protectionRoutes(context: ApiContext): Route[] {
  return [
    { method: 'POST', path: '/data/:cid/protect', doc: 'protect', handle: (call) => protect(context, call) },
    { method: 'POST', path: '/data/:cid/repair', doc: 'repair', handle: (call) => repair(context, call) },
  ];
}

/** Work ends with the last client that waits for it; asked for again, it goes on. */
async function protect(context: ApiContext, call: Call): Promise<void> {
  const cid = parseCid(call.params.cid ?? '');
  const input = await readJson(context, call);
  const code = { data: readCount(input, 'data'), parity: readCount(input, 'parity') };
  const plain = await localManifest(context, cid);
  await answerWithProgress(context, call, async (onProgress) => {
    const made = await context.protection.protect(plain, code, { signal: call.signal, onProgress });
    const { manifest } = await localManifest(context, made);
    return manifestEntry(made, manifest);
  });
}

async function repair(context: ApiContext, call: Call): Promise<void> {
  const { cid, manifest } = await askManifest(context, call);
  await answerWithProgress(context, call, async (onProgress) => {
    await context.protection.repair(manifest, { signal: call.signal, onProgress });
    return manifestEntry(cid, manifest);
  });
}

export async function localManifest(context: ApiContext, cid: Cid): Promise<{ cid: ManifestCid; manifest: Manifest }> {
  if (!isManifestCid(cid)) throw new HttpError(404, 'Unable to decode as manifest', DOWNLOAD_ERROR_TYPE);
  const bytes = await context.repository.getBlock(cid);
  if (!bytes) throw new HttpError(404, notRetrieved('Block not found in local store'), DOWNLOAD_ERROR_TYPE);
  return { cid, manifest: decodeManifest(bytes) };
}
