import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import type { ClientRequest } from 'node:http';
import { basename } from 'node:path';
import { pipeline } from 'node:stream/promises';
import type { Context } from './context.ts';
import { CliError } from './errors.ts';
import { mediaTypeOf } from './media-types.ts';
import { Progress } from './progress.ts';

/** Reads are large, so that the disk and the loop are asked seldom. */
const READ_BYTES = 1024 * 1024;

export interface UploadOptions {
  /** File name stored with the data; default: that of the file. */
  readonly name?: string;
  /** Media type stored with the data; default: guessed from the name. */
  readonly type?: string;
}

export interface Uploaded {
  readonly file: string;
  readonly cid: string;
  readonly bytes: number;
  readonly seconds: number;
}

/** Uploads a file, or standard input for `-`. Errors: FILE_UNREADABLE and those of ApiClient.open. */
export async function uploadFile(context: Context, file: string, options: UploadOptions): Promise<Uploaded> {
  const standardInput = file === '-';
  const size = standardInput ? undefined : await sizeOf(file);
  const name = options.name ?? (standardInput ? undefined : basename(file));
  const type = options.type ?? (name === undefined ? undefined : mediaTypeOf(name));
  const progress = new Progress({ label: name ?? 'standard input', total: size, quiet: context.quiet });
  const started = performance.now();
  let bytes = 0;
  const send = async (request: ClientRequest) => {
    // The end is fixed now, so that a file that grows meanwhile does not break the announced length.
    const source = standardInput
      ? createReadStream('', { fd: 0, autoClose: false, highWaterMark: READ_BYTES })
      : createReadStream(file, { highWaterMark: READ_BYTES, ...(size !== undefined && { end: size - 1 }) });
    let readError: Error | undefined;
    source.on('data', (chunk) => {
      bytes += chunk.length;
      progress.add(chunk.length);
    });
    source.once('error', (error) => {
      readError = error;
    });
    try {
      await pipeline(source, request);
    } catch {
      // An error of the connection reaches `open` by itself, and so does a refusal that came before the end.
      if (readError) throw unreadable(file, readError);
      return;
    }
    if (size !== undefined && bytes < size) {
      throw new CliError('FILE_UNREADABLE', `${file} became shorter while it was read`, { file });
    }
  };
  try {
    const response = await context.api.open('POST', '/data', {
      headers: {
        ...(size !== undefined && { 'content-length': size }),
        ...(type !== undefined && { 'content-type': type }),
        ...(name !== undefined && { 'content-disposition': contentDisposition(name) }),
      },
      send,
    });
    let cid = '';
    response.setEncoding('utf8');
    for await (const part of response) cid += part;
    cid = cid.trim();
    if (!/^[A-Za-z0-9]{20,128}$/.test(cid)) {
      throw new CliError('ANSWER_INVALID', `${context.api.origin} does not answer like a Codex node`, {
        text: cid.slice(0, 200),
      });
    }
    return { file, cid, bytes, seconds: (performance.now() - started) / 1000 };
  } finally {
    progress.end();
  }
}

async function sizeOf(file: string): Promise<number> {
  try {
    const info = await stat(file);
    if (!info.isFile())
      throw new CliError('FILE_UNREADABLE', `${file} is no regular file; use - to upload a stream`, { file });
    if (info.size === 0) throw new CliError('FILE_UNREADABLE', `${file} is empty: there is nothing to store`, { file });
    return info.size;
  } catch (error) {
    throw error instanceof CliError ? error : unreadable(file, error);
  }
}

function unreadable(file: string, cause: unknown): CliError {
  return new CliError('FILE_UNREADABLE', `${file} cannot be read: ${(cause as Error).message}`, { file }, { cause });
}

/** A plain quoted name where possible; otherwise RFC 6266 with a plain one for nodes that do not know it. */
export function contentDisposition(name: string): string {
  if (/^[ !#-[\]-~]+$/.test(name)) return `attachment; filename="${name}"`;
  const plain = name.replace(/[^ !#-[\]-~]+/g, '_');
  const encoded = encodeURIComponent(name).replace(
    /['()*]/g,
    (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`,
  );
  return `attachment; filename*=UTF-8''${encoded}; filename="${plain}"`;
}
