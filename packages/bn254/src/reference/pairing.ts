import type { G1Point, G2Point } from './curve.ts';
import { type Fp2, fp2 } from './extension.ts';
import { baseField, CURVE_X } from './prime-field.ts';
import { type Fp12, fp6, fp12, signedDigits, TWIST_FROBENIUS } from './tower.ts';

type Affine2 = NonNullable<G2Point>;
type Affine1 = NonNullable<G1Point>;

/** The optimal ate pairing's loop: 6 x + 2. */
export const LOOP = signedDigits(6n * CURVE_X + 2n).slice(1);

/** A line through two points, or a tangent: y - slope · x + rest is 0 on it. */
interface Line {
  readonly slope: Fp2;
  readonly rest: Fp2;
}

/**
 * The twin of what src/pairing/ does in the kernel. The product of the pairings of points of G1 with points of G2, all of which must be in their groups. Infinity gives 1. The points
 * go through the loop together: squares are shared, and slopes have one inversion for each step.
 */
export function pairingProduct(pairs: readonly { readonly g1: G1Point; readonly g2: G2Point }[]): Fp12 {
  const given: { readonly p: Affine1; readonly q: Affine2 }[] = [];
  for (const { g1: p, g2: q } of pairs) if (p && q) given.push({ p, q });
  const lines = linesOf(given.map(({ q }) => q));
  // Lines are divided by p's y, which is never 0: the final power takes no notice of factors of the base field.
  const places = given.map(({ p }) => {
    const overY = baseField.invert(p.y);
    return { overY, slope: baseField.negate(baseField.multiply(p.x, overY)) };
  });
  let result = fp12.one;
  let at = 0;
  const takeLines = () => {
    places.forEach((place, i) => {
      const line = lines[i]?.[at];
      if (!line) return;
      result = multiplyLine(result, fp2.scale(line.slope, place.slope), fp2.scale(line.rest, place.overY));
    });
    at++;
  };
  for (const digit of LOOP) {
    result = fp12.square(result);
    takeLines();
    if (digit !== 0) takeLines();
  }
  takeLines();
  takeLines();
  return finalPower(result);
}

/** The lines of the whole loop for each point, in order: tangents, and where the digit is not 0 those through the point; at last two. */
function linesOf(points: readonly Affine2[]): Line[][] {
  const found: Line[][] = points.map(() => []);
  let now = [...points];
  /** Takes the line through each point and another one, or the tangent, and moves to the third point of it, mirrored. */
  const step = (others: readonly Affine2[] | undefined) => {
    const falls = now.map((t, i) => {
      const other = others?.[i];
      return other ? fp2.subtract(other.x, t.x) : fp2.add(t.y, t.y);
    });
    const inverses = invertAll(falls);
    now = now.map((t, i) => {
      const other = others?.[i];
      const rise = other ? fp2.subtract(other.y, t.y) : fp2.scale(fp2.multiply(t.x, t.x), 3n);
      const slope = fp2.multiply(rise, inverses[i] ?? fp2.zero);
      found[i]?.push({ slope, rest: fp2.subtract(fp2.multiply(slope, t.x), t.y) });
      const x = fp2.subtract(fp2.multiply(slope, slope), fp2.add(t.x, other ? other.x : t.x));
      return { x, y: fp2.subtract(fp2.multiply(slope, fp2.subtract(t.x, x)), t.y) };
    });
  };
  const mirrored = points.map(mirror);
  for (const digit of LOOP) {
    step(undefined);
    if (digit !== 0) step(digit > 0 ? points : mirrored);
  }
  const turned = points.map(frobenius);
  step(turned);
  step(turned.map(frobenius).map(mirror));
  return found;
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

/** Times 1 + s · w + t · w³. */
function multiplyLine({ c0, c1 }: Fp12, s: Fp2, t: Fp2): Fp12 {
  return {
    c0: fp6.add(c0, fp6.shift(fp6.multiplySparse(c1, s, t))),
    c1: fp6.add(c1, fp6.multiplySparse(c0, s, t)),
  };
}

export function mirror({ x, y }: Affine2): Affine2 {
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
 * (p⁴ - p² + 1) / r = p³ + (6 x² + 1) p² + (-36 x³ - 18 x² - 12 x + 1) p + (-36 x³ - 30 x² - 18 x - 2). `times` gives powers of elements whose inverse is the conjugate.
 */
export function finalPower(value: Fp12, times = fp12.powerUnitary): Fp12 {
  const easy1 = fp12.multiply(fp12.conjugate(value), fp12.invert(value));
  const f = fp12.multiply(fp12.frobenius(fp12.frobenius(easy1)), easy1);
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
