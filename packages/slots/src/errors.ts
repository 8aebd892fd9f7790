import { CodexError } from '@codex/runtime';

/** The codes that this package throws. */
export const SLOTS_ERRORS = {
  SLOT_CELL_CORRUPT:
    'a cell of a held block is not the one that the slot was built from (data: slotIndex, index, leaf)',
  SLOT_INPUT_INVALID: 'a challenge, number of samples, slot index or proof input that there cannot be',
  SLOT_ROOT_MISMATCH: 'the local blocks of a slot do not make the root that the manifest names (data: slotIndex)',
  SLOT_TREE_CORRUPT: 'what a kept slot tree says does not lead to its root',
  SLOT_TREE_UNAVAILABLE: 'the files of slot trees cannot be read or written',
  SLOTS_MANIFEST_INVALID: 'a manifest cannot be split into slots, or its slot roots contradict it (data: reason)',
} as const;

export type SlotsErrorCode = keyof typeof SLOTS_ERRORS;

export class SlotsError extends CodexError {
  override readonly name: string = 'SlotsError';
  declare readonly code: SlotsErrorCode;

  constructor(code: SlotsErrorCode, message: string, data: Record<string, unknown> = {}, options?: ErrorOptions) {
    super(code, message, data, options);
  }
}
