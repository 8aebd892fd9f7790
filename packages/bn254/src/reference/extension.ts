import { baseField } from './prime-field.ts';

/** real + imaginary · u, with u² = -1. */
export interface Fp2 {
  readonly real: bigint;
  readonly imaginary: bigint;
}

const f = baseField;

/** The quadratic extension of the base field: coordinates of G2. */
export const fp2 = {
  zero: { real: 0n, imaginary: 0n } as Fp2,
  one: { real: 1n, imaginary: 0n } as Fp2,
  equals: (a: Fp2, b: Fp2): boolean => a.real === b.real && a.imaginary === b.imaginary,
  isZero: (a: Fp2): boolean => a.real === 0n && a.imaginary === 0n,
  add: (a: Fp2, b: Fp2): Fp2 => ({ real: f.add(a.real, b.real), imaginary: f.add(a.imaginary, b.imaginary) }),
  subtract: (a: Fp2, b: Fp2): Fp2 => ({
    real: f.subtract(a.real, b.real),
    imaginary: f.subtract(a.imaginary, b.imaginary),
  }),
  negate: (a: Fp2): Fp2 => ({ real: f.negate(a.real), imaginary: f.negate(a.imaginary) }),
  multiply(a: Fp2, b: Fp2): Fp2 {
    const real = a.real * b.real;
    const imaginary = a.imaginary * b.imaginary;
    const cross = (a.real + a.imaginary) * (b.real + b.imaginary);
    return { real: f.of(real - imaginary), imaginary: (cross - real - imaginary) % f.modulus };
  },
  scale: (a: Fp2, by: bigint): Fp2 => ({ real: f.of(a.real * by), imaginary: f.of(a.imaginary * by) }),
  conjugate: (a: Fp2): Fp2 => ({ real: a.real, imaginary: f.negate(a.imaginary) }),
  invert(a: Fp2): Fp2 {
    const norm = f.invert(f.of(a.real * a.real + a.imaginary * a.imaginary));
    return { real: f.of(a.real * norm), imaginary: f.of(-a.imaginary * norm) };
  },
  /** Times 9 + u, from whose roots the tower goes on. */
  twist: (a: Fp2): Fp2 => ({
    real: f.of(9n * a.real - a.imaginary),
    imaginary: f.of(a.real + 9n * a.imaginary),
  }),
};

/** The same without reducing: sums of products are reduced once. Parts may be negative, or of twice the bits and some more. */
export const wide = {
  add: (a: Fp2, b: Fp2): Fp2 => ({ real: a.real + b.real, imaginary: a.imaginary + b.imaginary }),
  subtract: (a: Fp2, b: Fp2): Fp2 => ({ real: a.real - b.real, imaginary: a.imaginary - b.imaginary }),
  multiply(a: Fp2, b: Fp2): Fp2 {
    const real = a.real * b.real;
    const imaginary = a.imaginary * b.imaginary;
    const cross = (a.real + a.imaginary) * (b.real + b.imaginary);
    return { real: real - imaginary, imaginary: cross - real - imaginary };
  },
  twist: (a: Fp2): Fp2 => ({ real: 9n * a.real - a.imaginary, imaginary: a.real + 9n * a.imaginary }),
  reduce: (a: Fp2): Fp2 => ({ real: f.of(a.real), imaginary: f.of(a.imaginary) }),
};
