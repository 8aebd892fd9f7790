/** A prefixed binary multiplier per letter: always powers of 1024 (06 §5). */
const SIZE_LETTERS = 'bkmgtpe';
const DURATION_UNIT_MS: Readonly<Record<string, number>> = {
  s: 1000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
  w: 604_800_000,
};

/** Bytes of a number with an optional unit, `20GiB` = `20g` = `20GB`; undefined for what is none, or none above 0. */
export function parseSize(text: string): number | undefined {
  const match = /^(\d+(?:\.\d+)?)\s*(?:([kmgtpe])i?b?|b)?$/i.exec(text.trim());
  if (!match?.[1]) return undefined;
  const power = match[2] ? SIZE_LETTERS.indexOf(match[2].toLowerCase()) : 0;
  const bytes = Math.floor(Number(match[1]) * 1024 ** power);
  return Number.isSafeInteger(bytes) && bytes > 0 ? bytes : undefined;
}

/** Milliseconds of a number of seconds, or of a number with a unit, `90s` or `30d`; undefined for what is none, or none above 0. */
export function parseDuration(text: string): number | undefined {
  const match = /^(\d+(?:\.\d+)?)\s*([smhdw])?$/i.exec(text.trim());
  if (!match?.[1]) return undefined;
  const ms = Math.round(Number(match[1]) * (DURATION_UNIT_MS[(match[2] ?? 's').toLowerCase()] ?? 1000));
  return Number.isSafeInteger(ms) && ms > 0 ? ms : undefined;
}
