import { CodexError } from '@codex/runtime';

/** The codes that this package throws. */
export const BN254_ERRORS = {
  BN254_INPUT_INVALID:
    'arrays have sizes that do not fit each other, or refer outside, or no transform or sum is so large (data: name)',
  BN254_UNSUPPORTED: 'the runtime has no WebAssembly with 128-bit SIMD',
} as const;

export type Bn254ErrorCode = keyof typeof BN254_ERRORS;

export class Bn254Error extends CodexError {
  override readonly name: string = 'Bn254Error';
  declare readonly code: Bn254ErrorCode;

  constructor(code: Bn254ErrorCode, message: string, data: Record<string, unknown> = {}, options?: ErrorOptions) {
    super(code, message, data, options);
  }
}
