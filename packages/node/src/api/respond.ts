import type { ServerResponse } from 'node:http';

export const JSON_TYPE = 'application/json';
export const TEXT_TYPE = 'text/plain';
/** The reference labels its error texts as HTML; clients read them as text (06 §1). */
export const ERROR_TYPE = 'text/html';

/** Sends a whole answer. Does nothing when one was begun already. */
export function respond(res: ServerResponse, status: number, type?: string, body = ''): void {
  if (sendAnswer(res, status, type, body)) res.end();
}

/**
 * Sends a whole answer, but leaves it to the caller to end it: the connection stays open until then, whatever the client
 * asked for. False when an answer was begun already.
 */
export function sendAnswer(res: ServerResponse, status: number, type: string | undefined, body: string): boolean {
  if (res.headersSent || res.destroyed) return false;
  const bytes = Buffer.from(body, 'utf8');
  if (type !== undefined) res.setHeader('Content-Type', type);
  // A 204 has no body and must not carry a length (RFC 9110 §8.6).
  if (status !== 204) res.setHeader('Content-Length', bytes.length);
  // Error bodies repeat what the client sent: a browser must not guess that they are pages.
  if (type?.startsWith(ERROR_TYPE)) res.setHeader('X-Content-Type-Options', 'nosniff');
  // Head and body leave in one packet.
  res.cork();
  res.writeHead(status);
  if (bytes.length > 0) res.write(bytes);
  res.uncork();
  return true;
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
