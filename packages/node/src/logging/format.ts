import type { LogLevel, LogProps } from '@codex/runtime';
import { escapeText, jsonValue, quote, textValue } from './values.ts';

export interface LogRecord {
  readonly level: LogLevel;
  /** Milliseconds since the Unix epoch. */
  readonly time: number;
  readonly message: string;
  /** Separated by spaces. */
  readonly topics: string;
  readonly tid: number;
  readonly props: LogProps | undefined;
}

/** Turns a record into one line with its line end. */
export type LogFormat = (record: LogRecord) => string;

/** The message is padded to this many characters, so that properties stand in columns (06 §6). */
const MESSAGE_WIDTH = 42;

const SHORT: Readonly<Record<LogLevel, string>> = {
  trace: 'TRC',
  debug: 'DBG',
  info: 'INF',
  notice: 'NTC',
  warn: 'WRN',
  error: 'ERR',
  fatal: 'FAT',
};

const COLOR: Readonly<Record<LogLevel, string>> = {
  trace: '\x1b[90m',
  debug: '\x1b[32m',
  info: '\x1b[36m',
  notice: '\x1b[94m',
  warn: '\x1b[33m',
  error: '\x1b[31m',
  fatal: '\x1b[1;31m',
};
const BOLD = '\x1b[1m';
const BLUE = '\x1b[34m';
const RESET = '\x1b[0m';

function two(value: number): string {
  return value < 10 ? `0${value}` : `${value}`;
}

let cachedSecond = Number.NaN;
let cachedPrefix = '';
let cachedOffset = '';

/** `yyyy-MM-dd HH:mm:ss.fff±HH:MM`, local time. The part down to the second is kept: logging comes in bursts. */
export function timestamp(time: number): string {
  const second = Math.floor(time / 1000);
  if (second !== cachedSecond) {
    const date = new Date(time);
    const offset = -date.getTimezoneOffset();
    const span = Math.abs(offset);
    cachedOffset = `${offset < 0 ? '-' : '+'}${two(Math.floor(span / 60))}:${two(span % 60)}`;
    cachedPrefix =
      `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())} ` +
      `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
    cachedSecond = second;
  }
  return `${cachedPrefix}.${String(Math.floor(time - second * 1000)).padStart(3, '0')}${cachedOffset}`;
}

/** The reference's text line: level at column 0, time at column 4, message at column 34 (06 §6). */
export const textFormat: LogFormat = (record) => {
  let line = `${SHORT[record.level]} ${timestamp(record.time)} ${escapeText(record.message).padEnd(MESSAGE_WIDTH)} `;
  line += `topics="${escapeText(record.topics)}" tid=${record.tid}`;
  for (const [name, value] of Object.entries(record.props ?? {})) {
    if (value !== undefined) line += ` ${quote(name)}=${textValue(name, value)}`;
  }
  return `${line}\n`;
};

/** The text line with colours for a terminal. */
export const colorFormat: LogFormat = (record) => {
  let line = `${COLOR[record.level]}${SHORT[record.level]}${RESET} ${timestamp(record.time)} `;
  line += `${BOLD}${escapeText(record.message).padEnd(MESSAGE_WIDTH)}${RESET} `;
  line += `${BLUE}topics${RESET}="${escapeText(record.topics)}" ${BLUE}tid${RESET}=${record.tid}`;
  for (const [name, value] of Object.entries(record.props ?? {})) {
    if (value !== undefined) line += ` ${BLUE}${quote(name)}${RESET}=${textValue(name, value)}`;
  }
  return `${line}\n`;
};

/** Names that a property may not take, for they are the record's own. */
const RECORD_KEYS = new Set(['lvl', 'ts', 'msg', 'topics', 'tid']);

/** One JSON object per line: `lvl`, `ts`, `msg`, `topics`, `tid`, then the properties with full values (06 §6). */
export const jsonFormat: LogFormat = (record) => {
  const line: Record<string, unknown> = {
    lvl: SHORT[record.level],
    ts: timestamp(record.time),
    msg: record.message,
    topics: record.topics,
    tid: record.tid,
  };
  for (const [name, value] of Object.entries(record.props ?? {})) {
    line[RECORD_KEYS.has(name) ? `${name}_` : name] = jsonValue(name, value);
  }
  return `${JSON.stringify(line)}\n`;
};
