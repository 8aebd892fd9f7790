import { scalarField as f, g1, g2 } from '@codex/bn254';
import { type Random, seededRandom } from '@codex/runtime';
import { expect, it } from 'vitest';
import { drawRandomness, rerandomise } from '../../src/prover/randomness.ts';

/** Draws these numbers, 32 bytes each, the highest first; then nothing more. */
function numbers(values: readonly bigint[]): Pick<Random, 'bytes'> & { readonly left: bigint[] } {
  const left = [...values];
  return {
    left,
    bytes(length) {
      const value = left.shift();
      if (value === undefined) throw new Error('No more numbers');
      return Uint8Array.from(Buffer.from(value.toString(16).padStart(2 * length, '0'), 'hex'));
    },
  };
}

const randomOf = (source: Pick<Random, 'bytes'>): Random => ({ ...seededRandom(0), ...source });

it('draws from all numbers below r, and no factor of zero', () => {
  const source = numbers([f.modulus, 0n, (1n << 254n) - 1n, 1n, f.modulus + 7n, 0n]);
  expect(drawRandomness(randomOf(source))).toEqual({ factor: 1n, turn: 0n });
  expect(source.left).toEqual([]);
  // Bits above those of r are ignored, so that drawing ends soon.
  const high = numbers([(3n << 254n) + f.modulus - 1n, (1n << 255n) + 9n]);
  expect(drawRandomness(randomOf(high))).toEqual({ factor: f.modulus - 1n, turn: 9n });
});

it('draws numbers of full length', () => {
  const random = seededRandom(99);
  const drawn = Array.from({ length: 200 }, () => drawRandomness(random)).flatMap(({ factor, turn }) => [factor, turn]);
  expect(new Set(drawn).size).toBe(400);
  const mean = drawn.reduce((sum, value) => sum + value, 0n) / 400n;
  expect(Number((mean * 1000n) / f.modulus)).toBeGreaterThan(450);
  expect(Number((mean * 1000n) / f.modulus)).toBeLessThan(550);
});

it('turns a proof into another of the same', () => {
  // With A = x, B = y in the exponent, C has to grow by t·x for A·B to fit.
  const [x, y, delta] = [5n, 7n, 11n];
  const randomness = { factor: 1234n, turn: 5678n };
  const turned = rerandomise.run({
    a: g1.multiply(g1.generator, x),
    b: g2.multiply(g2.generator, y),
    delta: g2.multiply(g2.generator, delta),
    randomness,
  });
  const expected = {
    a: g1.multiply(g1.generator, f.multiply(x, f.invert(randomness.factor))),
    b: g2.multiply(g2.generator, f.of(randomness.factor * (y + randomness.turn * delta))),
    c: g1.multiply(g1.generator, f.multiply(randomness.turn, x)),
  };
  expect(turned).toEqual(expected);
});
