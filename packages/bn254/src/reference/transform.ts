import { scalarField as f } from './prime-field.ts';

/** r - 1 is a multiple of 2^28. */
export const ROOT_BITS_MAX = 28;

/** What 5, which generates the field's multiplicative group, leaves for the roots of unity. */
const ROOT = f.power(5n, (f.modulus - 1n) >> BigInt(ROOT_BITS_MAX));

/** The root of unity of order 2^bits that transforms use. */
export function rootOfUnity(bits: number): bigint {
  return f.power(ROOT, 1n << BigInt(ROOT_BITS_MAX - bits));
}

/** Values of a polynomial at the powers of a root of unity of order 2^bits, by halves. */
export function evaluate(coefficients: readonly bigint[], root: bigint): bigint[] {
  if (coefficients.length === 1) return [...coefficients];
  const square = f.multiply(root, root);
  const even = evaluate(
    coefficients.filter((_, i) => i % 2 === 0),
    square,
  );
  const odd = evaluate(
    coefficients.filter((_, i) => i % 2 === 1),
    square,
  );
  let power = 1n;
  const high: bigint[] = [];
  const low = even.map((value, i) => {
    const turned = f.multiply(power, odd[i] ?? 0n);
    power = f.multiply(power, root);
    high.push(f.subtract(value, turned));
    return f.add(value, turned);
  });
  return [...low, ...high];
}
