import { baseField, type G1Point, type G2Point, g1, g2, scalarField } from '@codex/bn254';
import { WorkerPool } from '@codex/compute';
import { afterAll, describe, expect, it } from 'vitest';
import {
  decodeProof,
  decodePublicSignals,
  decodeVerificationKey,
  type Proof,
  type VerificationKey,
  verify,
} from '../../src/index.ts';
import { outsideOfG2 } from '../support/outside.ts';
import { useSnarkjs } from '../support/snarkjs.ts';
import { NETWORK, SMALL } from '../support/vectors.ts';

const pool = new WorkerPool({}, { threads: 2 });
afterAll(() => pool.stop());
const snarkjs = useSnarkjs();

const key = decodeVerificationKey(NETWORK.verificationKey);
const proof = decodeProof(NETWORK.proof);
const signals = decodePublicSignals(NETWORK.publicSignals);

const BITS = Array.from({ length: 256 }, (_, i) => 1n << BigInt(i));

/** Each pairing takes milliseconds: of the signals' bits only some are looked at here, all in bits.soak.ts. */
const SIGNAL_BITS = BITS.filter((_, i) => i % 16 === 3 || i > 250 || i < 2);

/** All points that differ in one bit of a coordinate. */
const flipped1 = (point: G1Point): G1Point[] =>
  BITS.flatMap((bit) =>
    point
      ? [
          { ...point, x: point.x ^ bit },
          { ...point, y: point.y ^ bit },
        ]
      : [],
  );

const flipped2 = (point: G2Point): G2Point[] =>
  BITS.flatMap((bit) => {
    if (!point) return [];
    const parts = (part: 'x' | 'y') => [
      { ...point, [part]: { ...point[part], real: point[part].real ^ bit } },
      { ...point, [part]: { ...point[part], imaginary: point[part].imaginary ^ bit } },
    ];
    return [...parts('x'), ...parts('y')];
  });

interface Claim {
  readonly key?: VerificationKey;
  readonly proof?: Proof;
  readonly signals?: readonly bigint[];
}

const accepts = (claim: Claim) => verify(pool, claim.key ?? key, claim.proof ?? proof, claim.signals ?? signals);

async function expectRefused(claims: readonly Claim[]): Promise<void> {
  const accepted = await Promise.all(claims.map(accepts));
  expect(accepted.flatMap((is, i) => (is ? [claims[i]] : []))).toEqual([]);
}

describe('the proof that the contract accepts', () => {
  it('is accepted', async () => {
    expect(await accepts({})).toBe(true);
    // From the thread's prepared key.
    expect(await accepts({})).toBe(true);
    expect(await snarkjs.groth16.verify(NETWORK.verificationKey, NETWORK.publicSignals, NETWORK.proof)).toBe(true);
  });

  it('is refused with any bit changed', async () => {
    await expectRefused([
      ...flipped1(proof.a).map((a) => ({ proof: { ...proof, a } })),
      ...flipped2(proof.b).map((b) => ({ proof: { ...proof, b } })),
      ...flipped1(proof.c).map((c) => ({ proof: { ...proof, c } })),
    ]);
  });

  it('is refused with any bit of a public signal changed', async () => {
    await expectRefused(
      signals.flatMap((signal, i) => SIGNAL_BITS.map((bit) => ({ signals: signals.with(i, signal ^ bit) }))),
    );
  });

  it('is refused with any bit of the key changed', async () => {
    await expectRefused(
      [
        ...flipped1(key.alpha).map((alpha) => ({ ...key, alpha })),
        ...(['beta', 'gamma', 'delta'] as const).flatMap((name) =>
          flipped2(key[name]).map((point) => ({ ...key, [name]: point })),
        ),
        ...key.ic.flatMap((point, i) => flipped1(point).map((other) => ({ ...key, ic: key.ic.with(i, other) }))),
      ].map((other) => ({ key: other })),
    );
  });

  it('is refused with other points', async () => {
    const outside = outsideOfG2();
    const p = baseField.modulus;
    const { a, b, c } = proof;
    if (!a || !b || !c) throw new Error('the proof has points');
    await expectRefused([
      { proof: { a, b, c: g1.negate(c) } },
      { proof: { a: g1.negate(a), b, c } },
      { proof: { a: c, b, c: a } },
      { proof: { a, b: outside, c } },
      { proof: { a, b: g2.add(b, g2.generator), c } },
      { proof: { a: undefined, b, c } },
      { proof: { a, b: undefined, c } },
      { proof: { a, b, c: undefined } },
      { proof: { a: undefined, b: undefined, c: undefined } },
      // The same points, but not in their one form.
      { proof: { a: { x: a.x + p, y: a.y }, b, c } },
      { proof: { a: { x: a.x, y: a.y - p }, b, c } },
      { proof: { a, b: { ...b, x: { ...b.x, real: b.x.real + p } }, c } },
    ]);
  });

  it('is refused with other signals: too few, too many, and not below r', async () => {
    const r = scalarField.modulus;
    await expectRefused([
      { signals: [] },
      { signals: signals.slice(1) },
      { signals: [...signals, 0n] },
      { signals: signals.toReversed() },
      ...signals.map((signal, i) => ({ signals: signals.with(i, signal + r) })),
      ...signals.map((signal, i) => ({ signals: signals.with(i, signal - r) })),
    ]);
  });

  it('is refused with keys that would let anything pass', async () => {
    await expectRefused(
      [
        { ...key, alpha: undefined },
        { ...key, beta: undefined },
        { ...key, gamma: undefined },
        { ...key, delta: undefined },
        { ...key, gamma: undefined, delta: undefined },
        { ...key, delta: outsideOfG2() },
        { ...key, ic: [] },
      ].map((other) => ({ key: other })),
    );
    // With γ and δ at infinity, α and β themselves would be a proof of whatever is asked.
    const forged = { ...key, gamma: undefined, delta: undefined };
    await expectRefused([{ key: forged, proof: { a: key.alpha, b: key.beta, c: undefined } }]);
  });

  it('has other forms, which are as good: nobody but its maker needs to care', async () => {
    const factor = 987654321n;
    const other = {
      a: g1.multiply(proof.a, factor),
      b: g2.multiply(proof.b, scalarField.invert(factor)),
      c: proof.c,
    };
    expect(await accepts({ proof: other })).toBe(true);
  });
});

describe('proofs that snarkjs made', () => {
  it('are accepted with their key, and with no other', async () => {
    const small = {
      key: decodeVerificationKey(SMALL.verificationKey),
      proof: decodeProof(SMALL.proof),
      signals: decodePublicSignals(SMALL.publicSignals),
    };
    expect(await accepts(small)).toBe(true);
    await expectRefused([
      { ...small, key },
      { ...small, proof },
      { ...small, signals },
    ]);
  });

  it('are accepted with many keys in turn', async () => {
    for (let round = 0; round < 2; round++) {
      const keys = Array.from({ length: 10 }, (_, i) => ({
        ...key,
        ic: [...key.ic, g1.multiply(g1.generator, BigInt(i))],
      }));
      // The last signal counts nothing where it is 0.
      const results = await Promise.all(keys.map((other) => accepts({ key: other, signals: [...signals, 0n] })));
      expect(results).toEqual(Array(10).fill(true));
    }
  });

  it('are not looked at any more when that is aborted', async () => {
    const signal = AbortSignal.abort(new Error('enough'));
    await expect(verify(pool, key, proof, signals, { signal })).rejects.toThrow('enough');
  });
});
