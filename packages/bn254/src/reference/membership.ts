import { type G1Point, type G2Point, g1, g2 } from './curve.ts';
import { frobenius } from './pairing.ts';
import { CURVE_X } from './prime-field.ts';

/** Coordinates of points from outside must be below p. All points of the curve are of the group. */
export function isInG1(point: G1Point): boolean {
  return g1.isOnCurve(point);
}

/**
 * On the twist, and of the group, which is a small part of it: (x + 1) Q + F(x Q) + F²(x Q) = F³(2 x Q) with the Frobenius map
 * F and the curve's x, a quarter as long as the group's order (Dai, Lin, Zhao and Zhou).
 */
export function isInG2(point: G2Point): boolean {
  if (!g2.isOnCurve(point)) return false;
  const once = g2.multiply(point, CURVE_X);
  const map = (of: G2Point) => of && frobenius(of);
  const left = g2.sum([once, point, map(once), map(map(once))]);
  return g2.equals(left, map(map(map(g2.add(once, once)))));
}
