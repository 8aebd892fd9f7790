/** A field of integers modulo a prime. Elements are from 0 to modulus - 1; all functions take and return such. */
export class PrimeField {
  readonly modulus: bigint;

  constructor(modulus: bigint) {
    this.modulus = modulus;
  }

  /** Any integer, made an element. */
  of(value: bigint): bigint {
    const rest = value % this.modulus;
    return rest < 0n ? rest + this.modulus : rest;
  }

  add(a: bigint, b: bigint): bigint {
    const sum = a + b;
    return sum < this.modulus ? sum : sum - this.modulus;
  }

  subtract(a: bigint, b: bigint): bigint {
    return a < b ? a - b + this.modulus : a - b;
  }

  negate(a: bigint): bigint {
    return a === 0n ? a : this.modulus - a;
  }

  multiply(a: bigint, b: bigint): bigint {
    return (a * b) % this.modulus;
  }

  power(base: bigint, exponent: bigint): bigint {
    let result = 1n;
    for (let rest = exponent, square = base; rest > 0n; rest >>= 1n, square = this.multiply(square, square)) {
      if (rest & 1n) result = this.multiply(result, square);
    }
    return result;
  }

  /** 1 / a by Euclid's algorithm; 0 for 0. */
  invert(a: bigint): bigint {
    let [r, next, s, nextS] = [this.modulus, a, 0n, 1n];
    while (next !== 0n) {
      const times = r / next;
      [r, next, s, nextS] = [next, r - times * next, nextS, s - times * nextS];
    }
    return a === 0n ? 0n : this.of(s);
  }
}

/** The number that BN curves are made from; this one gives BN254. */
export const CURVE_X = 4965661367192848881n;

/** Coordinates of points: 36 x⁴ + 36 x³ + 24 x² + 6 x + 1. */
export const baseField = new PrimeField(21888242871839275222246405745257275088696311157297823662689037894645226208583n);

/** Scalars, whose number is the order of the groups: 36 x⁴ + 36 x³ + 18 x² + 6 x + 1. */
export const scalarField = new PrimeField(
  21888242871839275222246405745257275088548364400416034343698204186575808495617n,
);
