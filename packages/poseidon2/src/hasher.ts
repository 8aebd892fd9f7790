import type { Rate } from './reference.ts';

/** Messages of one size, one after the other. The number must be told, as they may be empty. */
export interface Messages {
  readonly data: Uint8Array;
  readonly count: number;
  /** Elements absorbed by one permutation; the protocol has 2 (10 §3). */
  readonly rate?: Rate;
}

/**
 * Many permutations in one call. Elements are 32 canonical bytes; what comes from outside is checked with `checkElements`
 * first. Calls take 4 µs or so for each permutation, on the calling thread. Errors: POSEIDON2_INPUT_INVALID.
 */
export interface Poseidon2 {
  /** States of three elements, one after the other; the result is as long. */
  permute(states: Uint8Array): Uint8Array;
  /** Pairs of elements to one element each; the key (0 to 3) is the third element of the state (10 §2.3). */
  compress(pairs: Uint8Array, key: number): Uint8Array;
  /** One element for each message of bytes, which are packed (10 §4) and absorbed. */
  hashBytes(messages: Messages): Uint8Array;
  /** One element for each message of elements. */
  hashElements(messages: Messages): Uint8Array;
}
