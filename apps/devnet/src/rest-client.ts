import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { type IncomingMessage, request } from 'node:http';
import { DevnetError } from './errors.ts';

const BASE = '/api/codex/v1';
/** Large enough that the cost of a read call vanishes, small enough for smooth progress. */
const READ_BYTES = 1024 * 1024;
/** Error bodies are one line; more than this is not worth showing. */
const ERROR_BODY_CHARS = 500;

export interface TransferOptions {
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((bytes: number) => void) | undefined;
}

/** What the demo needs of `/debug/info` (06 §3). */
export interface NodeInfo {
  readonly id: string;
  readonly addrs: readonly string[];
  readonly spr: string;
  /** The node itself and whom it knows in the DHT. */
  readonly table: {
    /** `ip:port` of the UDP socket. */
    readonly localNode: { readonly address: string | null };
    readonly nodes: readonly { readonly peerId: string; readonly seen: boolean }[];
  };
}

export interface Upload {
  readonly cid: string;
  readonly bytes: number;
  /** SHA-256 of what was sent, hex. */
  readonly sha256: string;
}

export interface Download {
  readonly bytes: number;
  /** SHA-256 of the body, hex. */
  readonly sha256: string;
  /** From the request to the first byte of the body, milliseconds. */
  readonly firstByteMs: number;
}

interface Ask {
  readonly method?: string;
  readonly path: string;
  readonly headers?: Record<string, string | number>;
  readonly body?: AsyncIterable<Uint8Array>;
  readonly signal?: AbortSignal | undefined;
}

/** A small client of the routes that the demo and the measurements use (06 §2, §3). Streams; never holds a file. */
export class RestClient {
  readonly url: string;

  constructor(url: string) {
    this.url = url;
  }

  /** Stores the first `size` bytes of a file (default: all of it). */
  async upload(
    file: string,
    options: TransferOptions & { name?: string; type?: string; size?: number } = {},
  ): Promise<Upload> {
    const headers: Record<string, string | number> = { 'Content-Type': options.type ?? 'application/octet-stream' };
    if (options.name) headers['Content-Disposition'] = `attachment; filename="${options.name}"`;
    if (options.size !== undefined) headers['Content-Length'] = options.size;
    const source = createReadStream(file, {
      highWaterMark: READ_BYTES,
      ...(options.size === undefined ? {} : { end: options.size - 1 }),
    });
    const hash = createHash('sha256');
    let bytes = 0;
    async function* body() {
      for await (const chunk of source) {
        hash.update(chunk as Uint8Array);
        yield chunk as Uint8Array;
        bytes += (chunk as Uint8Array).length;
        options.onProgress?.(bytes);
      }
    }
    try {
      const response = await this.#ask({
        method: 'POST',
        path: '/data',
        headers,
        body: body(),
        signal: options.signal,
      });
      return { cid: (await text(response)).trim(), bytes, sha256: hash.digest('hex') };
    } finally {
      source.destroy();
    }
  }

  /** Reads a dataset through, from the network where it is not local, and returns its digest. */
  async download(cid: string, options: TransferOptions & { local?: boolean } = {}): Promise<Download> {
    const began = performance.now();
    const path = options.local ? `/data/${cid}` : `/data/${cid}/network/stream`;
    const response = await this.#ask({ path, signal: options.signal });
    const hash = createHash('sha256');
    let bytes = 0;
    let firstByteMs = 0;
    try {
      for await (const chunk of response) {
        if (bytes === 0) firstByteMs = performance.now() - began;
        hash.update(chunk as Uint8Array);
        bytes += (chunk as Uint8Array).length;
        options.onProgress?.(bytes);
      }
    } catch (error) {
      options.signal?.throwIfAborted();
      throw new DevnetError(
        'NODE_UNREACHABLE',
        `The download broke off after ${bytes} bytes`,
        { bytes, url: this.url },
        { cause: error },
      );
    }
    return { bytes, sha256: hash.digest('hex'), firstByteMs };
  }

  async info(signal?: AbortSignal): Promise<NodeInfo> {
    return JSON.parse(await text(await this.#ask({ path: '/debug/info', signal }))) as NodeInfo;
  }

  /** The datasets whose manifests are held. */
  async list(signal?: AbortSignal): Promise<{ cid: string }[]> {
    const body = JSON.parse(await text(await this.#ask({ path: '/data', signal }))) as { content: { cid: string }[] };
    return body.content;
  }

  async exists(cid: string, signal?: AbortSignal): Promise<boolean> {
    const body = JSON.parse(await text(await this.#ask({ path: `/data/${cid}/exists`, signal }))) as Record<
      string,
      boolean
    >;
    return body[cid] === true;
  }

  async remove(cid: string, signal?: AbortSignal): Promise<void> {
    await text(await this.#ask({ method: 'DELETE', path: `/data/${cid}`, signal }));
  }

  /** Without addresses the node asks the DHT. */
  async connect(peerId: string, addrs: readonly string[], signal?: AbortSignal): Promise<void> {
    const query = addrs.map((addr) => `addrs=${encodeURIComponent(addr)}`).join('&');
    await text(await this.#ask({ path: `/connect/${peerId}${query && `?${query}`}`, signal }));
  }

  async #ask(ask: Ask): Promise<IncomingMessage> {
    const { method = 'GET', path } = ask;
    const response = await new Promise<IncomingMessage>((resolve, reject) => {
      // A connection of its own for every request: a node that was killed and restarted leaves no stale ones behind.
      const req = request(`${this.url}${BASE}${path}`, {
        method,
        headers: ask.headers ?? {},
        agent: false,
        signal: ask.signal,
      });
      const fail = (error: Error) => {
        req.destroy();
        reject(error);
      };
      req.once('response', resolve);
      req.once('error', fail);
      if (ask.body) send(ask.body, req).catch(fail);
      else req.end();
    }).catch((error: Error) => {
      ask.signal?.throwIfAborted();
      throw new DevnetError(
        'NODE_UNREACHABLE',
        `${method} ${path}: ${error.message}`,
        { url: this.url },
        { cause: error },
      );
    });
    const status = response.statusCode ?? 0;
    if (status >= 200 && status < 300) return response;
    const body = (await text(response).catch(() => '')).slice(0, ERROR_BODY_CHARS);
    throw new DevnetError('NODE_REFUSED', `${method} ${path}: ${status} ${body}`.trimEnd(), {
      status,
      body,
      url: this.url,
    });
  }
}

async function send(body: AsyncIterable<Uint8Array>, req: ReturnType<typeof request>): Promise<void> {
  // A server that answers early (an error status) closes: whoever waits for room must then be woken.
  const closed = new Promise<void>((resolve) => req.once('close', resolve));
  for await (const chunk of body) {
    if (req.destroyed) return;
    if (!req.write(chunk)) await Promise.race([new Promise((resolve) => req.once('drain', resolve)), closed]);
  }
  req.end();
}

async function text(response: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of response) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString();
}
