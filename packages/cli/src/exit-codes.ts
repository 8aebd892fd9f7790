import { CliError, type CliErrorCode } from './errors.ts';

/** What the command ends with; documented in docs/cli.md. */
export const EXIT = {
  OK: 0,
  FAILED: 1,
  USAGE: 2,
  NOT_FOUND: 3,
  UNREACHABLE: 4,
  INCOMPLETE: 5,
  /** As a shell reports a program that SIGINT ended. */
  INTERRUPTED: 130,
  /** As a shell reports a program that SIGPIPE ended. */
  OUTPUT_CLOSED: 141,
} as const;

const BY_CODE: Partial<Record<CliErrorCode, number>> = {
  USAGE: EXIT.USAGE,
  NOT_FOUND: EXIT.NOT_FOUND,
  NODE_UNREACHABLE: EXIT.UNREACHABLE,
  NODE_TIMEOUT: EXIT.UNREACHABLE,
  TRANSFER_INCOMPLETE: EXIT.INCOMPLETE,
  INTERRUPTED: EXIT.INTERRUPTED,
  OUTPUT_CLOSED: EXIT.OUTPUT_CLOSED,
};

export function exitCodeOf(error: unknown): number {
  return error instanceof CliError ? (BY_CODE[error.code] ?? EXIT.FAILED) : EXIT.FAILED;
}
