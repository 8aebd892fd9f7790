import { CodexError } from '@codex/runtime';

/** The codes that this package throws, documented in `docs/errors.md`. */
export const CONTRACTS_ERRORS = {
  CHAIN_START_FAILED: 'the development chain could not be started',
  DEPLOYMENT_FAILED: 'the chain refused a contract',
  DEPLOYMENT_UNREADABLE: 'a deployments file is not one',
  NETWORK_UNKNOWN: 'there is no configuration of that name',
  VERIFICATION_KEY_INVALID: 'a verification key is not one of the storage circuit',
} as const;

export type ContractsErrorCode = keyof typeof CONTRACTS_ERRORS;

export class ContractsError extends CodexError {
  override readonly name = 'ContractsError';

  constructor(code: ContractsErrorCode, message: string, data?: Record<string, unknown>, options?: ErrorOptions) {
    super(code, message, data, options);
  }
}
