import type { IncomingHttpHeaders } from 'node:http';

/** A CID names bytes that never change, so it is a strong validator as it stands. */
export function etagOf(cid: string): string {
  return `"${cid}"`;
}

function names(list: string, etag: string, weak: boolean): boolean {
  if (list.trim() === '*') return true;
  return list.split(',').some((entry) => {
    const tag = entry.trim();
    return tag === etag || (weak && tag === `W/${etag}`);
  });
}

/** True when the client holds these bytes already: answer 304 (RFC 9110 §13.1.2). */
export function isNotModified(headers: IncomingHttpHeaders, etag: string): boolean {
  return headers['if-none-match'] !== undefined && names(headers['if-none-match'], etag, true);
}

/** True when the client wants other bytes than these: answer 412 (RFC 9110 §13.1.1). */
export function isPreconditionFailed(headers: IncomingHttpHeaders, etag: string): boolean {
  return headers['if-match'] !== undefined && !names(headers['if-match'], etag, false);
}

/** The Range header, unless If-Range ties it to another version; a date never matches, we give none. */
export function applicableRange(headers: IncomingHttpHeaders, etag: string): string | undefined {
  const condition = headers['if-range'];
  return typeof condition === 'string' && condition.trim() !== etag ? undefined : headers.range;
}
