import { type Fp2, baseField as f, fp2, type G2Point, g2 } from '@codex/bn254';

/** A point of the twist that is not of the group, where all but a few are: of x = 1 + i·u the first that is on the curve. */
export function outsideOfG2(): NonNullable<G2Point> {
  for (let i = 1n; ; i++) {
    const x = { real: 1n, imaginary: i };
    const y = squareRoot(fp2.add(fp2.multiply(x, fp2.multiply(x, x)), g2.b));
    if (y && !g2.isInGroup({ x, y })) return { x, y };
  }
}

/** p is 3 modulo 4: roots of the norm and of half the sum lead to that of the whole. */
function squareRoot(of: Fp2): Fp2 | undefined {
  const root = (value: bigint) => f.power(value, (f.modulus + 1n) / 4n);
  const norm = root(f.of(of.real * of.real + of.imaginary * of.imaginary));
  for (const sign of [norm, f.negate(norm)]) {
    const real = root(f.multiply(f.add(of.real, sign), f.invert(2n)));
    const found = { real, imaginary: f.multiply(of.imaginary, f.invert(f.add(real, real))) };
    if (fp2.equals(fp2.multiply(found, found), of)) return found;
  }
  return undefined;
}
