import { R } from './field.ts';

/** The instance (10 §2). */
export const WIDTH = 3;
export const EXTERNAL_ROUNDS = 8;
export const INTERNAL_ROUNDS = 56;

const REGISTER_BITS = 80;
const ELEMENT_BITS = 254;
const DISCARDED_BITS = 160;
/** A few more than the constants of this instance take. */
const STREAM_BITS = 120_000;

/** The Grain register in which the instance is written, field by field (10 §2.1). The S-box field is 1, as Codex froze it. */
function register(): number[] {
  const fields: readonly [bits: number, value: number][] = [
    [2, 1], // a prime field
    [4, 1], // the S-box
    [12, ELEMENT_BITS],
    [12, WIDTH],
    [10, EXTERNAL_ROUNDS],
    [10, INTERNAL_ROUNDS],
    [30, 2 ** 30 - 1],
  ];
  return fields.flatMap(([bits, value]) => Array.from({ length: bits }, (_, i) => (value >> (bits - 1 - i)) & 1));
}

/** The bits that the register gives, shrunk: of each pair the second, if the first is 1. */
function grainBits(): () => string {
  // A bit depends on the 80 before it, so what was shifted out may stay: all that was ever in the register.
  const bits = new Uint8Array(STREAM_BITS);
  bits.set(register());
  for (let i = 0; i + REGISTER_BITS < STREAM_BITS; i++) {
    bits[i + REGISTER_BITS] = bits[i + 62]! ^ bits[i + 51]! ^ bits[i + 38]! ^ bits[i + 23]! ^ bits[i + 13]! ^ bits[i]!;
  }
  let at = REGISTER_BITS + DISCARDED_BITS;
  return () => {
    while (bits[at] === 0) at += 2;
    at += 2;
    return bits[at - 1] === 0 ? '0' : '1';
  };
}

export interface RoundConstants {
  /** Three for each external round. */
  readonly external: readonly bigint[];
  /** One for each internal round. */
  readonly internal: readonly bigint[];
}

/** Draws the round constants; takes some ms. */
export function drawConstants(): RoundConstants {
  const bit = grainBits();
  const draw = (): bigint => {
    for (;;) {
      let digits = '';
      for (let i = 0; i < ELEMENT_BITS; i++) digits += bit();
      const value = BigInt(`0b${digits}`);
      if (value < R) return value;
    }
  };
  const half = (EXTERNAL_ROUNDS / 2) * WIDTH;
  const before = Array.from({ length: half }, draw);
  const internal = Array.from({ length: INTERNAL_ROUNDS }, draw);
  return { external: [...before, ...Array.from({ length: half }, draw)], internal };
}

let drawn: RoundConstants | undefined;

/** The round constants, drawn when they are first asked for. */
export function roundConstants(): RoundConstants {
  drawn ??= drawConstants();
  return drawn;
}
