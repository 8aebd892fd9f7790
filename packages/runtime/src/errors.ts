/** What every error of the project carries: a stable code, and data that a program can act on. */
export interface ErrorFields {
  readonly code: string;
  readonly message: string;
  readonly data: Readonly<Record<string, unknown>>;
}

/**
 * The base of all errors. `code` is stable and documented in `docs/errors.md` (a test checks both directions);
 * `data` holds plain, cloneable values, so that an error survives a trip through a worker or a log line.
 */
export class CodexError extends Error {
  override readonly name: string = 'CodexError';
  readonly code: string;
  readonly data: Readonly<Record<string, unknown>>;

  constructor(code: string, message: string, data: Record<string, unknown> = {}, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
    this.data = data;
  }

  toObject(): ErrorFields {
    return { code: this.code, message: this.message, data: this.data };
  }

  static fromObject(fields: ErrorFields): CodexError {
    return new CodexError(fields.code, fields.message, { ...fields.data });
  }
}

/** True when `error` is a coded error, optionally with one of the given codes. */
export function isCodexError(error: unknown, ...codes: string[]): error is CodexError {
  return error instanceof CodexError && (codes.length === 0 || codes.includes(error.code));
}

/** The codes that this package throws. Every package exports such a table; `docs/errors.md` is checked against them all. */
export const RUNTIME_ERRORS = {
  LIFECYCLE_MISUSE: 'a part was added or started in the wrong state',
  LIFECYCLE_STOPPED: 'stopped while it was still starting',
  QUEUE_CLOSED: 'something was pushed to a queue that is closed, or closed while the push waited',
} as const;
