import {
  type Cid,
  datasetRef,
  decodeManifest,
  formatCid,
  isEmptyBlock,
  isManifestCid,
  type Manifest,
  originalSize,
  parseCid,
} from '@codex/content';
import { isCodexError } from '@codex/runtime';
import { BatchReader, type ByteBatch } from '../reader/index.ts';
import type { ByteRange } from './byte-range.ts';
import type { Call } from './call.ts';
import type { ApiContext } from './context.ts';
import { type Deadline, fetchDeadline, requestTimeoutMs } from './deadline.ts';
import { DOWNLOAD_ERROR_TYPE, notRetrieved } from './http-errors.ts';
import { HttpError } from './respond.ts';
import { type Body, sendBody } from './send-body.ts';
import type { BatchSource } from './write-batches.ts';

const NOT_LOCAL = notRetrieved('Block not found in local store');

function notFound(text: string): HttpError {
  return new HttpError(404, text, DOWNLOAD_ERROR_TYPE);
}

/** `GET /data/{cid}`: what is here and nothing else. A manifest gives its file, a block its bytes. */
export async function downloadLocal(context: ApiContext, call: Call): Promise<void> {
  const cid = parseCid(call.params.cid ?? '');
  // No bytes are stored for the empty block, and it does not say how many zeros it stands for (01 §4).
  if (isEmptyBlock(cid)) throw notFound('Unable to decode as manifest');
  const bytes = await context.repository.getBlock(cid);
  if (!bytes) throw notFound(NOT_LOCAL);
  if (!isManifestCid(cid)) return sendBody(context, call, blockBody(cid, bytes));
  const manifest = decodeManifest(bytes);
  if (manifest.protection) return downloadLocalProtected(context, call, cid, manifest);
  const dataset = await context.repository.findDataset(manifest.treeCid);
  if (!dataset) throw notFound(NOT_LOCAL);
  await sendBody(context, call, {
    ...describe(cid, manifest),
    check: ({ start, end }) => {
      const { blockSize } = dataset.ref;
      const first = Math.floor(start / blockSize);
      const count = Math.ceil(end / blockSize) - first;
      for (const _gap of dataset.missing({ start: first, count })) throw notFound(NOT_LOCAL);
    },
    read: (range) => new BatchReader({ dataset, range, signal: call.signal }),
  });
}

/** What is not here is restored, if enough of the other rows is here (02 §2). */
async function downloadLocalProtected(context: ApiContext, call: Call, cid: Cid, manifest: Manifest): Promise<void> {
  const { protection } = context;
  const read = await protection.reading(manifest);
  await sendBody(context, call, {
    ...describe(cid, manifest),
    check: async (range) => {
      if (!(await protection.isLocal(manifest, range))) throw notFound(NOT_LOCAL);
    },
    read: (range) => read({ range, isLocal: true, signal: call.signal }),
  });
}

/** `GET /data/{cid}/network/stream`: reads what is here and fetches what is not, side by side. */
export async function downloadNetwork(context: ApiContext, call: Call): Promise<void> {
  const cid = parseCid(call.params.cid ?? '');
  const limitMs = requestTimeoutMs(call.query, context.fetchTimeoutMs);
  const deadline = fetchDeadline(context.clock, limitMs, call.signal);
  try {
    const manifest = await fetchManifest(context, cid, deadline.signal);
    const { signal } = deadline;
    const read = await networkReader(context, manifest, deadline);
    await sendBody(context, call, {
      ...describe(cid, manifest),
      read: (range) => withDeadline(read(range, signal), deadline),
    });
  } finally {
    deadline.clear();
  }
}

type Reader = BatchSource & { suspend(): Promise<void>; return(): Promise<unknown> };

async function networkReader(
  { repository, fetcher, protection }: ApiContext,
  manifest: Manifest,
  deadline: Deadline,
): Promise<(range: ByteRange, signal: AbortSignal) => Reader> {
  if (!manifest.protection) {
    const dataset = await repository.openDataset(datasetRef(manifest));
    return (range, signal) => new BatchReader({ dataset, range, fetcher, signal });
  }
  const read = await protection.reading(manifest);
  // Columns that are restored and checked for the end of a file count as something that moves.
  return (range, signal) => read({ range, isLocal: false, signal, onProgress: () => deadline.extend() });
}

/** The manifest, from here or from peers. Errors: 404 when it is none or nobody has it, `FETCH_TIMEOUT`. */
export async function fetchManifest(context: ApiContext, cid: Cid, signal: AbortSignal): Promise<Manifest> {
  if (!isManifestCid(cid)) throw notFound('Unable to decode as manifest');
  try {
    return decodeManifest(await context.fetcher.fetchBlock(cid, { signal }));
  } catch (error) {
    if (signal.aborted) throw signal.reason;
    if (isCodexError(error, 'BLOCK_NOT_FOUND')) throw notFound(notRetrieved('Block not found'));
    throw error;
  }
}

/** The time runs while the fetch is waited for, not while the client takes its bytes. */
function withDeadline(source: Reader, deadline: Deadline): BatchSource {
  return {
    async next() {
      deadline.extend();
      const result = await source.next();
      deadline.clear();
      return result;
    },
    suspend: () => source.suspend(),
    return: () => source.return(),
  };
}

function describe(cid: Cid, manifest: Manifest): Omit<Body, 'read'> {
  const { filename, mimetype } = manifest;
  return { cid: formatCid(cid), size: originalSize(manifest), filename, mimetype };
}

function blockBody(cid: Cid, bytes: Uint8Array): Body {
  return {
    cid: formatCid(cid),
    size: bytes.length,
    read: ({ start, end }) => onePiece(bytes.subarray(start, end), start),
  };
}

async function* onePiece(bytes: Uint8Array, offset: number): AsyncGenerator<ByteBatch, undefined> {
  yield { offset, chunks: [bytes], byteLength: bytes.length, release: () => {} };
  return undefined;
}
