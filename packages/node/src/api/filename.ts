/** Stem and extension together: what the common file systems take. */
const NAME_CHARS_MAX = 259;

const FORBIDDEN = /[\\:*?"<>|^]/;
const RESERVED = /^(con|prn|aux|nul|com[0-9]|lpt[0-9])$/i;
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what it looks for
const CONTROL = /[\x00-\x1f\x7f]/;

/**
 * The reference's rule (06 §2): it looks at what follows the last `/` only, and there at the stem; the extension counts
 * for the length alone. Beyond that, control characters are refused anywhere: they come in through `filename*` only.
 */
export function isValidFilename(name: string): boolean {
  const base = name.slice(name.lastIndexOf('/') + 1);
  // A leading dot begins a stem, not an extension.
  const dot = base.lastIndexOf('.');
  const stem = dot > 0 ? base.slice(0, dot) : base;
  if (stem.length === 0 || base.length > NAME_CHARS_MAX || CONTROL.test(name)) return false;
  if (stem.startsWith(' ') || stem.endsWith(' ') || stem.endsWith('.')) return false;
  return !FORBIDDEN.test(stem) && !RESERVED.test(stem);
}
