import { CodexError } from '@codex/runtime';

/** The codes that this package throws. */
export const GROTH16_ERRORS = {
  GROTH16_CIRCUIT_TOO_LARGE: 'a circuit has more rows than the largest domain (data: rows, limit)',
  GROTH16_FILE_INVALID: 'a file is not of its format, or says what cannot be (data: file, reason)',
  GROTH16_FILE_UNREADABLE: 'a file cannot be opened (data: path, reason)',
  GROTH16_INPUT_INVALID: 'the inputs of a circuit have other names, numbers or sizes than it has (data: name, reason)',
  GROTH16_JSON_INVALID: 'a proof, its public signals or a verification key are not what snarkjs writes (data: reason)',
  GROTH16_KEY_HASH_MISMATCH: 'a proving key is another one than is meant (data: path, found, expected)',
  GROTH16_WITNESS_FAILED: 'there is no witness for these inputs, or no memory for it (data: reason, output)',
  GROTH16_WITNESS_MISMATCH:
    'a witness is not for this key: another number of values, or the first is not one (data: count, expected)',
} as const;

export type Groth16ErrorCode = keyof typeof GROTH16_ERRORS;

export class Groth16Error extends CodexError {
  override readonly name: string = 'Groth16Error';
  declare readonly code: Groth16ErrorCode;

  constructor(code: Groth16ErrorCode, message: string, data: Record<string, unknown> = {}, options?: ErrorOptions) {
    super(code, message, data, options);
  }
}
