import { DEFAULT_BLOCK_SIZE, formatCid, type Manifest, type ManifestCid } from '@codex/content';
import { isCodexError, Semaphore } from '@codex/runtime';
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

/** Takes uploads; one per server, because it bounds how many are under way. */
export class Uploads {
  readonly #context: ApiContext;
  readonly #permits: Semaphore;

  constructor(context: ApiContext) {
    this.#context = context;
    this.#permits = new Semaphore(context.limits.uploads);
  }

  /** `POST /data`: the body is the file. Whatever goes wrong before the manifest is stored leaves nothing behind. */
  async handle(call: Call): Promise<void> {
    const described = describeUpload(call.req.headers);
    try {
      const cid = await this.#permits.run(() => this.#store(call, described), { signal: call.signal });
      respondText(call.res, formatCid(cid));
    } catch (error) {
      if (isCodexError(error, 'QUOTA_EXCEEDED')) {
        throw new HttpError(507, `Unable to store the upload: the storage quota is exceeded. ${error.message}`);
      }
      if (isCodexError(error, 'DISK_FULL')) {
        throw new HttpError(507, `Unable to store the upload: the disk is full. ${error.message}`);
      }
      throw error;
    }
  }

  async #store(call: Call, described: Pick<Manifest, 'filename' | 'mimetype'>): Promise<ManifestCid> {
    const { clock, counters, limits, logger, repository } = this.#context;
    const { req, res, signal } = call;
    // Only now does a client that asked first (`Expect: 100-continue`) begin to send; HTTP/1.0 knows no such answer.
    if (req.headers.expect !== undefined && req.httpVersion === '1.1') res.writeContinue();
    const writer = repository.createDataset({ blockSize: DEFAULT_BLOCK_SIZE });
    try {
      const bytes = await readBody(req, (piece) => writer.append(piece), clock, limits, { signal });
      if (bytes === 0) throw new HttpError(422, 'Request do not have body available');
      const cid = await writer.finish(({ treeCid, datasetSize }) => {
        return { treeCid, blockSize: writer.blockSize, datasetSize, ...described };
      });
      counters.uploads.inc();
      logger.info('Uploaded data', { cid: formatCid(cid), bytes });
      return cid;
    } catch (error) {
      await writer.abort();
      throw error;
    }
  }
}
