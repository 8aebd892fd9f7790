/** Which cells of a slot a challenge picks (11 §4). */
import {
  createHasher,
  decodeElement,
  decodeElements,
  ELEMENT_BYTES,
  encodeElement,
  encodeElements,
} from '@codex/poseidon2';
import { SlotsError } from './errors.ts';

export const CHALLENGE_BYTES = 32;

/** Of a challenge, the bytes that count: 31 always make an element. */
const ENTROPY_BYTES = 31;

/** Samples of a proof at most: no circuit takes more, and detecting a loss of a ninth surely takes 117 (11 §8). */
export const SAMPLES_MAX = 127;

/** Element of a challenge from the chain: its first 31 bytes, lowest first. Error: `SLOT_INPUT_INVALID`. */
export function challengeToElement(challenge: Uint8Array): bigint {
  if (challenge.length !== CHALLENGE_BYTES) {
    const message = `A challenge has ${CHALLENGE_BYTES} bytes, not ${challenge.length}`;
    throw new SlotsError('SLOT_INPUT_INVALID', message, { bytes: challenge.length });
  }
  const element = new Uint8Array(ELEMENT_BYTES);
  element.set(challenge.subarray(0, ENTROPY_BYTES));
  return decodeElement(element);
}

/**
 * Indices of the cells in the slot; the same one may come twice. `cells`: of the slot, a power of two. Two permutations a sample on
 * the calling thread. Errors: `SLOT_INPUT_INVALID`, `POSEIDON2_ELEMENT_INVALID`.
 */
export function sampleCells(entropy: bigint, slotRoot: Uint8Array, cells: number, samples: number): number[] {
  if (!Number.isSafeInteger(samples) || samples < 1 || samples > SAMPLES_MAX) {
    throw new SlotsError('SLOT_INPUT_INVALID', `A proof has 1 to ${SAMPLES_MAX} samples, not ${samples}`, { samples });
  }
  if (!Number.isSafeInteger(cells) || cells < 1 || !Number.isInteger(Math.log2(cells))) {
    throw new SlotsError('SLOT_INPUT_INVALID', 'The cells of a slot are no power of two', { cells });
  }
  decodeElement(slotRoot);
  const messages = new Uint8Array(samples * 3 * ELEMENT_BYTES);
  const seed = encodeElement(entropy);
  for (let i = 0; i < samples; i++) {
    messages.set(seed, 3 * i * ELEMENT_BYTES);
    messages.set(slotRoot, (3 * i + 1) * ELEMENT_BYTES);
    messages.set(encodeElements([BigInt(i + 1)]), (3 * i + 2) * ELEMENT_BYTES);
  }
  const digests = createHasher().hashElements({ data: messages, count: samples });
  const lowest = BigInt(cells) - 1n;
  return decodeElements(digests).map((digest) => Number(digest & lowest));
}
