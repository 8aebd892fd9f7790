import type { Manifest } from '@codex/content';
import { DEFAULT_BLOCK_SIZE, formatCid } from '@codex/content';
import { isCodexError } from '@codex/runtime';
import { readBody } from './body.ts';
import type { Call } from './call.ts';
import { readFilename } from './content-disposition.ts';
import type { ApiContext } from './context.ts';
import { isValidFilename } from './filename.ts';
import { uploadMediaType } from './media-type.ts';
import { HttpError, respondText } from './respond.ts';

/** What the headers of an upload say about the file (06 §2). */
export function describeUpload(headers: Readonly<Record<string, string | string[] | undefined>>): {
  filename?: string;
  mimetype?: string;
} {
  const type = headers['content-type'];
  const disposition = headers['content-disposition'];
  const described: { filename?: string; mimetype?: string } = {};
  if (typeof type === 'string' && type !== '') {
    const mimetype = uploadMediaType(type);
    if (mimetype === undefined) throw new HttpError(422, `The MIME type '${type}' is not valid.`);
    described.mimetype = mimetype;
  }
  const filename = typeof disposition === 'string' ? readFilename(disposition) : undefined;
  if (filename !== undefined) {
    if (!isValidFilename(filename)) throw new HttpError(422, 'The filename is not valid.');
    described.filename = filename;
  }
  return described;
}

/** `POST /data`: the body is the file. Whatever goes wrong before the manifest is stored leaves nothing behind. */
export async function upload(context: ApiContext, call: Call): Promise<void> {
  const described = describeUpload(call.req.headers);
  // Only now does a client that asked first (`Expect: 100-continue`) begin to send.
  if (call.req.headers.expect !== undefined) call.res.writeContinue();
  const writer = context.repository.createDataset({ blockSize: DEFAULT_BLOCK_SIZE });
  try {
    const consume = (bytes: Uint8Array) => writer.append(bytes);
    const length = await readBody(call.req, consume, context.clock, context.limits, { signal: call.signal });
    if (length === 0) throw new HttpError(422, 'Request do not have body available');
    const cid = await writer.finish(
      ({ treeCid, datasetSize }): Manifest => ({ treeCid, blockSize: writer.blockSize, datasetSize, ...described }),
    );
    context.counters.uploads.inc();
    context.logger.info('Uploaded data', { cid: formatCid(cid), bytes: length });
    respondText(call.res, formatCid(cid));
  } catch (error) {
    await writer.abort();
    // For an upload this can only be a block that the quota or the disk refused.
    if (isCodexError(error, 'QUOTA_EXCEEDED')) {
      throw new HttpError(507, `Unable to store the upload: the storage quota is exceeded. ${error.message}`);
    }
    if (isCodexError(error, 'DISK_FULL')) {
      throw new HttpError(507, `Unable to store the upload: the disk is full. ${error.message}`);
    }
    throw error;
  }
}
