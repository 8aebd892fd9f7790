import { type Fp2, fp2 } from './extension.ts';
import { baseField, scalarField } from './prime-field.ts';

/** What the formulas need of a field. */
interface CoordinateField<F> {
  readonly zero: F;
  readonly one: F;
  equals(a: F, b: F): boolean;
  add(a: F, b: F): F;
  subtract(a: F, b: F): F;
  negate(a: F): F;
  multiply(a: F, b: F): F;
  invert(a: F): F;
}

/** An affine point; undefined is the point at infinity. */
export type Point<F> = { readonly x: F; readonly y: F } | undefined;

/** In Jacobian coordinates: (x / z², y / z³); z = 0 at infinity. */
interface Jacobian<F> {
  readonly x: F;
  readonly y: F;
  readonly z: F;
}

/** The curve y² = x³ + b over a field, in affine coordinates outside and Jacobian ones inside. */
export class Curve<F> {
  readonly field: CoordinateField<F>;
  readonly b: F;
  readonly generator: NonNullable<Point<F>>;

  constructor(field: CoordinateField<F>, b: F, generator: NonNullable<Point<F>>) {
    this.field = field;
    this.b = b;
    this.generator = generator;
  }

  equals(p: Point<F>, q: Point<F>): boolean {
    if (!p || !q) return p === q;
    return this.field.equals(p.x, q.x) && this.field.equals(p.y, q.y);
  }

  isOnCurve(point: Point<F>): boolean {
    if (!point) return true;
    const { field: f, b } = this;
    return f.equals(f.multiply(point.y, point.y), f.add(f.multiply(point.x, f.multiply(point.x, point.x)), b));
  }

  /** On the curve, and of the order of the group: on G2's curve there are others. */
  isInGroup(point: Point<F>): boolean {
    return this.isOnCurve(point) && this.#affine(this.#timesJacobian(point, scalarField.modulus)) === undefined;
  }

  negate(point: Point<F>): Point<F> {
    return point && { x: point.x, y: this.field.negate(point.y) };
  }

  add(p: Point<F>, q: Point<F>): Point<F> {
    return this.#affine(this.#addJacobian(this.#jacobian(p), this.#jacobian(q)));
  }

  sum(points: readonly Point<F>[]): Point<F> {
    return this.#affine(
      points.reduce<Jacobian<F>>((sum, p) => this.#addJacobian(sum, this.#jacobian(p)), this.#jacobian(undefined)),
    );
  }

  multiply(point: Point<F>, scalar: bigint): Point<F> {
    return this.#affine(this.#timesJacobian(point, scalarField.of(scalar)));
  }

  /** The sum of points times scalars, one after the other. */
  multiplyAndAdd(points: readonly Point<F>[], scalars: readonly bigint[]): Point<F> {
    return this.sum(points.map((point, i) => this.multiply(point, scalars[i] ?? 0n)));
  }

  /** Digits of a number in base 2^bits, the lowest first: the sum of each times what it counts. */
  joinWindows(windows: readonly Point<F>[], bits: number): Point<F> {
    let sum = this.#jacobian(undefined);
    for (const window of windows.toReversed()) {
      for (let i = 0; i < bits; i++) sum = this.#double(sum);
      sum = this.#addJacobian(sum, this.#jacobian(window));
    }
    return this.#affine(sum);
  }

  #jacobian(point: Point<F>): Jacobian<F> {
    const { zero, one } = this.field;
    return point ? { x: point.x, y: point.y, z: one } : { x: one, y: one, z: zero };
  }

  #affine({ x, y, z }: Jacobian<F>): Point<F> {
    const f = this.field;
    if (f.equals(z, f.zero)) return undefined;
    const inverse = f.invert(z);
    const square = f.multiply(inverse, inverse);
    return { x: f.multiply(x, square), y: f.multiply(y, f.multiply(square, inverse)) };
  }

  #timesJacobian(point: Point<F>, scalar: bigint): Jacobian<F> {
    const once = this.#jacobian(point);
    let result = this.#jacobian(undefined);
    for (const bit of scalar.toString(2)) {
      result = this.#double(result);
      if (bit === '1') result = this.#addJacobian(result, once);
    }
    return result;
  }

  #double({ x, y, z }: Jacobian<F>): Jacobian<F> {
    const f = this.field;
    const yy = f.multiply(y, y);
    const xyy = f.multiply(x, yy);
    const twice = f.add(xyy, xyy);
    const s = f.add(twice, twice);
    const xx = f.multiply(x, x);
    const m = f.add(xx, f.add(xx, xx));
    const newX = f.subtract(f.multiply(m, m), f.add(s, s));
    const fourth = f.multiply(yy, yy);
    const fourth2 = f.add(fourth, fourth);
    const fourth4 = f.add(fourth2, fourth2);
    const newY = f.subtract(f.multiply(m, f.subtract(s, newX)), f.add(fourth4, fourth4));
    const yz = f.multiply(y, z);
    return { x: newX, y: newY, z: f.add(yz, yz) };
  }

  #addJacobian(p: Jacobian<F>, q: Jacobian<F>): Jacobian<F> {
    const f = this.field;
    if (f.equals(p.z, f.zero)) return q;
    if (f.equals(q.z, f.zero)) return p;
    const pzz = f.multiply(p.z, p.z);
    const qzz = f.multiply(q.z, q.z);
    const u = f.multiply(p.x, qzz);
    const s = f.multiply(p.y, f.multiply(qzz, q.z));
    const h = f.subtract(f.multiply(q.x, pzz), u);
    const r = f.subtract(f.multiply(q.y, f.multiply(pzz, p.z)), s);
    if (f.equals(h, f.zero)) return f.equals(r, f.zero) ? this.#double(p) : this.#jacobian(undefined);
    const hh = f.multiply(h, h);
    const hhh = f.multiply(hh, h);
    const v = f.multiply(u, hh);
    const x = f.subtract(f.subtract(f.multiply(r, r), hhh), f.add(v, v));
    const y = f.subtract(f.multiply(r, f.subtract(v, x)), f.multiply(s, hhh));
    return { x, y, z: f.multiply(h, f.multiply(p.z, q.z)) };
  }
}

const fp: CoordinateField<bigint> = {
  zero: 0n,
  one: 1n,
  equals: (a, b) => a === b,
  add: (a, b) => baseField.add(a, b),
  subtract: (a, b) => baseField.subtract(a, b),
  negate: (a) => baseField.negate(a),
  multiply: (a, b) => baseField.multiply(a, b),
  invert: (a) => baseField.invert(a),
};

export type G1Point = Point<bigint>;
export type G2Point = Point<Fp2>;

export const g1 = new Curve<bigint>(fp, 3n, { x: 1n, y: 2n });

/** The twist: b is 3 / (9 + u). */
export const g2 = new Curve<Fp2>(
  fp2,
  fp2.multiply({ real: 3n, imaginary: 0n }, fp2.invert({ real: 9n, imaginary: 1n })),
  {
    x: {
      real: 10857046999023057135944570762232829481370756359578518086990519993285655852781n,
      imaginary: 11559732032986387107991004021392285783925812861821192530917403151452391805634n,
    },
    y: {
      real: 8495653923123431417604973247489272438418190587263600148770280649306958101930n,
      imaginary: 4082367875863433681332203403145435568316851327593401208105741076214120093531n,
    },
  },
);
