/** What the values of options may be; commander tells the user what is wrong, and the command ends with exit code 2. */
import { parseDuration, parseSize } from '@codex/runtime';
import { InvalidArgumentError } from 'commander';

/** A number of rows or slots; the node says which numbers a code has. */
export function rows(text: string): number {
  if (!/^[1-9]\d{0,8}$/.test(text)) throw new InvalidArgumentError('It must be a whole number, 1 or more.');
  return Number(text);
}

export function whole(text: string): number {
  if (!/^\d{1,9}$/.test(text)) throw new InvalidArgumentError('It must be a whole number.');
  return Number(text);
}

export function bytes(text: string): number {
  const size = parseSize(text);
  if (size === undefined) throw new InvalidArgumentError('It must be a size, such as 500m or 20GiB.');
  return size;
}

export function seconds(text: string): number {
  const ms = parseDuration(text);
  if (ms === undefined) throw new InvalidArgumentError('It must be a duration, such as 90s or 30d.');
  return Math.max(1, Math.round(ms / 1000));
}

/** Unix seconds of a date, of a duration from now on, or as they are. */
export function moment(text: string): number {
  if (/^\d{1,12}$/.test(text)) return Number(text);
  const date = /^\d{4}-\d\d-\d\d/.test(text) ? Date.parse(text) : Number.NaN;
  const ms = Number.isNaN(date) ? Date.now() + (parseDuration(text) ?? Number.NaN) : date;
  if (Number.isNaN(ms))
    throw new InvalidArgumentError('It must be a date, such as 2030-12-31, or a duration from now.');
  return Math.round(ms / 1000);
}

export function chance(text: string): number {
  const value = Number(text);
  if (!(value > 0 && value < 1)) throw new InvalidArgumentError('It must be a number between 0 and 1, such as 1e-9.');
  return value;
}

export function tokens(text: string): bigint {
  if (!/^\d{1,40}$/.test(text)) throw new InvalidArgumentError('It must be a whole number.');
  return BigInt(text);
}
