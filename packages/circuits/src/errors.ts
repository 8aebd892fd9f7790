import { CodexError } from '@codex/runtime';

/** The codes that this package throws. */
export const CIRCUITS_ERRORS = {
  CIRCUIT_PARAMETERS_INVALID: 'there is no circuit with these parameters (data: name, value, least, most)',
  CIRCUIT_COMPILER_MISSING: 'the circom compiler is not installed; it is a development dependency',
  CIRCUIT_BUILD_FAILED: 'the compiler failed (data: exitCode, output)',
} as const;

type CircuitErrorCode = keyof typeof CIRCUITS_ERRORS;

export class CircuitError extends CodexError {
  override readonly name: string = 'CircuitError';
  declare readonly code: CircuitErrorCode;

  constructor(code: CircuitErrorCode, message: string, data: Record<string, unknown> = {}, options?: ErrorOptions) {
    super(code, message, data, options);
  }
}
