import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { baseField, fp2, g1, g2, isInG2, PrimeField, scalarField } from '../../src/index.ts';
import { CURVE_X } from '../../src/reference/prime-field.ts';
import { coordinates, drawn } from '../values.ts';

describe('the fields', () => {
  const x = CURVE_X;
  it('are those that the curve parameter gives', () => {
    expect(baseField.modulus).toBe(36n * x ** 4n + 36n * x ** 3n + 24n * x ** 2n + 6n * x + 1n);
    expect(scalarField.modulus).toBe(36n * x ** 4n + 36n * x ** 3n + 18n * x ** 2n + 6n * x + 1n);
  });

  it('invert what is not 0', () => {
    for (const field of [baseField, scalarField, new PrimeField(7n)]) {
      for (const a of [1n, 2n, field.modulus - 1n, ...drawn(1, 20, field)]) {
        if (a > 0n) expect(field.multiply(a, field.invert(a))).toBe(1n);
      }
      expect(field.invert(0n)).toBe(0n);
    }
  });

  it('of coordinates, extended, keeps the laws of a field', () => {
    const element = fc.record({ real: coordinates, imaginary: coordinates });
    fc.assert(
      fc.property(element, element, element, (a, b, c) => {
        const distributed = fp2.add(fp2.multiply(a, b), fp2.multiply(a, c));
        expect(fp2.multiply(a, fp2.add(b, c))).toEqual(distributed);
        expect(fp2.multiply(a, b)).toEqual(fp2.multiply(b, a));
        if (!fp2.isZero(a)) expect(fp2.multiply(a, fp2.invert(a))).toEqual(fp2.one);
        expect(fp2.twist(a)).toEqual(fp2.multiply(a, { real: 9n, imaginary: 1n }));
        expect(fp2.subtract(a, a)).toEqual(fp2.zero);
      }),
    );
    const u = { real: 0n, imaginary: 1n };
    expect(fp2.multiply(u, u)).toEqual(fp2.negate(fp2.one));
  });
});

describe('the groups', () => {
  it('have generators of their order', () => {
    for (const curve of [g1, g2]) {
      const group = curve as typeof g1;
      expect(group.isInGroup(group.generator)).toBe(true);
      expect(group.multiply(group.generator, scalarField.modulus - 1n)).toEqual(group.negate(group.generator));
    }
  });

  it('add as groups do', () => {
    for (const curve of [g1, g2]) {
      const group = curve as typeof g1;
      const [p, q, r] = drawn(2, 3, scalarField).map((scalar) => group.multiply(group.generator, scalar));
      expect(group.add(group.add(p, q), r)).toEqual(group.add(p, group.add(q, r)));
      expect(group.add(p, p)).toEqual(group.multiply(p, 2n));
      expect(group.add(p, group.negate(p))).toBe(undefined);
      expect(group.add(p, undefined)).toEqual(p);
      expect(group.isOnCurve(group.sum([p, q, r, p]))).toBe(true);
      expect(group.joinWindows([p, q, undefined, r], 3)).toEqual(group.multiplyAndAdd([p, q, r], [1n, 8n, 512n]));
    }
  });

  it('know the double of the first generator (the precompile of EIP-196)', () => {
    expect(g1.add({ x: 1n, y: 2n }, { x: 1n, y: 2n })).toEqual({
      x: 1368015179489954701390400359078579693043519447331113978918064868415326638035n,
      y: 9918110051302171585080402603319702774565515993150576347155970296011118125764n,
    });
  });

  it('of the twist leave out points of its curve: the quick test agrees with the definition', () => {
    let found = 0;
    for (let real = 0n; found < 4; real++) {
      const x = { real, imaginary: 1n };
      const y = squareRoot(fp2.add(fp2.multiply(x, fp2.multiply(x, x)), g2.b));
      if (!y) continue;
      found++;
      expect(g2.isOnCurve({ x, y })).toBe(true);
      expect(isInG2({ x, y })).toBe(false);
      expect(g2.isInGroup({ x, y })).toBe(false);
    }
    for (const scalar of [0n, 1n, ...drawn(4, 3, scalarField)]) {
      expect(isInG2(g2.multiply(g2.generator, scalar))).toBe(true);
    }
    expect(isInG2({ x: fp2.one, y: fp2.one })).toBe(false);
  });
});

/** By the norm: p is 3 modulo 4. */
function squareRoot(a: { real: bigint; imaginary: bigint }): typeof a | undefined {
  const f = baseField;
  const root = (n: bigint) => f.power(n, (f.modulus + 1n) / 4n);
  const norm = root(f.of(a.real * a.real + a.imaginary * a.imaginary));
  const half = f.invert(2n);
  for (const sign of [norm, f.negate(norm)]) {
    const real = root(f.multiply(f.add(a.real, sign), half));
    const y = { real, imaginary: f.multiply(f.multiply(a.imaginary, half), f.invert(real)) };
    if (fp2.equals(fp2.multiply(y, y), a)) return y;
  }
  return undefined;
}
