/** The levels of the reference client, least severe first. */
export const LOG_LEVELS = ['trace', 'debug', 'info', 'notice', 'warn', 'error', 'fatal'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

/** Properties of a log line. Values may be anything with a text form; CIDs and ids are shortened by the writer. */
export type LogProps = Readonly<Record<string, unknown>>;

type LogMethod = (message: string, props?: LogProps) => void;

/** A logger bound to topics. Packages get theirs through their components and never write to the console. */
export type Logger = Readonly<Record<LogLevel, LogMethod>> & {
  /** A logger for a narrower topic, e.g. `codex blockexcengine`. */
  child(topics: string): Logger;
  isEnabled(level: LogLevel): boolean;
};

const silence: LogMethod = () => {};

/** Drops everything: the default where a component is used without a node around it. */
export const silentLogger: Logger = {
  trace: silence,
  debug: silence,
  info: silence,
  notice: silence,
  warn: silence,
  error: silence,
  fatal: silence,
  child: () => silentLogger,
  isEnabled: () => false,
};
