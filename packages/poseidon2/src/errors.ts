import { CodexError } from '@codex/runtime';

/** The codes that this package throws. */
export const POSEIDON2_ERRORS = {
  POSEIDON2_ELEMENT_INVALID: 'bytes or a number that are no element of the field: not 32 bytes, or not below r',
  POSEIDON2_INPUT_INVALID:
    'a batch that is not made of whole items, a key that there is not, or an index outside of a tree',
  POSEIDON2_TREE_EMPTY: 'the root of no leaves was asked for',
} as const;

export type Poseidon2ErrorCode = keyof typeof POSEIDON2_ERRORS;

export class Poseidon2Error extends CodexError {
  override readonly name: string = 'Poseidon2Error';
  declare readonly code: Poseidon2ErrorCode;

  constructor(code: Poseidon2ErrorCode, message: string, data: Record<string, unknown> = {}, options?: ErrorOptions) {
    super(code, message, data, options);
  }
}
