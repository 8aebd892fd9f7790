import type { ServerResponse } from 'node:http';

export const JSON_TYPE = 'application/json';
export const TEXT_TYPE = 'text/plain';
/** The reference labels its error texts as HTML; clients read them as text (06 §1). */
export const ERROR_TYPE = 'text/html';

/** Sends a whole body at once. Does nothing when an answer was begun already. */
export function respond(res: ServerResponse, status: number, type?: string, body = ''): void {
  if (res.headersSent || res.destroyed) return;
  const bytes = Buffer.from(body, 'utf8');
  if (type !== undefined) res.setHeader('Content-Type', type);
  // A 204 has no body and must not carry a length (RFC 9110 §8.6).
  if (status !== 204) res.setHeader('Content-Length', bytes.length);
  // Error bodies repeat what the client sent: a browser must not guess that they are pages.
  if (type?.startsWith(ERROR_TYPE)) res.setHeader('X-Content-Type-Options', 'nosniff');
  res.writeHead(status);
  res.end(bytes);
}

export function respondJson(res: ServerResponse, value: unknown): void {
  respond(res, 200, JSON_TYPE, JSON.stringify(value));
}

export function respondText(res: ServerResponse, text: string): void {
  respond(res, 200, TEXT_TYPE, text);
}

/** An answer that a handler ends with by throwing it: a status and the text for the client. */
export class HttpError extends Error {
  override readonly name = 'HttpError';
  readonly status: number;
  readonly contentType: string;

  constructor(status: number, text: string, contentType: string = ERROR_TYPE) {
    super(text);
    this.status = status;
    this.contentType = contentType;
  }
}
