import type { G1Point, G2Point } from '@codex/bn254';
import type { AbortOptions } from '@codex/runtime';

/**
 * The rows of a sparse matrix over the scalar field. Entries of row i are those from `starts[i]` to `starts[i + 1]`. Circuits use few
 * distinct coefficients, so entries refer to a table of them. All arrays lie in shared memory.
 */
export interface SparseRows {
  /** One more than there are rows. */
  readonly starts: Uint32Array;
  /** The wire of each entry. */
  readonly columns: Uint32Array;
  /** The index of each entry's coefficient in the table. */
  readonly coefficients: Uint32Array;
}

/** What an r1cs file says (11 §5.6): for each row, (A·w) × (B·w) = C·w. Wire 0 is one; then public outputs, public inputs, private ones. */
export interface ConstraintSystem {
  readonly wires: number;
  readonly publicOutputs: number;
  readonly publicInputs: number;
  readonly privateInputs: number;
  readonly constraints: number;
  readonly a: SparseRows;
  readonly b: SparseRows;
  readonly c: SparseRows;
  /** Distinct coefficients, 32 bytes each, little-endian, below r; shared memory. */
  readonly table: Uint8Array;
}

export interface VerificationKey {
  readonly alpha: G1Point;
  readonly beta: G2Point;
  readonly gamma: G2Point;
  readonly delta: G2Point;
  /** One more than there are public signals. */
  readonly ic: readonly G1Point[];
}

/** The sections of points of a proving key (11 §5.6). */
export type KeySection = 'a' | 'b1' | 'b2' | 'c' | 'h';

export interface PointsOptions extends AbortOptions {
  /** Gives shared memory of so many bytes for what has to be read; without it, new memory is taken each time. */
  readonly allocate?: (bytes: number) => Uint8Array;
}

/** What a proof is made with (the sections of a zkey, 11 §5.6). */
export interface ProvingKey {
  readonly wires: number;
  readonly publicSignals: number;
  /** The domain has 2^domainBits elements. */
  readonly domainBits: number;
  readonly verification: VerificationKey;
  readonly betaG1: G1Point;
  readonly deltaG1: G1Point;
  /** 2^domainBits rows at most; with the rows that bind the public signals. */
  readonly a: SparseRows;
  readonly b: SparseRows;
  /** Distinct coefficients of a and b, 32 bytes each, little-endian, below r (not Montgomery); shared memory. */
  readonly table: Uint8Array;
  /** Points of a section: a, b1, b2 one per wire; c one per private wire; h one per element of the domain. */
  pointsIn(section: KeySection): number;
  /**
   * Points [start, start + count) of a section in shared memory, as keys hold them (bn254's `readG1`, `readG2`). From memory when the
   * section is kept there (then a view, not to be written to), else read from the file.
   */
  points(section: KeySection, start: number, count: number, options?: PointsOptions): Promise<Uint8Array>;
  close(): Promise<void>;
}

export interface Proof {
  readonly a: G1Point;
  readonly b: G2Point;
  readonly c: G1Point;
}

/** A value for each wire, wire 0 being one. */
export interface Witness {
  readonly count: number;
  /** 32 bytes each, little-endian, below r; shared memory. */
  readonly values: Uint8Array;
}
