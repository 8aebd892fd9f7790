import { CodexError } from '@codex/runtime';

/** The codes that this package throws. */
export const GROTH16_ERRORS = {
  GROTH16_FILE_INVALID: 'a file is not of its format, or says what cannot be (data: file, reason)',
  GROTH16_FILE_UNREADABLE: 'a file cannot be opened (data: path, reason)',
} as const;

export type Groth16ErrorCode = keyof typeof GROTH16_ERRORS;

export class Groth16Error extends CodexError {
  override readonly name: string = 'Groth16Error';
  declare readonly code: Groth16ErrorCode;

  constructor(code: Groth16ErrorCode, message: string, data: Record<string, unknown> = {}, options?: ErrorOptions) {
    super(code, message, data, options);
  }
}
