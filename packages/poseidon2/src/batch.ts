import { Poseidon2Error } from './errors.ts';
import { ELEMENT_BYTES } from './field.ts';
import type { Messages } from './hasher.ts';

/** How many items of `itemBytes` there are. Errors: POSEIDON2_INPUT_INVALID if there is a part of one. */
export function itemsIn(bytes: Uint8Array, itemBytes: number): number {
  if (!Number.isSafeInteger(itemBytes) || itemBytes < 1 || bytes.length % itemBytes !== 0) {
    const data = { bytes: bytes.length, itemBytes };
    throw new Poseidon2Error('POSEIDON2_INPUT_INVALID', `${bytes.length} bytes are not items of ${itemBytes}`, data);
  }
  return bytes.length / itemBytes;
}

/** Bytes of each message. */
export function messageBytes({ data, count }: Messages): number {
  if (!Number.isSafeInteger(count) || count < 0 || (count === 0 ? data.length > 0 : data.length % count !== 0)) {
    const message = `${data.length} bytes are not ${count} messages of one size`;
    throw new Poseidon2Error('POSEIDON2_INPUT_INVALID', message, { bytes: data.length, count });
  }
  return count === 0 ? 0 : data.length / count;
}

export function elementsPerMessage(messages: Messages): number {
  const bytes = messageBytes(messages);
  if (bytes % ELEMENT_BYTES !== 0) {
    const message = `Messages of ${bytes} bytes are not made of elements`;
    throw new Poseidon2Error('POSEIDON2_INPUT_INVALID', message, { bytes });
  }
  return bytes / ELEMENT_BYTES;
}

/** Keys say whether a pair is at the bottom of its tree, and whether its right child is missing: two bits. */
export const KEYS = 4;

export function checkKey(key: number): void {
  if (!Number.isSafeInteger(key) || key < 0 || key >= KEYS) {
    throw new Poseidon2Error('POSEIDON2_INPUT_INVALID', `${key} is no key of a compression`, { key });
  }
}
