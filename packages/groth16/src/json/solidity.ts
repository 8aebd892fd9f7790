import type { Fp2, G1Point, G2Point } from '@codex/bn254';
import type { Proof, VerificationKey } from '../format/types.ts';

/** `G1Point` of the contracts (11 §5.4). Infinity is 0, 0. */
export interface SolidityG1 {
  readonly x: bigint;
  readonly y: bigint;
}

/** `Fp2Element`: parts in this order, which is not that of the precompile. */
export interface SolidityFp2 {
  readonly real: bigint;
  readonly imag: bigint;
}

export interface SolidityG2 {
  readonly x: SolidityFp2;
  readonly y: SolidityFp2;
}

/** `Groth16Proof`, as ABI encoders take it. */
export interface SolidityProof {
  readonly a: SolidityG1;
  readonly b: SolidityG2;
  readonly c: SolidityG1;
}

/** What the verifier's contract is made with. */
export interface SolidityVerificationKey {
  readonly alpha: SolidityG1;
  readonly beta: SolidityG2;
  readonly gamma: SolidityG2;
  readonly delta: SolidityG2;
  readonly ic: readonly SolidityG1[];
}

export function toSolidityProof({ a, b, c }: Proof): SolidityProof {
  return { a: g1(a), b: g2(b), c: g1(c) };
}

/** The way back. Coordinates are not checked: `verify` does. */
export function fromSolidityProof({ a, b, c }: SolidityProof): Proof {
  return { a: pointOf(a), b: twistedOf(b), c: pointOf(c) };
}

export function verificationKeyForSolidity(key: VerificationKey): SolidityVerificationKey {
  return { alpha: g1(key.alpha), beta: g2(key.beta), gamma: g2(key.gamma), delta: g2(key.delta), ic: key.ic.map(g1) };
}

/** The same as text of JSON, with numbers as decimal strings: for tools that deploy verifiers. */
export function solidityVerificationKeyJson(key: VerificationKey): string {
  const text = (_: string, value: unknown) => (typeof value === 'bigint' ? String(value) : value);
  return JSON.stringify(verificationKeyForSolidity(key), text, 2);
}

function g1(point: G1Point): SolidityG1 {
  return point ? { x: point.x, y: point.y } : { x: 0n, y: 0n };
}

function g2(point: G2Point): SolidityG2 {
  const part = ({ real, imaginary }: Fp2): SolidityFp2 => ({ real, imag: imaginary });
  const zero = { real: 0n, imag: 0n };
  return point ? { x: part(point.x), y: part(point.y) } : { x: zero, y: zero };
}

function pointOf({ x, y }: SolidityG1): G1Point {
  return x === 0n && y === 0n ? undefined : { x, y };
}

function twistedOf({ x, y }: SolidityG2): G2Point {
  const part = ({ real, imag }: SolidityFp2): Fp2 => ({ real, imaginary: imag });
  if (x.real === 0n && x.imag === 0n && y.real === 0n && y.imag === 0n) return undefined;
  return { x: part(x), y: part(y) };
}
