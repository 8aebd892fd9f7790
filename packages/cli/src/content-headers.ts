import type { IncomingHttpHeaders } from 'node:http';

/** The file name of a Content-Disposition header, as nodes write it (06 §2) or by RFC 6266. */
export function storedName(headers: IncomingHttpHeaders): string | undefined {
  const header = headers['content-disposition'] ?? '';
  const encoded = /filename\*\s*=\s*UTF-8''([^;\s]+)/i.exec(header)?.[1];
  if (encoded !== undefined) {
    try {
      return decodeURIComponent(encoded);
    } catch {
      // The plain name will do.
    }
  }
  const quoted = /filename\s*=\s*"((?:[^"\\]|\\.)*)"/i.exec(header)?.[1];
  return quoted?.replace(/\\(.)/g, '$1') ?? /filename\s*=\s*([^;\s"]+)/i.exec(header)?.[1];
}

export interface BodyPlace {
  /** Offset of the first byte of the body. */
  readonly start: number;
  /** Bytes of the whole data; undefined when the node does not tell. */
  readonly total: number | undefined;
}

/** Where the body of a 200 or 206 answer belongs; undefined for a 206 without a usable Content-Range. */
export function bodyPlace(status: number, headers: IncomingHttpHeaders): BodyPlace | undefined {
  if (status !== 206) {
    const length = headers['content-length'];
    return { start: 0, total: length === undefined ? undefined : Number(length) };
  }
  const match = /^bytes (\d+)-(\d+)\/(\d+)$/.exec(headers['content-range'] ?? '');
  return match ? { start: Number(match[1]), total: Number(match[3]) } : undefined;
}

/** The size that a 416 answer tells, or undefined. */
export function unsatisfiedTotal(headers: IncomingHttpHeaders): number | undefined {
  const match = /^bytes \*\/(\d+)$/.exec(headers['content-range'] ?? '');
  return match ? Number(match[1]) : undefined;
}
