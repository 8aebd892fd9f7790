import { CodexError } from '@codex/runtime';

/** The codes that this package throws, documented in `docs/errors.md`. */
export const MARKET_ERRORS = {
  RECORDS_UNUSABLE: 'the file of the marketplace’s records cannot be read or written',
} as const;

export type MarketErrorCode = keyof typeof MARKET_ERRORS;

export class MarketError extends CodexError {
  override readonly name = 'MarketError';

  constructor(code: MarketErrorCode, message: string, data?: Record<string, unknown>, options?: ErrorOptions) {
    super(code, message, data, options);
  }
}
