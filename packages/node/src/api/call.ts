import type { IncomingMessage, ServerResponse } from 'node:http';

/** One request under way, with its answer. Handlers speak to the bare streams: no layer between body and repository. */
export interface Call {
  readonly req: IncomingMessage;
  readonly res: ServerResponse;
  /** Decoded path parameters. */
  readonly params: Readonly<Record<string, string>>;
  readonly query: URLSearchParams;
  /** Aborted when the client went away or the server stops. */
  readonly signal: AbortSignal;
}

export type Handler = (call: Call) => Promise<void> | void;

export type Method = 'GET' | 'HEAD' | 'POST' | 'DELETE' | 'PATCH';

/** One route below the base path. */
export interface Route {
  readonly method: Method;
  /** With `:name` parameters. */
  readonly path: string;
  readonly handle: Handler;
  /** Name of its entry in `schemas.ts`; routes without one are left out of the OpenAPI document. */
  readonly doc?: string;
  /** Response headers that the reference adds when CORS is on. */
  readonly corsHeaders?: Readonly<Record<string, string>>;
}
