import { scalarField as f, rootOfUnity, transform } from '@codex/bn254';
import type { Compute } from '@codex/compute';
import type { AbortOptions } from '@codex/runtime';
import { writeElement } from '../format/elements.ts';
import { zeros } from './secret-memory.ts';

/** Two arrays of as many elements as the domain has; both are overwritten. */
export interface Room {
  readonly values: Uint8Array;
  readonly scratch: Uint8Array;
}

interface Evaluation {
  readonly domainBits: number;
  readonly point: bigint;
  readonly factor: bigint;
}

/**
 * values[i] = factor · L_i(point), where L_i is 1 at the i-th power of w = rootOfUnity(domainBits) and 0 at the others.
 *
 * As L_i(x) is the sum of (x / w^i)^j / n for all j, these are the inverse transform of the powers of the point; and these
 * powers are that of n at w^0 and 0 elsewhere, shifted. So nothing is divided, and all is done by the kernels.
 */
export async function lagrangeValues(
  compute: Compute,
  { values, scratch }: Room,
  { domainBits, point, factor }: Evaluation,
  options: AbortOptions,
): Promise<void> {
  await compute.run(zeros, [values]);
  writeElement(values, 0, f.multiply(factor, 1n << BigInt(domainBits)));
  // Back from values at shift · w^i come coefficients over powers of the shift.
  await transform(compute, { values, scratch, inverse: true, shift: f.invert(point) }, options);
  await transform(compute, { values, scratch, inverse: true }, options);
}

/**
 * values[i] = L_(2i+1)(τ) / δ for the domain of twice the size, which is what points of H are made from (11 §5.6).
 *
 * With v of order 2n, the odd powers of v are the coset v · w^i. There, x^n - 1 is -2, and a polynomial of degree below n is the sum
 * of its values times M_i(τ) = L_i(τ / v), with L_i of the domain itself. So the quotient (a·b - c) / (x^n - 1) at τ, times τ^n - 1, is
 * the sum of the values of a·b - c times -(τ^n - 1) / 2 · M_i(τ).
 */
export async function quotientValues(
  compute: Compute,
  room: Room,
  { domainBits, tau, delta }: { domainBits: number; tau: bigint; delta: bigint },
  options: AbortOptions,
): Promise<void> {
  const vanishing = f.subtract(f.power(tau, 1n << BigInt(domainBits)), 1n);
  const factor = f.negate(f.multiply(vanishing, f.invert(f.multiply(2n, delta))));
  const point = f.multiply(tau, f.invert(rootOfUnity(domainBits + 1)));
  await lagrangeValues(compute, room, { domainBits, point, factor }, options);
}
