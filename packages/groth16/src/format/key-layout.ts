import { G1_BYTES, G2_BYTES } from '@codex/bn254';
import type { KeySection } from './types.ts';

/** The sections of a zkey file (11 §5.6). */
export const ZKEY = {
  proverType: 1,
  header: 2,
  ic: 3,
  coefficients: 4,
  a: 5,
  b1: 6,
  b2: 7,
  c: 8,
  h: 9,
  contributions: 10,
} as const;

/** The prover type of Groth16. */
export const GROTH16 = 1;

export const KEY_SECTIONS: readonly KeySection[] = ['a', 'b1', 'b2', 'c', 'h'];

export const pointBytes = (section: KeySection): number => (section === 'b2' ? G2_BYTES : G1_BYTES);

interface KeySize {
  readonly wires: number;
  readonly publicSignals: number;
  readonly domainBits: number;
}

/** C has no points for wire 0 and the public ones: those are in IC. */
export function pointsIn(section: KeySection, { wires, publicSignals, domainBits }: KeySize): number {
  if (section === 'c') return wires - publicSignals - 1;
  return section === 'h' ? 2 ** domainBits : wires;
}

/** An entry of section 4: its matrix (0 is A, 1 is B), row, column and value, which is times 2^512. */
export const COEFFICIENT_WORDS = 11;

/** The factor of values in section 4. */
export const COEFFICIENT_FACTOR = 1n << 512n;
