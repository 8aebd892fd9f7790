/**
 * Which content types an upload may carry. The reference takes a fixed table of about a thousand (06 §2) and refuses
 * everything else, even a charset. Here any well-formed type under a known top-level name is taken, and parameters are
 * cut off: a table of subtypes is always too old. What says that the body is *not* the file itself is refused.
 */

/** Names registered with IANA, and those that its practice left outside (`chemical`, and `x-…` below). */
const TOP_LEVEL = new Set([
  'application',
  'audio',
  'chemical',
  'example',
  'font',
  'haptics',
  'image',
  'message',
  'model',
  'text',
  'video',
]);

/** A form is a wrapping around files: stored as it is, nobody could use it. `multipart/…` is refused with it. */
const FORM = 'application/x-www-form-urlencoded';

/** `restricted-name` of RFC 6838 §4.2, 127 characters at most, on either side of the slash. */
const WELL_FORMED = /^([a-z0-9][a-z0-9!#$&^_.+-]{0,126})\/([a-z0-9][a-z0-9!#$&^_.+-]{0,126})$/i;

/** The type without parameters, as it was written, or undefined when it is not well formed. */
export function bareMediaType(header: string): string | undefined {
  const semicolon = header.indexOf(';');
  const type = (semicolon < 0 ? header : header.slice(0, semicolon)).trim();
  return WELL_FORMED.test(type) ? type : undefined;
}

/** The type to keep in the manifest, or undefined when an upload of this type is refused. */
export function uploadMediaType(header: string): string | undefined {
  const type = bareMediaType(header);
  if (type === undefined) return undefined;
  const lower = type.toLowerCase();
  const top = lower.slice(0, lower.indexOf('/'));
  if (lower === FORM || !(TOP_LEVEL.has(top) || top.startsWith('x-'))) return undefined;
  return type;
}
