import type { AbortOptions } from '@codex/runtime';
import type { Connection, ConnectionInit } from './connection.ts';
import { EndpointFailure, isErrorBody, pairAnswers, type RpcAnswer, type RpcCall, transientKind } from './json-rpc.ts';

/** Answers longer than this are not read: a page of logs is far below. */
const ANSWER_BYTES_MAX = 32 * 1024 * 1024;

/** JSON-RPC over HTTP; several calls travel as one batch, or one by one where batches are refused. */
export class HttpConnection implements Connection {
  readonly #url: string;
  readonly #headers: Record<string, string>;
  readonly #closed = new AbortController();
  #id = 1;
  #batches = true;

  constructor({ url }: Pick<ConnectionInit, 'url'>) {
    const parsed = new URL(url);
    this.#headers = { 'content-type': 'application/json' };
    if (parsed.username !== '' || parsed.password !== '') {
      // `fetch` refuses addresses with credentials.
      const pair = `${decodeURIComponent(parsed.username)}:${decodeURIComponent(parsed.password)}`;
      this.#headers.authorization = `Basic ${Buffer.from(pair).toString('base64')}`;
      parsed.username = '';
      parsed.password = '';
    }
    this.#url = parsed.href;
  }

  async send(calls: readonly RpcCall[], options: AbortOptions): Promise<readonly RpcAnswer[]> {
    if (calls.length > 1 && this.#batches) {
      const answers = await this.#post(calls, options);
      if (answers) return answers;
      this.#batches = false;
    }
    const single = await Promise.all(calls.map((call) => this.#post([call], options)));
    return single.map((answers) => answers![0]!);
  }

  close(): void {
    this.#closed.abort(new EndpointFailure('unreachable', 'closed'));
  }

  /** Undefined: this end point takes no batches. */
  async #post(calls: readonly RpcCall[], { signal }: AbortOptions): Promise<readonly RpcAnswer[] | undefined> {
    const firstId = this.#id;
    this.#id += calls.length;
    const bodies = calls.map(({ method, params = [] }, i) => ({ jsonrpc: '2.0', id: firstId + i, method, params }));
    const isBatch = calls.length > 1;
    const ends = signal ? AbortSignal.any([signal, this.#closed.signal]) : this.#closed.signal;
    const { status, text, retryAfterMs } = await this.#exchange(JSON.stringify(isBatch ? bodies : bodies[0]), ends);
    if (status === 429) throw new EndpointFailure('rate-limited', 'HTTP 429', { retryAfterMs });
    let parsed: unknown;
    try {
      parsed = JSON.parse(text);
    } catch {
      throw new EndpointFailure('unreachable', `HTTP ${status}, and no JSON`);
    }
    if (isBatch && !Array.isArray(parsed)) {
      const { error } = (parsed ?? {}) as { error?: unknown };
      if (!isErrorBody(error)) throw new EndpointFailure('unreachable', `HTTP ${status}, and no answer`);
      const kind = transientKind(error);
      if (kind) throw new EndpointFailure(kind, error.message, { retryAfterMs });
      return undefined;
    }
    const answers = pairAnswers(Array.isArray(parsed) ? parsed : [parsed], firstId, calls.length);
    if (answers.includes(undefined))
      throw new EndpointFailure('unreachable', `HTTP ${status}, and an answer is missing`);
    return answers as RpcAnswer[];
  }

  async #exchange(
    body: string,
    signal: AbortSignal,
  ): Promise<{ status: number; text: string; retryAfterMs: number | undefined }> {
    try {
      const response = await fetch(this.#url, { method: 'POST', headers: this.#headers, body, signal });
      const chunks: Uint8Array[] = [];
      let bytes = 0;
      for await (const chunk of response.body ?? []) {
        bytes += chunk.length;
        if (bytes > ANSWER_BYTES_MAX) throw new EndpointFailure('unreachable', 'the answer is too long');
        chunks.push(chunk);
      }
      const seconds = Number(response.headers.get('retry-after') ?? Number.NaN);
      return {
        status: response.status,
        text: Buffer.concat(chunks).toString('utf8'),
        retryAfterMs: Number.isFinite(seconds) && seconds >= 0 ? seconds * 1000 : undefined,
      };
    } catch (error) {
      if (error instanceof EndpointFailure) throw error;
      const { cause, message } = error as Error;
      throw new EndpointFailure('unreachable', cause instanceof Error ? cause.message : message, { cause: error });
    }
  }
}
