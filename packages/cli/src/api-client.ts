import { type ClientRequest, request as httpRequest, type IncomingMessage, type OutgoingHttpHeaders } from 'node:http';
import { CliError } from './errors.ts';

export interface RequestInit {
  readonly headers?: OutgoingHttpHeaders;
  readonly signal?: AbortSignal | undefined;
  /** Writes the body and ends the request; rejects when the body cannot be made. */
  readonly send?: (request: ClientRequest) => Promise<void>;
  /** Statuses besides 2xx that are an answer, not an error. */
  readonly accept?: readonly number[];
  /** How long the node may be silent. */
  readonly idleTimeoutMs?: number;
}

/** A node that is silent for so long is taken for hung; it gives up fetching long before. */
const IDLE_TIMEOUT_MS = 180_000;
/** Error texts are short; JSON answers list what a node holds. */
const ERROR_TEXT_MAX_BYTES = 16 * 1024;
const ANSWER_MAX_BYTES = 256 * 1024 * 1024;
const NOT_FOUND_STATUS = [404, 504];

/** Speaks to the REST API of one node, streaming. */
export class ApiClient {
  readonly #base: URL;
  readonly #signal: AbortSignal | undefined;

  constructor(init: { readonly base: URL; readonly signal?: AbortSignal | undefined }) {
    this.#base = init.base;
    this.#signal = init.signal;
  }

  /** The URL without credentials, for messages. */
  get origin(): string {
    return this.#base.origin;
  }

  async json(method: string, path: string): Promise<unknown> {
    return this.#parsed(await this.text(method, path));
  }

  /** The same with a short body of JSON text. */
  async send(method: string, path: string, body: string): Promise<unknown> {
    return this.#parsed(await this.text(method, path, jsonBody(body)));
  }

  #parsed(text: string): unknown {
    try {
      return JSON.parse(text);
    } catch (cause) {
      throw new CliError(
        'ANSWER_INVALID',
        `${this.origin} does not answer like a Codex node`,
        { text: text.slice(0, 200) },
        { cause },
      );
    }
  }

  /** The whole answer. Errors: those of `open`, ANSWER_INVALID, and TRANSFER_INCOMPLETE when it breaks off. */
  async text(method: string, path: string, init: RequestInit = {}): Promise<string> {
    const response = await this.open(method, path, init);
    const body = await readAll(response, ANSWER_MAX_BYTES).catch((error: NodeJS.ErrnoException) => {
      throw this.#connectionError(error, true, init.signal ?? this.#signal);
    });
    return body.toString('utf8');
  }

  /**
   * Sends a request and resolves to its answer with an unread body. Errors: NODE_UNREACHABLE, NODE_TIMEOUT, NOT_FOUND,
   * REQUEST_REFUSED, INTERRUPTED, and what `send` rejects with.
   */
  async open(method: string, path: string, init: RequestInit = {}): Promise<IncomingMessage> {
    const signal = init.signal ?? this.#signal;
    signal?.throwIfAborted();
    const idleTimeoutMs = init.idleTimeoutMs ?? IDLE_TIMEOUT_MS;
    const request = await this.#request(method, path, init.headers ?? {}, signal);
    let connected = false;
    request.once('socket', (socket) => socket.once('connect', () => (connected = true)));
    const answered = new Promise<IncomingMessage>((resolve, reject) => {
      request.once('response', resolve);
      request.once('error', (error: NodeJS.ErrnoException) => reject(this.#connectionError(error, connected, signal)));
      request.setTimeout(idleTimeoutMs, () => {
        request.destroy(new CliError('NODE_TIMEOUT', `${this.origin} sent nothing for ${idleTimeoutMs / 1000} s`));
      });
    });
    const sent = init.send ? init.send(request) : Promise.resolve(void request.end());
    let sendError: unknown;
    sent.catch((error: unknown) => {
      sendError = error;
      request.destroy();
    });
    const response = await answered.catch((error: unknown) => {
      throw sendError ?? error;
    });
    const status = response.statusCode ?? 0;
    if ((status >= 200 && status < 300) || init.accept?.includes(status)) return response;
    const text = await readAll(response, ERROR_TEXT_MAX_BYTES).then(String, () => '');
    request.destroy();
    throw refusal(status, text.trim(), this.origin);
  }

  async #request(
    method: string,
    path: string,
    headers: OutgoingHttpHeaders,
    signal: AbortSignal | undefined,
  ): Promise<ClientRequest> {
    const { hostname, port, protocol, username, password, pathname } = this.#base;
    const options = {
      method,
      headers,
      hostname: hostname.replace(/^\[|\]$/g, ''),
      port,
      path: `${pathname}${path}`,
      agent: false as const,
      ...(signal && { signal }),
      ...(username && { auth: `${decodeURIComponent(username)}:${decodeURIComponent(password)}` }),
    };
    if (protocol === 'https:') return (await import('node:https')).request(options);
    return httpRequest(options);
  }

  #connectionError(error: NodeJS.ErrnoException, connected: boolean, signal: AbortSignal | undefined): unknown {
    if (error instanceof CliError) return error;
    if (signal?.aborted) return signal.reason;
    if (connected) {
      const message = `The connection to ${this.origin} broke: ${error.message}`;
      return new CliError('TRANSFER_INCOMPLETE', message, { origin: this.origin }, { cause: error });
    }
    const reason = error.code === 'ECONNREFUSED' ? 'is it running?' : error.message;
    return new CliError(
      'NODE_UNREACHABLE',
      `No node answers at ${this.origin}: ${reason}`,
      { origin: this.origin },
      { cause: error },
    );
  }
}

/** A short body of JSON text, with headers besides its type. */
export function jsonBody(body: string, headers: OutgoingHttpHeaders = {}): RequestInit {
  return {
    headers: { 'content-type': 'application/json', ...headers },
    send: async (request) => void request.end(body),
  };
}

/** What an error of the node is to the user. */
export function refusal(status: number, text: string, origin: string): CliError {
  const message = text || `${origin} answered with status ${status}`;
  const code = NOT_FOUND_STATUS.includes(status) ? 'NOT_FOUND' : 'REQUEST_REFUSED';
  return new CliError(code, message, { status });
}

/** The whole body. Error: ANSWER_INVALID when it is longer than `limitBytes`. */
async function readAll(response: IncomingMessage, limitBytes: number): Promise<Buffer> {
  const parts: Buffer[] = [];
  let length = 0;
  for await (const part of response as AsyncIterable<Buffer>) {
    length += part.length;
    if (length > limitBytes) throw new CliError('ANSWER_INVALID', `The answer is longer than ${limitBytes} bytes`);
    parts.push(part);
  }
  return Buffer.concat(parts);
}
