import type { IncomingMessage, ServerResponse } from 'node:http';

const MAX_AGE_S = 86_400;

/** True when the setting names the request's origin; the scheme may be left out of the setting (06 §1). */
export function originMatches(setting: string, origin: string): boolean {
  if (setting === '*' || setting === origin) return true;
  return !setting.includes('://') && origin.slice(origin.indexOf('://') + 3) === setting;
}

/** More than one Origin header is an attempt to confuse (06 §1: 400). */
export function hasSeveralOrigins(req: IncomingMessage): boolean {
  return (req.headersDistinct.origin?.length ?? 0) > 1;
}

/**
 * Puts the CORS headers of 06 §1 on an answer, whatever its status will be: a browser hides errors that come without
 * them. `methods` is what stands before `, OPTIONS`.
 */
export function setCors(
  req: IncomingMessage,
  res: ServerResponse,
  setting: string,
  methods: string,
  extra: Readonly<Record<string, string>> = {},
): void {
  const origin = req.headers.origin;
  if (setting === '*') {
    res.setHeader('Access-Control-Allow-Origin', '*');
  } else {
    res.setHeader('Access-Control-Allow-Origin', origin && originMatches(setting, origin) ? origin : setting);
    res.setHeader('Vary', 'Origin');
  }
  res.setHeader('Access-Control-Allow-Methods', `${methods}, OPTIONS`);
  res.setHeader('Access-Control-Max-Age', MAX_AGE_S);
  for (const [name, value] of Object.entries(extra)) res.setHeader(name, value);
}
