import { CodexError } from '@codex/runtime';

/** The codes that this package throws. */
export const DISCOVERY_ERRORS = {
  KEY_INVALID: 'a private key is no secp256k1 scalar',
  RECORD_INVALID: 'a signed peer record does not decode or its signature does not verify',
} as const;

export type DiscoveryErrorCode = keyof typeof DISCOVERY_ERRORS;

export class DiscoveryError extends CodexError {
  override readonly name: string = 'DiscoveryError';
  declare readonly code: DiscoveryErrorCode;

  constructor(code: DiscoveryErrorCode, message: string, data: Record<string, unknown> = {}, options?: ErrorOptions) {
    super(code, message, data, options);
  }
}
