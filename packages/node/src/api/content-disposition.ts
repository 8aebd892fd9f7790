/** Reads and writes Content-Disposition (RFC 6266), with the reference's reading as a fall-back (06 §2). */

/** A file name in a header is cut to this: clients limit header lines, and a foreign manifest may hold anything. */
const HEADER_NAME_CHARS_MAX = 255;

const PARAMETER = /^\s*;\s*([!#$%&'*+.^_`|~a-z0-9-]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s";,]+))/i;

/**
 * The file name that an upload's header gives, or undefined when it gives none. `filename*` goes before `filename`. Where
 * the grammar does not match, the name is what follows `filename="` up to the last character, as the reference reads it.
 */
export function readFilename(header: string): string | undefined {
  const parameters = readParameters(fromHeaderBytes(header));
  if (parameters === undefined) return referenceReading(fromHeaderBytes(header));
  const extended = parameters.get('filename*');
  return (extended === undefined ? undefined : decodeExtended(extended)) ?? parameters.get('filename');
}

/** Node gives header bytes as Latin-1; what is valid UTF-8 was meant as such. */
function fromHeaderBytes(header: string): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(Buffer.from(header, 'latin1'));
  } catch {
    return header;
  }
}

/** The parameters by lower-case name; undefined when something does not follow the grammar. */
function readParameters(header: string): Map<string, string> | undefined {
  const parameters = new Map<string, string>();
  const semicolon = header.indexOf(';');
  let rest = semicolon < 0 ? '' : header.slice(semicolon);
  while (rest.trim() !== '' && rest.trim() !== ';') {
    const match = PARAMETER.exec(rest);
    if (!match) return undefined;
    const name = match[1]!.toLowerCase();
    if (!parameters.has(name)) parameters.set(name, match[2]?.replace(/\\(.)/g, '$1') ?? match[3]!);
    rest = rest.slice(match[0].length);
    if (rest.trim() !== '' && !rest.trimStart().startsWith(';')) return undefined;
  }
  return parameters;
}

function referenceReading(header: string): string | undefined {
  const start = header.indexOf('filename="');
  return start < 0
    ? undefined
    : header
        .slice(start + 'filename="'.length)
        .trimEnd()
        .slice(0, -1);
}

/** `charset'language'percent-encoded` (RFC 8187); undefined when it is malformed. */
function decodeExtended(value: string): string | undefined {
  const match = /^(utf-8|iso-8859-1)'[^']*'(.*)$/i.exec(value);
  if (!match) return undefined;
  const encoded = match[2]!;
  if (/%(?![0-9a-f]{2})/i.test(encoded)) return undefined;
  if (match[1]!.toLowerCase() === 'iso-8859-1') {
    return encoded.replace(/%([0-9a-f]{2})/gi, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
  }
  try {
    return decodeURIComponent(encoded);
  } catch {
    return undefined;
  }
}

/**
 * The header of a download. The name may come from a stranger's manifest: nothing in it can end the header, the quoted
 * string or the directory in which a client saves. A name that loses something by that is given in full as `filename*`,
 * still without control characters and separators.
 */
export function writeAttachment(filename: string | undefined): string {
  if (filename === undefined || filename === '') return 'attachment';
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what it looks for
  const safe = filename.toWellFormed().replace(/[\x00-\x1f\x7f-\x9f/\\\u2028\u2029]/g, '_');
  const name = [...safe].slice(0, HEADER_NAME_CHARS_MAX).join('');
  const plain = name.replace(/[^\x20-\x7e]|["%]/g, '_');
  return plain === name
    ? `attachment; filename="${name}"`
    : `attachment; filename="${plain}"; filename*=UTF-8''${encodeExtended(name)}`;
}

/** Everything but `attr-char` of RFC 8187 is percent-encoded; encodeURIComponent leaves four too many. */
function encodeExtended(name: string): string {
  return encodeURIComponent(name).replace(
    /['()*]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}
