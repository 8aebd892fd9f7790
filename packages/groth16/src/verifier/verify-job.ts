import {
  baseField,
  type Fp12,
  fp12,
  type G1Point,
  type G2Point,
  g1,
  g2,
  isInG2,
  type PreparedG2,
  pairingProduct,
  preparePairing,
  scalarField,
} from '@codex/bn254';
import { defineJob } from '@codex/compute';
import type { Proof, VerificationKey } from '../format/types.ts';

/** Keys that a thread keeps prepared: networks have one, and another for each number of samples. */
const KEYS_MAX = 8;

export interface Claim {
  readonly key: VerificationKey;
  readonly proof: Proof;
  readonly publicSignals: readonly bigint[];
}

export const verifyJob = defineJob(import.meta.url, 'verifyJob', ({ key, proof, publicSignals }: Claim): boolean => {
  if (publicSignals.length + 1 !== key.ic.length) return false;
  if (publicSignals.some((signal) => signal < 0n || signal >= scalarField.modulus)) return false;
  const { a, b, c } = proof;
  if (!isOnCurve1(a) || !isOnCurve1(c) || !isOnCurve2(b)) return false;
  const prepared = prepare(key);
  if (!prepared || !isInG2(b)) return false;
  const [constant, ...factors] = key.ic;
  const inputs = g1.add(constant, g1.multiplyAndAdd(factors, publicSignals));
  // e(-A, B) · e(α, β) · e(inputs, γ) · e(C, δ) = 1 (11 §5.5)
  const rest = pairingProduct([
    { g1: g1.negate(a), g2: b },
    { g1: inputs, g2: prepared.gamma },
    { g1: c, g2: prepared.delta },
  ]);
  return fp12.equals(fp12.multiply(prepared.alphaBeta, rest), fp12.one);
});

interface PreparedKey {
  readonly alphaBeta: Fp12;
  readonly gamma: PreparedG2;
  readonly delta: PreparedG2;
}

/** The one used last is at the end. */
const preparedKeys = new Map<string, PreparedKey>();

/** Undefined if a point of the key is not in its group, or is infinity where none may be. */
function prepare(key: VerificationKey): PreparedKey | undefined {
  const name = textOf(key);
  const prepared = preparedKeys.get(name) ?? prepareNew(key);
  if (!prepared) return undefined;
  preparedKeys.delete(name);
  preparedKeys.set(name, prepared);
  for (const oldest of preparedKeys.keys()) {
    if (preparedKeys.size <= KEYS_MAX) break;
    preparedKeys.delete(oldest);
  }
  return prepared;
}

function prepareNew({ alpha, beta, gamma, delta, ic }: VerificationKey): PreparedKey | undefined {
  if (!alpha || !beta || !gamma || !delta) return undefined;
  // All points of the first curve are of the group. On the second, what is quickly seen comes first.
  if (![alpha, ...ic].every(isOnCurve1)) return undefined;
  const twisted = [beta, gamma, delta];
  if (!twisted.every(isOnCurve2) || !twisted.every(isInG2)) return undefined;
  return {
    alphaBeta: pairingProduct([{ g1: alpha, g2: beta }]),
    gamma: preparePairing(gamma),
    delta: preparePairing(delta),
  };
}

function textOf({ alpha, beta, gamma, delta, ic }: VerificationKey): string {
  const text1 = (point: G1Point) => (point ? pair(point.x, point.y) : 'infinity');
  const text2 = (point: G2Point) =>
    point ? pair(point.x.real, point.x.imaginary) + pair(point.y.real, point.y.imaginary) : 'infinity';
  const pair = (x: bigint, y: bigint) => `(${x.toString(36)} ${y.toString(36)})`;
  return [text1(alpha), text2(beta), text2(gamma), text2(delta), ...ic.map(text1)].join();
}

const isCoordinate = (value: bigint) => value >= 0n && value < baseField.modulus;

function isOnCurve1(point: G1Point): boolean {
  return !point || (isCoordinate(point.x) && isCoordinate(point.y) && g1.isOnCurve(point));
}

function isOnCurve2(point: G2Point): boolean {
  if (!point) return true;
  const { x, y } = point;
  return [x.real, x.imaginary, y.real, y.imaginary].every(isCoordinate) && g2.isOnCurve(point);
}
