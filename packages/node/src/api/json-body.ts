import { readBody } from './body.ts';
import type { Call } from './call.ts';
import type { ApiContext } from './context.ts';
import { HttpError } from './respond.ts';

/** The JSON object in a request body, whatever its content type says (06 §1). Errors: 400, 413. */
export async function readJson({ clock, limits }: ApiContext, call: Call): Promise<Readonly<Record<string, unknown>>> {
  const pieces: Uint8Array[] = [];
  let length = 0;
  const keep = async (piece: Uint8Array) => {
    length += piece.length;
    if (length > limits.jsonBytes) throw new HttpError(413, `The body is longer than ${limits.jsonBytes} bytes`);
    pieces.push(piece);
  };
  if (call.req.headers.expect !== undefined && call.req.httpVersion === '1.1') call.res.writeContinue();
  await readBody(call.req, keep, clock, limits, { signal: call.signal });
  let value: unknown;
  try {
    value = JSON.parse(Buffer.concat(pieces).toString('utf8'));
  } catch {
    throw new HttpError(400, 'The body is no JSON');
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new HttpError(400, 'The body is no JSON object');
  }
  return value as Readonly<Record<string, unknown>>;
}

/** A number of things, as a number or decimal text (06 §1): 400 for what is no number, 422 when it is missing or zero. */
export function readCount(input: Readonly<Record<string, unknown>>, key: string): number {
  const given = input[key] ?? 0;
  const value = typeof given === 'string' && /^\d+$/.test(given) ? Number(given) : given === '' ? 0 : given;
  if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < 0) {
    throw new HttpError(400, `${key} must be a whole number`);
  }
  if (value === 0) throw new HttpError(422, `${key} must be greater than zero`);
  return value;
}
