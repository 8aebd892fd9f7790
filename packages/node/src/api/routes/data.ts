import {
  type Cid,
  datasetRef,
  decodeManifest,
  formatCid,
  isManifestCid,
  type Manifest,
  parseCid,
} from '@codex/content';
import type { Call, Route } from '../call.ts';
import type { ApiContext } from '../context.ts';
import { fetchDeadline, requestTimeoutMs } from '../deadline.ts';
import { downloadLocal, downloadNetwork, fetchManifest } from '../download.ts';
import { listData, manifestEntry } from '../list-data.ts';
import { respond, respondJson } from '../respond.ts';
import { Uploads } from '../upload.ts';

/** The reference writes `Access-Control-Headers`, which no browser reads; both are sent (06 "Do better"). */
const DOWNLOAD_CORS = {
  'Access-Control-Headers': 'X-Requested-With',
  'Access-Control-Allow-Headers': 'X-Requested-With',
};
const STREAM_CORS = { ...DOWNLOAD_CORS, 'Access-Control-Expose-Headers': 'Content-Disposition' };

/** Routes of 06 §2. */
export function dataRoutes(context: ApiContext): Route[] {
  const uploads = new Uploads(context);
  const local = (call: Call) => downloadLocal(context, call);
  const network = (call: Call) => downloadNetwork(context, call);
  return [
    { method: 'POST', path: '/data', doc: 'upload', handle: (call) => uploads.handle(call) },
    { method: 'GET', path: '/data', doc: 'listData', handle: (call) => listData(context, call) },
    { method: 'GET', path: '/data/:cid', doc: 'downloadLocal', corsHeaders: DOWNLOAD_CORS, handle: local },
    { method: 'HEAD', path: '/data/:cid', corsHeaders: DOWNLOAD_CORS, handle: local },
    { method: 'DELETE', path: '/data/:cid', doc: 'deleteLocal', handle: (call) => remove(context, call) },
    { method: 'GET', path: '/data/:cid/exists', doc: 'hasBlock', handle: (call) => exists(context, call) },
    { method: 'POST', path: '/data/:cid/network', doc: 'downloadNetwork', handle: (call) => fetchData(context, call) },
    {
      method: 'GET',
      path: '/data/:cid/network/manifest',
      doc: 'downloadNetworkManifest',
      handle: (call) => fetchOnlyManifest(context, call),
    },
    {
      method: 'GET',
      path: '/data/:cid/network/stream',
      doc: 'downloadNetworkStream',
      corsHeaders: STREAM_CORS,
      handle: network,
    },
    { method: 'HEAD', path: '/data/:cid/network/stream', corsHeaders: STREAM_CORS, handle: network },
    { method: 'GET', path: '/space', doc: 'space', handle: (call) => space(context, call) },
  ];
}

async function remove(context: ApiContext, call: Call): Promise<void> {
  const { proofs, repository } = context;
  const cid = parseCid(call.params.cid ?? '');
  const bytes = proofs && isManifestCid(cid) ? await repository.getBlock(cid) : undefined;
  await repository.delete(cid);
  if (bytes) proofs?.forget(decodeManifest(bytes));
  respond(call.res, 204);
}

/**
 * The key is the CID, as the reference answers. Its document says `has` instead, and a client of its own relies on
 * `has` being absent (06 §8): so it is added on request only.
 */
async function exists(context: ApiContext, call: Call): Promise<void> {
  const cid = parseCid(call.params.cid ?? '');
  const has = await context.repository.hasBlock(cid);
  respondJson(call.res, { [formatCid(cid)]: has, ...(call.query.get('shape') === 'has' && { has }) });
}

/** Answers with the manifest; the blocks come in the background. */
async function fetchData(context: ApiContext, call: Call): Promise<void> {
  const { cid, manifest } = await askManifest(context, call);
  const { background, fetcher, protection, repository } = context;
  if (manifest.protection) {
    // What is not understood is refused now, not in the background.
    await protection.reading(manifest);
    background.begin(formatCid(cid), (signal) => protection.bring(manifest, { signal }));
  } else {
    const dataset = await repository.openDataset(datasetRef(manifest));
    background.begin(formatCid(cid), (signal) => fetcher.fetchDataset(dataset, { signal }));
  }
  respondJson(call.res, manifestEntry(cid, manifest));
}

async function fetchOnlyManifest(context: ApiContext, call: Call): Promise<void> {
  const { cid, manifest } = await askManifest(context, call);
  respondJson(call.res, manifestEntry(cid, manifest));
}

export async function askManifest(context: ApiContext, call: Call): Promise<{ cid: Cid; manifest: Manifest }> {
  const cid = parseCid(call.params.cid ?? '');
  const deadline = fetchDeadline(context.clock, requestTimeoutMs(call.query, context.fetchTimeoutMs), call.signal);
  try {
    return { cid, manifest: await fetchManifest(context, cid, deadline.signal) };
  } finally {
    deadline.clear();
  }
}

function space(context: ApiContext, call: Call): void {
  const { totalBlocks, quotaMaxBytes, quotaUsedBytes, quotaReservedBytes } = context.repository.usage();
  respondJson(call.res, { totalBlocks, quotaMaxBytes, quotaUsedBytes, quotaReservedBytes });
}
