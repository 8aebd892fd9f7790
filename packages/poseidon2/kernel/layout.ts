/**
 * Where things are in a kernel's memory. Each vector holds two permutations, and two vectors are worked on together:
 * four permutations at a time.
 */
import { LIMBS } from './numbers.ts';

export const VECTORS = 2;
export const LANES = 2 * VECTORS;
const VECTOR_BYTES = 16;

/** One of the three elements of the state: the limbs of one vector after those of the other. */
export const ELEMENT_BYTES = VECTORS * LIMBS * VECTOR_BYTES;
export const WIDTH = 3;

/** Constants come first (fewer than 100), then the state, the round constants, and room for the host's data. */
export const STATE = 2048;
/** Five limbs of 64 bits. */
export const KEY_BYTES = LIMBS * 8;
/** What is added after the linear layers of external rounds, before the first round and after the internal rounds. */
export const MIX_COUNT = 10;
/** The mix that ends the internal rounds. */
export const LEAVE = 5;
export const MIX_CONSTANTS = STATE + WIDTH * ELEMENT_BYTES;
export const INNER_COUNT = 56;
export const INNER_CONSTANTS = MIX_CONSTANTS + MIX_COUNT * WIDTH * KEY_BYTES;
export const HEAP = (INNER_CONSTANTS + INNER_COUNT * KEY_BYTES + 63) & ~63;

export const limbAt = (vector: number, limb: number): number => (vector * LIMBS + limb) * VECTOR_BYTES;
export const slot = (element: number): string => `(i32.const ${STATE + element * ELEMENT_BYTES})`;
