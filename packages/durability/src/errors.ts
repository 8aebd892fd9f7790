import { CodexError } from '@codex/runtime';

/** The codes that this package throws. */
export const DURABILITY_ERRORS = {
  DURABILITY_INPUT_INVALID: 'a number of the model is out of range (data: name, value)',
  DURABILITY_UNREACHABLE: 'no code within the limits of the marketplace loses so little (data: loss, best)',
} as const;

export type DurabilityErrorCode = keyof typeof DURABILITY_ERRORS;

export class DurabilityError extends CodexError {
  override readonly name: string = 'DurabilityError';
  declare readonly code: DurabilityErrorCode;

  constructor(code: DurabilityErrorCode, message: string, data: Record<string, unknown> = {}, options?: ErrorOptions) {
    super(code, message, data, options);
  }
}

/** Refuses what is no number of this range, with DURABILITY_INPUT_INVALID. */
export function checkRange(name: string, value: number, least: number, most: number): void {
  if (value >= least && value <= most) return;
  throw new DurabilityError('DURABILITY_INPUT_INVALID', `${name} must be from ${least} to ${most}, not ${value}`, {
    name,
    value,
  });
}

/** The same for whole numbers. */
export function checkWhole(name: string, value: number, least: number, most: number): void {
  if (!Number.isInteger(value)) {
    throw new DurabilityError('DURABILITY_INPUT_INVALID', `${name} must be a whole number, not ${value}`, {
      name,
      value,
    });
  }
  checkRange(name, value, least, most);
}
