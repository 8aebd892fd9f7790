import { TRANSFORM_BITS_MAX } from '@codex/bn254';

/** Rows of a circuit: no larger domain can be transformed. 100 samples need 2^21 (11 §5.2). */
export const DOMAIN_BITS_MAX: number = TRANSFORM_BITS_MAX;

/** Bounds what a file of a few bytes can make its readers allocate; 100 samples have 2^20.7 wires. */
export const WIRES_MAX: number = 1 << 24;

/** Each public signal has a point that is checked one by one (10 µs), and a word of a transaction. Storage proofs have three. */
export const PUBLIC_SIGNALS_MAX = 1024;
