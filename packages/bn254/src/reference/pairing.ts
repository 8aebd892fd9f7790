import type { G1Point, G2Point } from './curve.ts';
import { type Fp2, fp2 } from './extension.ts';
import { CURVE_X } from './prime-field.ts';
import { type Fp12, fp6, fp12, signedDigits, TWIST_FROBENIUS } from './tower.ts';

type Affine2 = NonNullable<G2Point>;
type Affine1 = NonNullable<G1Point>;

/** The optimal ate pairing's loop: 6 x + 2. */
const LOOP = signedDigits(6n * CURVE_X + 2n).slice(1);

/**
 * The product of the pairings of points of G1 with points of G2, all of which must be in their groups. Infinity gives 1. The points
 * go through the loop together: squares are shared, and slopes have one inversion for each step.
 */
export function pairingProduct(pairs: readonly { readonly g1: G1Point; readonly g2: G2Point }[]): Fp12 {
  const runs: { readonly p: Affine1; readonly q: Affine2; t: Affine2 }[] = [];
  for (const { g1: p, g2: q } of pairs) if (p && q) runs.push({ p, q, t: q });
  let result = fp12.one;

  /** Takes the line through t and another point, or the tangent, at p; and moves t to the third point, mirrored. */
  const step = (others: readonly Affine2[] | undefined) => {
    const falls = runs.map(({ t }, i) => {
      const other = others?.[i];
      return other ? fp2.subtract(other.x, t.x) : fp2.add(t.y, t.y);
    });
    const inverses = invertAll(falls);
    runs.forEach((run, i) => {
      const { t, p } = run;
      const other = others?.[i];
      const rise = other ? fp2.subtract(other.y, t.y) : fp2.scale(fp2.multiply(t.x, t.x), 3n);
      const slope = fp2.multiply(rise, inverses[i] ?? fp2.zero);
      result = multiplyLine(result, p, slope, fp2.subtract(fp2.multiply(slope, t.x), t.y));
      const x = fp2.subtract(fp2.multiply(slope, slope), fp2.add(t.x, other ? other.x : t.x));
      run.t = { x, y: fp2.subtract(fp2.multiply(slope, fp2.subtract(t.x, x)), t.y) };
    });
  };

  const starts = runs.map(({ q }) => q);
  const mirrored = starts.map(mirror);
  for (const digit of LOOP) {
    result = fp12.square(result);
    step(undefined);
    if (digit !== 0) step(digit > 0 ? starts : mirrored);
  }
  const turned = starts.map(frobenius);
  step(turned);
  step(turned.map(frobenius).map(mirror));
  return finalPower(result);
}

function invertAll(values: readonly Fp2[]): Fp2[] {
  const before: Fp2[] = [];
  let product = fp2.one;
  for (const value of values) {
    before.push(product);
    product = fp2.multiply(product, value);
  }
  let inverse = fp2.invert(product);
  const inverses: Fp2[] = [];
  for (let i = values.length - 1; i >= 0; i--) {
    inverses[i] = fp2.multiply(inverse, before[i] ?? fp2.one);
    inverse = fp2.multiply(inverse, values[i] ?? fp2.one);
  }
  return inverses;
}

/** Times y - slope · x · w + (slope · tx - ty) · w³, the line on the curve itself at p. */
function multiplyLine(value: Fp12, p: Affine1, slope: Fp2, rest: Fp2): Fp12 {
  const s = fp2.scale(fp2.negate(slope), p.x);
  const high = {
    c0: fp2.scale(value.c0.c0, p.y),
    c1: fp2.scale(value.c0.c1, p.y),
    c2: fp2.scale(value.c0.c2, p.y),
  };
  const low = fp6.multiplySparse(value.c1, s, rest);
  const both = { real: s.real + p.y, imaginary: s.imaginary };
  const cross = fp6.multiplySparse(fp6.add(value.c0, value.c1), both, rest);
  return { c0: fp6.add(high, fp6.shift(low)), c1: fp6.subtract(cross, fp6.add(high, low)) };
}

function mirror({ x, y }: Affine2): Affine2 {
  return { x, y: fp2.negate(y) };
}

/** The Frobenius map on the twist: on points of the group it multiplies with p. */
export function frobenius({ x, y }: Affine2): Affine2 {
  return {
    x: fp2.multiply(fp2.conjugate(x), TWIST_FROBENIUS.x),
    y: fp2.multiply(fp2.conjugate(y), TWIST_FROBENIUS.y),
  };
}

/**
 * To the power (p¹² - 1) / r, where r is the order of the groups: (p⁶ - 1)(p² + 1) by the Frobenius map, then
 * (p⁴ - p² + 1) / r = p³ + (6 x² + 1) p² + (-36 x³ - 18 x² - 12 x + 1) p + (-36 x³ - 30 x² - 18 x - 2).
 */
function finalPower(value: Fp12): Fp12 {
  const easy1 = fp12.multiply(fp12.conjugate(value), fp12.invert(value));
  const f = fp12.multiply(fp12.frobenius(fp12.frobenius(easy1)), easy1);
  const times = (of: Fp12, exponent: bigint) => fp12.powerUnitary(of, exponent);
  const a = times(f, CURVE_X);
  const b = times(a, CURVE_X);
  const c = times(b, CURVE_X);
  const product = (...factors: Fp12[]) => factors.reduce((x, y) => fp12.multiply(x, y));
  const inverse = fp12.conjugate;
  const b6 = times(b, 6n);
  const p2 = product(b6, f);
  const c36 = times(c, 36n);
  const b18 = times(b6, 3n);
  const p1 = product(inverse(c36), inverse(b18), inverse(times(a, 12n)), f);
  const p0 = product(inverse(c36), inverse(times(b6, 5n)), inverse(times(a, 18n)), inverse(times(f, 2n)));
  const first = fp12.frobenius(f);
  const third = fp12.frobenius(fp12.frobenius(first));
  return product(third, fp12.frobenius(fp12.frobenius(p2)), fp12.frobenius(p1), p0);
}
