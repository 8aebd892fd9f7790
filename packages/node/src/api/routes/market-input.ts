/** Values of JSON bodies as the marketplace's routes take them (06 §1): what is missing reads as zero and meets the 422 checks. */
import { HttpError } from '../respond.ts';

export type JsonObject = Readonly<Record<string, unknown>>;

const OUT_OF_RANGE = 'Parsed integer outside of valid range';
const AMOUNT_END = 2n ** 256n;

const isAbsent = (value: unknown): value is undefined | null | '' =>
  value === undefined || value === null || value === '';

/** A size or a time, as a number or in decimal digits. */
export function readU64(input: JsonObject, key: string, absent = 0): number {
  const given = input[key];
  if (isAbsent(given)) return given === '' ? 0 : absent;
  const text = String(given);
  if (typeof given !== 'number' && typeof given !== 'string') throw unsigned(text);
  if (/^-\d+$/.test(text)) throw new HttpError(400, OUT_OF_RANGE);
  if (!/^\d+$/.test(text)) throw unsigned(text);
  const value = Number(text);
  // Larger ones no disk and no life could hold.
  if (!Number.isSafeInteger(value)) throw new HttpError(400, OUT_OF_RANGE);
  return value;
}

/** An amount of tokens: a whole number, or digits, decimal or behind 0x, 0o or 0b. */
export function readAmount(input: JsonObject, key: string): bigint {
  const given = input[key];
  if (isAbsent(given)) return 0n;
  const text = String(given);
  const isNumber = typeof given === 'number' && Number.isSafeInteger(given);
  if (!isNumber && typeof given !== 'string') throw undecimal(text);
  if (/^-\d+$/.test(text)) throw new HttpError(400, OUT_OF_RANGE);
  if (!/^(\d+|0x[0-9a-f]+|0o[0-7]+|0b[01]+)$/i.test(text)) throw undecimal(text);
  const value = BigInt(text.toLowerCase());
  if (value >= AMOUNT_END) throw new HttpError(400, OUT_OF_RANGE);
  return value;
}

/** Unix seconds, as a number only; negative ones are refused by whoever knows why. */
export function readTime(input: JsonObject, key: string): number {
  const given = input[key] ?? 0;
  if (typeof given !== 'number' || !Number.isSafeInteger(given)) {
    throw new HttpError(400, `${key} must be a whole number`);
  }
  return given;
}

export function readBoolean(input: JsonObject, key: string, absent: boolean): boolean {
  const given = input[key] ?? absent;
  if (typeof given !== 'boolean') throw new HttpError(400, `${key} must be true or false`);
  return given;
}

const unsigned = (text: string) => new HttpError(400, `invalid unsigned integer: ${text}`);
const undecimal = (text: string) => new HttpError(400, `[${text}] is not a decimal character`);
