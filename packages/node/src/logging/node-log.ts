import { openSync } from 'node:fs';
import { isatty } from 'node:tty';
import { type Clock, LOG_LEVELS, type Logger, type LogLevel, type LogProps, systemClock } from '@codex/runtime';
import { NodeError } from '../errors.ts';
import { colorFormat, jsonFormat, type LogFormat, textFormat } from './format.ts';
import { LogLevels } from './levels.ts';
import { LineWriter } from './line-writer.ts';

export interface NodeLogInit {
  /** Level specification, see LogLevels. */
  readonly level: string;
  readonly format: 'auto' | 'colors' | 'nocolors' | 'json' | 'none';
  /** Plain text copy; an existing file is replaced. */
  readonly file?: string | undefined;
  /** Where lines go; default: standard output, as in the reference. */
  readonly fd?: number;
}

/** How long a log that ends waits for whoever reads it. */
const CLOSE_FLUSH_MS = 1000;

interface Output {
  readonly format: LogFormat;
  readonly writer: LineWriter;
}

/**
 * The log of a node: hands out loggers bound to topics, and owns levels and writers.
 *
 * Lines are formatted here rather than by a logging library: the columns of the reference's text format are parsed by
 * its test tools (06 §6), and the JSON form names its keys in the reference's way.
 */
export class NodeLog {
  readonly levels: LogLevels;
  readonly #outputs: Output[] = [];
  readonly #clock: Clock;

  private constructor(init: NodeLogInit, clock: Clock) {
    this.levels = new LogLevels(init.level);
    this.#clock = clock;
    const fd = init.fd ?? 1;
    const format = formatOf(init.format, fd);
    if (format) this.#outputs.push({ format, writer: new LineWriter(fd) });
    if (init.file !== undefined)
      this.#outputs.push({ format: textFormat, writer: new LineWriter(openLogFile(init.file)) });
  }

  /** Errors: LOG_LEVEL_INVALID, LOG_FILE_UNWRITABLE. */
  static open(init: NodeLogInit, components: { clock?: Clock } = {}): NodeLog {
    return new NodeLog(init, components.clock ?? systemClock);
  }

  /** A logger for `topics`, separated by spaces. */
  logger(topics: string): Logger {
    const { levels } = this;
    const words = topics.split(' ');
    let version = -1;
    let threshold = 0;
    const enabled = (rank: number) => {
      if (version !== levels.version) {
        version = levels.version;
        threshold = levels.threshold(words);
      }
      return rank >= threshold;
    };
    const methods = Object.fromEntries(
      LOG_LEVELS.map((level, rank) => [
        level,
        (message: string, props?: LogProps) => {
          if (enabled(rank)) this.#write(level, topics, message, props);
        },
      ]),
    ) as Record<LogLevel, (message: string, props?: LogProps) => void>;
    return {
      ...methods,
      child: (more) => this.logger(more),
      isEnabled: (level) => this.#outputs.length > 0 && enabled(LogLevels.rank(level)),
    };
  }

  /** Resolves when everything logged so far is out. */
  async flush(): Promise<void> {
    await Promise.all(this.#outputs.map(({ writer }) => writer.flush()));
  }

  /** Writes what is left, giving a slow reader a moment, and ends the log. */
  async close(): Promise<void> {
    const patience = new AbortController();
    const late = this.#clock.sleep(CLOSE_FLUSH_MS, { signal: patience.signal }).catch(() => {});
    await Promise.race([this.flush(), late]);
    patience.abort();
    this.flushSync();
  }

  /** The end: writes what is left, blocking. Later records are lost. */
  flushSync(): void {
    for (const { writer } of this.#outputs) writer.flushSync();
  }

  #write(level: LogLevel, topics: string, message: string, props: LogProps | undefined): void {
    const record = { level, time: this.#clock.now(), message, topics, tid: process.pid, props };
    for (const { format, writer } of this.#outputs) writer.write(format(record));
  }
}

function formatOf(name: NodeLogInit['format'], fd: number): LogFormat | undefined {
  if (name === 'none') return undefined;
  if (name === 'json') return jsonFormat;
  if (name === 'colors') return colorFormat;
  return name === 'auto' && isatty(fd) ? colorFormat : textFormat;
}

function openLogFile(file: string): number {
  try {
    return openSync(file, 'w', 0o640);
  } catch (cause) {
    throw new NodeError(
      'LOG_FILE_UNWRITABLE',
      `Log file ${file} cannot be opened: ${(cause as Error).message}`,
      { file },
      { cause },
    );
  }
}
