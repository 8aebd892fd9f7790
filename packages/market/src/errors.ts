import { CodexError } from '@codex/runtime';

/** The codes that this package throws, documented in `docs/errors.md`. */
export const MARKET_ERRORS = {
  AVAILABILITIES_LIMIT: 'there are as many availabilities as a host may have',
  AVAILABILITY_INVALID: 'an availability cannot be so',
  AVAILABILITY_MISSING: 'no availability has room for a slot',
  AVAILABILITY_UNKNOWN: 'there is no such availability',
  RESERVATION_EXCEEDED: 'a slot stored more bytes than were reserved for it',
  RESERVATION_UNKNOWN: 'a reservation has ended',
  RECORDS_UNUSABLE: 'the file of the marketplace’s records cannot be read or written',
} as const;

export type MarketErrorCode = keyof typeof MARKET_ERRORS;

export class MarketError extends CodexError {
  override readonly name = 'MarketError';

  constructor(code: MarketErrorCode, message: string, data?: Record<string, unknown>, options?: ErrorOptions) {
    super(code, message, data, options);
  }
}
