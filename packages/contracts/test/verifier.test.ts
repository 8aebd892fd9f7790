import type { Address } from 'viem';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { BYTECODE, groth16VerifierAbi, HARDHAT_VERIFICATION_KEY } from '../src/index.ts';
import { verifierArguments } from '../src/verification-key.ts';
import { ACCEPTED, SIGNALS } from './support/accepted-proof.ts';
import { Lab, PROOF, ZERO_PROOF } from './support/market.ts';

const P = 21888242871839275222246405745257275088696311157297823662689037894645226208583n;
const R = 21888242871839275222246405745257275088548364400416034343698204186575808495617n;

type Proof = typeof ACCEPTED;

const COORDINATES: readonly [string, (proof: Proof, change: (value: bigint) => bigint) => Proof][] = [
  ['a.x', (p, f) => ({ ...p, a: { ...p.a, x: f(p.a.x) } })],
  ['a.y', (p, f) => ({ ...p, a: { ...p.a, y: f(p.a.y) } })],
  ['b.x.real', (p, f) => ({ ...p, b: { ...p.b, x: { ...p.b.x, real: f(p.b.x.real) } } })],
  ['b.x.imag', (p, f) => ({ ...p, b: { ...p.b, x: { ...p.b.x, imag: f(p.b.x.imag) } } })],
  ['b.y.real', (p, f) => ({ ...p, b: { ...p.b, y: { ...p.b.y, real: f(p.b.y.real) } } })],
  ['b.y.imag', (p, f) => ({ ...p, b: { ...p.b, y: { ...p.b.y, imag: f(p.b.y.imag) } } })],
  ['c.x', (p, f) => ({ ...p, c: { ...p.c, x: f(p.c.x) } })],
  ['c.y', (p, f) => ({ ...p, c: { ...p.c, y: f(p.c.y) } })],
];

describe('Groth16Verifier on a real EVM', () => {
  let lab: Lab;
  let verifier: Address;
  const verify = (proof: Proof, signals: readonly bigint[]) =>
    lab.ask(verifier, groth16VerifierAbi, 'verify', [proof, signals]);

  beforeAll(async () => {
    lab = await Lab.start();
    verifier = await lab.create(groth16VerifierAbi, BYTECODE.Groth16Verifier, [
      verifierArguments(HARDHAT_VERIFICATION_KEY),
    ]);
  });
  afterAll(() => lab.chain.stop());

  it('accepts a good proof', async () => {
    expect(await verify(ACCEPTED, SIGNALS)).toBe(true);
  });

  describe.each(COORDINATES)('answers false when %s', (_, altered) => {
    it('is one more', async () => {
      expect(
        await verify(
          altered(ACCEPTED, (value) => value + 1n),
          SIGNALS,
        ),
      ).toBe(false);
    });
    it('is written as its value plus p, which is the same in the field', async () => {
      expect(
        await verify(
          altered(ACCEPTED, (value) => value + P),
          SIGNALS,
        ),
      ).toBe(false);
    });
    it('is not canonical, without asking the precompiles, which would take all gas', async () => {
      const args = [altered(ACCEPTED, (value) => value + P), SIGNALS];
      const { gasUsed } = await lab.send(verifier, groth16VerifierAbi, lab.accounts[0]!, 'verify', args);
      expect(gasUsed).toBeLessThan(40_000n);
    });
    it.each([0n, P - 1n, P, 2n ** 256n - 1n])('is %i', async (value) => {
      expect(
        await verify(
          altered(ACCEPTED, () => value),
          SIGNALS,
        ),
      ).toBe(false);
    });
  });

  it.each([0, 1, 2])('answers false when signal %i is another, or no element of the field', async (at) => {
    const value = SIGNALS[at]!;
    for (const other of [value + 1n, value + R, R, 2n ** 256n - 1n]) {
      expect(await verify(ACCEPTED, SIGNALS.with(at, other))).toBe(false);
    }
  });

  it('answers false to another number of signals', async () => {
    for (const signals of [[], SIGNALS.slice(0, 2), [...SIGNALS, 0n]])
      expect(await verify(ACCEPTED, signals)).toBe(false);
  });

  it('answers false to points at infinity, off the curve and out of the group', async () => {
    expect(await verify(ZERO_PROOF, SIGNALS)).toBe(false);
    expect(await verify(PROOF, SIGNALS)).toBe(false);
    expect(await verify({ ...ACCEPTED, a: { x: 0n, y: 0n } }, SIGNALS)).toBe(false);
    expect(await verify({ ...ACCEPTED, b: ZERO_PROOF.b }, SIGNALS)).toBe(false);
    // On the twist, but not in its subgroup of order r.
    const outside = {
      x: { real: 1n, imag: 0n },
      y: {
        real: 18278151005453108793778860132295291098363647455926340152056652516292830556603n,
        imag: 5912654199736721486680175016176231956195085055698687135131307249486702594212n,
      },
    };
    expect(await verify({ ...ACCEPTED, b: outside }, SIGNALS)).toBe(false);
  });

  it('answers false to −A and to A and C exchanged', async () => {
    expect(await verify({ ...ACCEPTED, a: { ...ACCEPTED.a, y: P - ACCEPTED.a.y } }, SIGNALS)).toBe(false);
    expect(await verify({ ...ACCEPTED, a: ACCEPTED.c, c: ACCEPTED.a }, SIGNALS)).toBe(false);
  });
});
