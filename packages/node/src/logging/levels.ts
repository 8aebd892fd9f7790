import { LOG_LEVELS, type LogLevel } from '@codex/runtime';
import { NodeError } from '../errors.ts';

/** The text that clients and tests of the reference wait for (06 §3). */
const LEVEL_HINT = 'Please specify one of: trace, debug, info, notice, warn, error or fatal';

/** Topics with a level of their own: far more than there are topics, so that a caller cannot fill the memory. */
const TOPICS_MAX = 1000;

const RANK: ReadonlyMap<string, number> = new Map(LOG_LEVELS.map((level, rank) => [level, rank]));

interface Settings {
  readonly base: number;
  readonly topics: ReadonlyMap<string, number>;
}

/**
 * Which records are written: a level for everything, and levels for single topics that override it. Where several
 * topics of a record have a level, the most talkative wins. Changeable while the node runs.
 */
export class LogLevels {
  #settings: Settings;
  /** Grows with every change, so that loggers can keep what they looked up. */
  version = 0;

  constructor(spec = 'info') {
    this.#settings = LogLevels.parse(spec);
  }

  /**
   * Replaces all levels by those of `spec`: `<level>[;<level>:topic,topic…]…` (06 §5), e.g. `info;trace:codex,blockexc`.
   * Error: LOG_LEVEL_INVALID; nothing is changed then.
   */
  set(spec: string): void {
    this.#settings = LogLevels.parse(spec);
    this.version++;
  }

  /** The least rank (index in LOG_LEVELS) that is written for a record with these topics. */
  threshold(topics: readonly string[]): number {
    let lowest: number | undefined;
    for (const topic of topics) {
      const rank = this.#settings.topics.get(topic);
      if (rank !== undefined && (lowest === undefined || rank < lowest)) lowest = rank;
    }
    return lowest ?? this.#settings.base;
  }

  static rank(level: LogLevel): number {
    return RANK.get(level) ?? 0;
  }

  static parse(spec: string): Settings {
    const parts = spec.split(';').map((part) => part.trim());
    const base = parseLevel(parts[0] ?? '', spec);
    const topics = new Map<string, number>();
    for (const part of parts.slice(1)) {
      if (part === '') continue;
      const colon = part.indexOf(':');
      const names =
        colon < 0
          ? []
          : part
              .slice(colon + 1)
              .split(',')
              .map((name) => name.trim())
              .filter(Boolean);
      if (names.length === 0) throw invalid(spec);
      const rank = parseLevel(part.slice(0, colon), spec);
      for (const name of names) topics.set(name, rank);
    }
    if (topics.size > TOPICS_MAX) throw invalid(spec);
    return { base, topics };
  }
}

function parseLevel(text: string, spec: string): number {
  const rank = RANK.get(text.trim().toLowerCase());
  if (rank === undefined) throw invalid(spec);
  return rank;
}

function invalid(spec: string): NodeError {
  return new NodeError('LOG_LEVEL_INVALID', LEVEL_HINT, { spec: spec.slice(0, 200) });
}
