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
  CHAIN_MISMATCH: 'an end point serves another chain than the one that is meant',
  CHAIN_REFUSED: 'the chain answered a call with an error that is no revert',
  CHAIN_UNREACHABLE: 'no end point of the chain answered in time',
  ETHEREUM_KEY_INVALID: 'a private key cannot be read, decrypted or used',
  MARKETPLACE_MISSING: 'there is no marketplace at an address, or none is known for the chain',
  MARKET_REVERTED: 'the marketplace refused a call',
  MARKET_STATE_UNREADABLE: 'the journal of what was sent to the chain is not one',
  TRANSACTION_REFUSED: 'the chain refused a transaction before it was in a block',
  FUNDS_MISSING: 'the account has too few tokens',
  MARKET_STOPPED: 'the part of the marketplace was stopped',
  PURCHASE_FAILED: 'a purchase did not come to its end',
  PURCHASE_INVALID: 'nobody can buy on such terms',
  PURCHASE_KEY_REUSED: 'the key of a call belongs to a purchase on other terms',
  PURCHASES_LIMIT: 'too many purchases are under way',
  REQUEST_UNKNOWN: 'the chain does not know a request',
  TRANSITION_UNKNOWN: 'a machine has no way from one state to another',
  VALIDATOR_INVALID: 'a validator cannot have such options',
} as const;

export type MarketErrorCode = keyof typeof MARKET_ERRORS;

export class MarketError extends CodexError {
  override readonly name = 'MarketError';

  constructor(code: MarketErrorCode, message: string, data?: Record<string, unknown>, options?: ErrorOptions) {
    super(code, message, data, options);
  }
}
