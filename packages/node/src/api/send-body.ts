import type { OutgoingHttpHeaders, ServerResponse } from 'node:http';
import type { ByteBatch } from '../reader/index.ts';
import { type ByteRange, readRange } from './byte-range.ts';
import type { Call } from './call.ts';
import { applicableRange, etagOf, isNotModified, isPreconditionFailed } from './conditional.ts';
import { writeAttachment } from './content-disposition.ts';
import type { ApiContext } from './context.ts';
import { bareMediaType } from './media-type.ts';
import { ERROR_TYPE, HttpError } from './respond.ts';
import type { BatchSource } from './write-batches.ts';

/** Something that can be sent whole or in part. */
export interface Body {
  /** Text of the CID that names exactly these bytes. */
  readonly cid: string;
  readonly size: number;
  readonly mimetype?: string | undefined;
  readonly filename?: string | undefined;
  /** Fails when the range cannot be read, as far as that is known without reading it. */
  check?(range: ByteRange): Promise<void> | void;
  read(range: ByteRange): BatchSource;
}

/**
 * Answers GET and HEAD with conditions and ranges (RFC 9110 §13–14). The status is sent when the first bytes are there,
 * so that what cannot be had gets an error; a failure later truncates the body and ends the connection, which a client
 * sees by the missing length.
 */
export async function sendBody(context: ApiContext, call: Call, body: Body): Promise<void> {
  const { req, res } = call;
  const etag = etagOf(body.cid);
  if (isPreconditionFailed(req.headers, etag))
    throw new HttpError(412, 'The CID names other bytes than those asked for');
  if (isNotModified(req.headers, etag)) {
    res.writeHead(304, { ETag: etag }).end();
    return;
  }
  const asked = readRange(applicableRange(req.headers, etag), body.size);
  if (asked === 'unsatisfiable') {
    res.setHeader('Content-Range', `bytes */${body.size}`);
    throw new HttpError(416, 'The range is not satisfiable', ERROR_TYPE);
  }
  const range = asked ?? { start: 0, end: body.size };
  await body.check?.(range);
  const status = asked ? 206 : 200;
  const headers = bodyHeaders(body, etag, range, asked !== undefined);
  if (req.method === 'HEAD') {
    res.writeHead(status, headers).end();
    return;
  }
  if (context.writer.full) throw new HttpError(503, 'Too many downloads are under way');
  const source = body.read(range);
  try {
    const first = await source.next();
    writeHead(res, status, headers, first);
    await context.writer.write(res, source, first);
    res.end();
    context.counters.downloads.inc();
  } finally {
    await source.return(undefined);
  }
}

/** Sends the head of an answer whose first bytes wait already. */
function writeHead(
  res: ServerResponse,
  status: number,
  headers: OutgoingHttpHeaders,
  first: IteratorResult<ByteBatch, undefined>,
): void {
  try {
    res.writeHead(status, headers);
  } catch (error) {
    first.value?.release();
    throw error;
  }
}

function bodyHeaders(body: Body, etag: string, range: ByteRange, partial: boolean): OutgoingHttpHeaders {
  return {
    // A manifest of a stranger may say anything; only a well-formed type goes into a header.
    'Content-Type': bareMediaType(body.mimetype ?? '') ?? 'application/octet-stream',
    'Content-Disposition': writeAttachment(body.filename),
    'Content-Length': range.end - range.start,
    'Accept-Ranges': 'bytes',
    ETag: etag,
    'X-Content-Type-Options': 'nosniff',
    ...(partial && { 'Content-Range': `bytes ${range.start}-${range.end - 1}/${body.size}` }),
  };
}
