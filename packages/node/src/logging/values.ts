import { CodexError } from '@codex/runtime';

/** What a property is called when its value must not be read by anybody. */
const SECRET_NAME =
  /(priv(ate)?[-_]?key|secret|password|passphrase|mnemonic|seed[-_]?phrase|auth(orization)?$|token$)/i;
const CREDENTIALS = /(\w+:\/\/)[^\s/@]+@/g;
const HIDDEN = '***';

/** A manifest, tree or block CID, or a peer id, in base58 text. */
const BASE58_ID = /^(?:z[A-Za-z0-9]{40,}|16Uiu2[1-9A-HJ-NP-Za-km-z]{40,}|12D3[1-9A-HJ-NP-Za-km-z]{40,})$/;
const HEX_ID = /^0x[0-9a-f]{64}$/i;
/** Bytes and lists are cut here, so that one record cannot fill the log. */
const LIST_ITEMS_MAX = 100;
const DEPTH_MAX = 4;

/** A value as JSON can carry it: full ids, secrets hidden (06 §6). */
export function jsonValue(name: string, value: unknown, depth = 0): unknown {
  if (SECRET_NAME.test(name) && value !== undefined && typeof value !== 'boolean') return HIDDEN;
  if (typeof value === 'string') return value.replace(CREDENTIALS, `$1${HIDDEN}@`);
  if (typeof value === 'number') return Number.isFinite(value) ? value : String(value);
  if (typeof value === 'bigint') return value.toString();
  if (value === null || typeof value === 'boolean' || value === undefined) return value;
  if (value instanceof CodexError) return `${value.code}: ${value.message}${causeText(value)}`;
  if (value instanceof Error) return `${value.message || value.name}${causeText(value)}`;
  if (value instanceof Uint8Array) return `0x${Buffer.from(value.subarray(0, LIST_ITEMS_MAX)).toString('hex')}`;
  if (typeof value !== 'object') return String(value);
  if (depth >= DEPTH_MAX) return '…';
  if (Array.isArray(value)) return value.slice(0, LIST_ITEMS_MAX).map((item) => jsonValue(name, item, depth + 1));
  if (Object.getPrototypeOf(value) === Object.prototype || Object.getPrototypeOf(value) === null) {
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, jsonValue(key, item, depth + 1)]));
  }
  return String(value);
}

/** The reasons behind an error, as deep as lists are shown (a cause may be a cycle). */
function causeText(error: Error, depth = 0): string {
  if (depth >= DEPTH_MAX) return '';
  const inner: unknown[] = error instanceof AggregateError ? error.errors.slice(0, LIST_ITEMS_MAX) : [error.cause];
  const texts = inner.flatMap((item) =>
    item instanceof Error && item.message ? [item.message + causeText(item, depth + 1)] : [],
  );
  return texts.length > 0 ? ` (${texts.join('; ')})` : '';
}

/** A value as a text line shows it: ids shortened, quoted where a reader could misread it (06 §6). */
export function textValue(name: string, value: unknown): string {
  const plain = jsonValue(name, value);
  if (plain === undefined) return '""';
  if (Array.isArray(plain)) return quote(`@[${plain.map((item) => textItem(item)).join(', ')}]`);
  return quote(textItem(plain));
}

function textItem(value: unknown): string {
  if (typeof value === 'string') return shorten(value);
  if (Array.isArray(value)) return `@[${value.map((item) => textItem(item)).join(', ')}]`;
  if (value !== null && typeof value === 'object') {
    return `(${Object.entries(value)
      .map(([key, item]) => `${key}: ${textItem(item)}`)
      .join(', ')})`;
  }
  return String(value);
}

/** `zDz*yzDSVL` for CIDs, `16U*abcdef` for peer ids, `0x1234..abcd` for 32-byte ids. */
export function shorten(text: string): string {
  if (BASE58_ID.test(text)) return `${text.slice(0, 3)}*${text.slice(-6)}`;
  if (HEX_ID.test(text)) return `${text.slice(0, 6)}..${text.slice(-4)}`;
  return text;
}

/** Quotes text that holds a space, `=`, a quote, or is empty; escapes what is not printable ASCII. */
export function quote(text: string): string {
  // The common case, a bare word, costs one test.
  if (/^[!#-<>-[\]-~]+$/.test(text)) return text;
  return `"${escapeText(text)}"`;
}

const NAMED: Readonly<Record<string, string>> = { '"': '\\"', '\\': '\\\\', '\n': '\\n', '\r': '\\r', '\t': '\\t' };

/** Escapes quotes, backslashes, control characters and, byte by byte, everything beyond ASCII. */
export function escapeText(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is looked for.
  return text.replace(/["\\]|[\x00-\x1f\x7f]|[^\x00-\x7f]+/g, (part) => {
    const named = NAMED[part];
    if (named) return named;
    let out = '';
    for (const byte of Buffer.from(part)) out += `\\x${byte.toString(16).padStart(2, '0').toUpperCase()}`;
    return out;
  });
}
