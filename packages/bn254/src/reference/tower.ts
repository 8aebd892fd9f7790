import { type Fp2, fp2, wide } from './extension.ts';
import { baseField as f } from './prime-field.ts';

/** c0 + c1 v + c2 v², with v³ = 9 + u. */
export interface Fp6 {
  readonly c0: Fp2;
  readonly c1: Fp2;
  readonly c2: Fp2;
}

/** c0 + c1 w, with w² = v: where pairings lie. */
export interface Fp12 {
  readonly c0: Fp6;
  readonly c1: Fp6;
}

const zero6: Fp6 = { c0: fp2.zero, c1: fp2.zero, c2: fp2.zero };

export const fp6 = {
  zero: zero6,
  one: { ...zero6, c0: fp2.one } as Fp6,
  add: (a: Fp6, b: Fp6): Fp6 => ({ c0: fp2.add(a.c0, b.c0), c1: fp2.add(a.c1, b.c1), c2: fp2.add(a.c2, b.c2) }),
  subtract: (a: Fp6, b: Fp6): Fp6 => ({
    c0: fp2.subtract(a.c0, b.c0),
    c1: fp2.subtract(a.c1, b.c1),
    c2: fp2.subtract(a.c2, b.c2),
  }),
  negate: (a: Fp6): Fp6 => ({ c0: fp2.negate(a.c0), c1: fp2.negate(a.c1), c2: fp2.negate(a.c2) }),
  /** Six products in Karatsuba's way. */
  multiply(a: Fp6, b: Fp6): Fp6 {
    const p0 = wide.multiply(a.c0, b.c0);
    const p1 = wide.multiply(a.c1, b.c1);
    const p2 = wide.multiply(a.c2, b.c2);
    const cross = (x: Fp2, y: Fp2, z: Fp2, t: Fp2, less: Fp2) =>
      wide.subtract(wide.multiply(wide.add(x, y), wide.add(z, t)), less);
    const m12 = cross(a.c1, a.c2, b.c1, b.c2, wide.add(p1, p2));
    const m01 = cross(a.c0, a.c1, b.c0, b.c1, wide.add(p0, p1));
    const m02 = cross(a.c0, a.c2, b.c0, b.c2, wide.add(p0, p2));
    return {
      c0: wide.reduce(wide.add(p0, wide.twist(m12))),
      c1: wide.reduce(wide.add(m01, wide.twist(p2))),
      c2: wide.reduce(wide.add(m02, p1)),
    };
  },
  /** Times b0 + b1 v: five products. */
  multiplySparse(a: Fp6, b0: Fp2, b1: Fp2): Fp6 {
    const p0 = wide.multiply(a.c0, b0);
    const p1 = wide.multiply(a.c1, b1);
    const cross = wide.multiply(wide.add(a.c0, a.c1), wide.add(b0, b1));
    return {
      c0: wide.reduce(wide.add(p0, wide.twist(wide.multiply(a.c2, b1)))),
      c1: wide.reduce(wide.subtract(cross, wide.add(p0, p1))),
      c2: wide.reduce(wide.add(p1, wide.multiply(a.c2, b0))),
    };
  },
  /** Times v. */
  shift: (a: Fp6): Fp6 => ({ c0: fp2.twist(a.c2), c1: a.c0, c2: a.c1 }),
  invert({ c0, c1, c2 }: Fp6): Fp6 {
    const t0 = fp2.subtract(fp2.multiply(c0, c0), fp2.twist(fp2.multiply(c1, c2)));
    const t1 = fp2.subtract(fp2.twist(fp2.multiply(c2, c2)), fp2.multiply(c0, c1));
    const t2 = fp2.subtract(fp2.multiply(c1, c1), fp2.multiply(c0, c2));
    const norm = fp2.add(fp2.multiply(c0, t0), fp2.twist(fp2.add(fp2.multiply(c2, t1), fp2.multiply(c1, t2))));
    const inverse = fp2.invert(norm);
    return { c0: fp2.multiply(t0, inverse), c1: fp2.multiply(t1, inverse), c2: fp2.multiply(t2, inverse) };
  },
};

/** (9 + u)^((p - 1) i / 6): what the Frobenius map gives w^i besides. */
const FROBENIUS = Array.from({ length: 6 }, (_, i) =>
  power2({ real: 9n, imaginary: 1n }, ((f.modulus - 1n) / 6n) * BigInt(i)),
);

function power2(base: Fp2, exponent: bigint): Fp2 {
  let result = fp2.one;
  for (const bit of exponent.toString(2)) {
    result = fp2.multiply(result, result);
    if (bit === '1') result = fp2.multiply(result, base);
  }
  return result;
}

export const fp12 = {
  one: { c0: fp6.one, c1: zero6 } as Fp12,
  equals: (a: Fp12, b: Fp12): boolean =>
    [a.c0, a.c1].every((part, i) => {
      const other = i === 0 ? b.c0 : b.c1;
      return fp2.equals(part.c0, other.c0) && fp2.equals(part.c1, other.c1) && fp2.equals(part.c2, other.c2);
    }),
  multiply(a: Fp12, b: Fp12): Fp12 {
    const p0 = fp6.multiply(a.c0, b.c0);
    const p1 = fp6.multiply(a.c1, b.c1);
    const cross = fp6.multiply(fp6.add(a.c0, a.c1), fp6.add(b.c0, b.c1));
    return { c0: fp6.add(p0, fp6.shift(p1)), c1: fp6.subtract(cross, fp6.add(p0, p1)) };
  },
  square(a: Fp12): Fp12 {
    const product = fp6.multiply(a.c0, a.c1);
    const sum = fp6.multiply(fp6.add(a.c0, a.c1), fp6.add(a.c0, fp6.shift(a.c1)));
    return { c0: fp6.subtract(sum, fp6.add(product, fp6.shift(product))), c1: fp6.add(product, product) };
  },
  /** The square of what the first part of the final power gives (Granger and Scott): half the work. */
  squareUnitary({ c0, c1 }: Fp12): Fp12 {
    const [a0, a1] = square4(c0.c0, c1.c1);
    const [b0, b1] = square4(c1.c0, c0.c2);
    const [d0, d1] = square4(c0.c1, c1.c2);
    return {
      c0: { c0: lessTwice(a0, c0.c0), c1: lessTwice(b0, c0.c1), c2: lessTwice(d0, c0.c2) },
      c1: { c0: plusTwice(fp2.twist(d1), c1.c0), c1: plusTwice(a1, c1.c1), c2: plusTwice(b1, c1.c2) },
    };
  },
  /** The power p⁶; the inverse, of elements whose norm is 1. */
  conjugate: (a: Fp12): Fp12 => ({ c0: a.c0, c1: fp6.negate(a.c1) }),
  invert(a: Fp12): Fp12 {
    const norm = fp6.subtract(fp6.multiply(a.c0, a.c0), fp6.shift(fp6.multiply(a.c1, a.c1)));
    const inverse = fp6.invert(norm);
    return { c0: fp6.multiply(a.c0, inverse), c1: fp6.negate(fp6.multiply(a.c1, inverse)) };
  },
  /** The power p. */
  frobenius(a: Fp12): Fp12 {
    const turn = (part: Fp2, i: number) => fp2.multiply(fp2.conjugate(part), FROBENIUS[i] ?? fp2.one);
    return {
      c0: { c0: turn(a.c0.c0, 0), c1: turn(a.c0.c1, 2), c2: turn(a.c0.c2, 4) },
      c1: { c0: turn(a.c1.c0, 1), c1: turn(a.c1.c1, 3), c2: turn(a.c1.c2, 5) },
    };
  },
  /** For elements as `squareUnitary` takes them, whose inverses are free. */
  powerUnitary(base: Fp12, exponent: bigint): Fp12 {
    const inverse = fp12.conjugate(base);
    let result = base;
    for (const digit of signedDigits(exponent).slice(1)) {
      result = fp12.squareUnitary(result);
      if (digit !== 0) result = fp12.multiply(result, digit > 0 ? base : inverse);
    }
    return result;
  },
  power(base: Fp12, exponent: bigint): Fp12 {
    let result = fp12.one;
    for (const bit of exponent.toString(2)) {
      result = fp12.square(result);
      if (bit === '1') result = fp12.multiply(result, base);
    }
    return result;
  },
};

/** (a + b s)² with s² = 9 + u. */
function square4(a: Fp2, b: Fp2): [Fp2, Fp2] {
  const product = wide.multiply(a, b);
  const sum = wide.multiply(wide.add(a, b), wide.add(a, wide.twist(b)));
  const first = wide.subtract(sum, wide.add(product, wide.twist(product)));
  return [wide.reduce(first), wide.reduce(wide.add(product, product))];
}

/** 3 a - 2 b. */
function lessTwice(a: Fp2, b: Fp2): Fp2 {
  const difference = fp2.subtract(a, b);
  return fp2.add(fp2.add(difference, difference), a);
}

/** 3 a + 2 b. */
function plusTwice(a: Fp2, b: Fp2): Fp2 {
  const sum = fp2.add(a, b);
  return fp2.add(fp2.add(sum, sum), a);
}

/** What the Frobenius map multiplies the coordinates of a point of the twist with: w² for x, w³ for y. */
export const TWIST_FROBENIUS = { x: FROBENIUS[2] ?? fp2.one, y: FROBENIUS[3] ?? fp2.one };

/** Digits -1, 0 and 1 of a positive number in base 2, the highest first, no two neighbours of which are both not 0. */
export function signedDigits(value: bigint): number[] {
  const digits: number[] = [];
  for (let rest = value; rest > 0n; rest >>= 1n) {
    const digit = rest & 1n ? 2 - Number(rest & 3n) : 0;
    digits.push(digit);
    rest -= BigInt(digit);
  }
  return digits.reverse();
}
