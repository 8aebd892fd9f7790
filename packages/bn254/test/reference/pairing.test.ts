import { describe, expect, it } from 'vitest';
import {
  baseField,
  fp12,
  type G1Point,
  type G2Point,
  g1,
  g2,
  isInG1,
  isInG2,
  pairingProduct,
  preparePairing,
  scalarField,
} from '../../src/index.ts';
import { pairingProduct as twin } from '../../src/reference/pairing.ts';
import { drawn } from '../values.ts';
import { KEY, PROOF, PUBLIC } from './proof.ts';

const [P, Q] = [g1.generator, g2.generator];
const pairing = (a: G1Point, b: G2Point) => pairingProduct([{ g1: a, g2: b }]);

const GAMMA = preparePairing(Q);
const DELTA = preparePairing(KEY.delta);
const ALPHA_BETA = pairing(KEY.alpha, KEY.beta);

/** As the contract verifies (11 §5.5). */
function verify(proof: readonly bigint[], inputs: readonly bigint[]): boolean {
  const [ax, ay, bxr, bxi, byr, byi, cx, cy] = proof as [
    bigint,
    bigint,
    bigint,
    bigint,
    bigint,
    bigint,
    bigint,
    bigint,
  ];
  if (proof.some((x) => x >= baseField.modulus) || inputs.some((x) => x >= scalarField.modulus)) return false;
  const a = { x: ax, y: ay };
  const b = { x: { real: bxr, imaginary: bxi }, y: { real: byr, imaginary: byi } };
  const c = { x: cx, y: cy };
  if (!isInG1(a) || !isInG2(b) || !isInG1(c)) return false;
  const product = pairingProduct([
    { g1: g1.negate(a), g2: b },
    { g1: g1.multiplyAndAdd(KEY.inputs, [1n, ...inputs]), g2: GAMMA },
    { g1: c, g2: DELTA },
  ]);
  return fp12.equals(fp12.multiply(product, ALPHA_BETA), fp12.one);
}

describe('the pairing', () => {
  it('is bilinear, of the order of the groups, and not trivial', () => {
    const once = pairing(P, Q);
    expect(fp12.equals(once, fp12.one)).toBe(false);
    expect(fp12.equals(fp12.power(once, scalarField.modulus), fp12.one)).toBe(true);
    const [a, b] = drawn(1, 2, scalarField) as [bigint, bigint];
    const scaled = pairing(g1.multiply(P, a), g2.multiply(Q, b));
    expect(fp12.equals(scaled, fp12.power(once, scalarField.multiply(a, b)))).toBe(true);
  });

  it('of a sum is the product', () => {
    const p2 = g1.multiply(P, 1234n);
    const q2 = g2.multiply(Q, 5678n);
    const product = pairingProduct([
      { g1: P, g2: Q },
      { g1: p2, g2: Q },
    ]);
    expect(fp12.equals(pairing(g1.add(P, p2), Q), product)).toBe(true);
    const other = fp12.multiply(pairing(P, Q), pairing(P, q2));
    expect(fp12.equals(pairing(P, g2.add(Q, q2)), other)).toBe(true);
  });

  it('is the same with prepared points, also after they were cloned', () => {
    const q2 = g2.multiply(Q, 5678n);
    const expected = fp12.multiply(pairing(P, Q), pairing(g1.multiply(P, 9n), q2));
    const prepared = structuredClone(preparePairing(Q));
    const found = pairingProduct([
      { g1: P, g2: prepared },
      { g1: g1.multiply(P, 9n), g2: q2 },
      { g1: P, g2: preparePairing(undefined) },
      { g1: undefined, g2: prepared },
    ]);
    expect(fp12.equals(found, expected)).toBe(true);
    expect(fp12.equals(pairingProduct([{ g1: P, g2: preparePairing(undefined) }]), fp12.one)).toBe(true);
  });

  it('equals its twin', () => {
    for (const seed of [3, 4, 5]) {
      const [a, b, c, d] = drawn(seed, 4, scalarField) as [bigint, bigint, bigint, bigint];
      const pairs = [
        { g1: g1.multiply(P, a), g2: g2.multiply(Q, b) },
        { g1: g1.multiply(P, c), g2: undefined },
        { g1: g1.multiply(P, c), g2: g2.multiply(Q, d) },
      ].slice(0, seed - 2);
      expect(pairingProduct(pairs)).toEqual(twin(pairs));
    }
    const r = scalarField.modulus;
    const edges = [{ g1: g1.multiply(P, r - 1n), g2: g2.multiply(Q, r - 2n) }];
    expect(pairingProduct(edges)).toEqual(twin(edges));
  });

  it('refuses what is no prepared point', () => {
    const lines = preparePairing(Q).lines.slice(1);
    expect(() => pairingProduct([{ g1: P, g2: { lines } }])).toThrow(
      expect.objectContaining({ code: 'BN254_INPUT_INVALID' }),
    );
  });

  it('is 1 of infinity, of nothing, and of opposites', () => {
    expect(pairing(undefined, Q)).toEqual(fp12.one);
    expect(pairing(P, undefined)).toEqual(fp12.one);
    expect(pairingProduct([])).toEqual(fp12.one);
    const product = pairingProduct([
      { g1: P, g2: Q },
      { g1: g1.negate(P), g2: Q },
    ]);
    expect(fp12.equals(product, fp12.one)).toBe(true);
  });
});

describe('a proof that the contract accepts', () => {
  it('verifies', () => {
    expect(verify(PROOF, PUBLIC)).toBe(true);
  });

  it('does not with any bit of it changed', () => {
    PROOF.forEach((value, i) => {
      for (let bit = 0n; bit < 256n; bit++) expect(verify(PROOF.with(i, value ^ (1n << bit)), PUBLIC)).toBe(false);
    });
  });

  it('does not with other public signals', () => {
    PUBLIC.forEach((value, i) => {
      for (const bit of [0n, 1n, 7n, 31n, 100n, 200n, 252n, 255n]) {
        expect(verify(PROOF, PUBLIC.with(i, value ^ (1n << bit)))).toBe(false);
      }
    });
  });

  it('does not with other points of the groups', () => {
    const { x, y } = g1.multiply({ x: PROOF[0]!, y: PROOF[1]! }, 2n)!;
    expect(verify(PROOF.with(0, x).with(1, y), PUBLIC)).toBe(false);
    expect(verify(PROOF.with(1, baseField.negate(PROOF[1]!)), PUBLIC)).toBe(false);
  });
});
