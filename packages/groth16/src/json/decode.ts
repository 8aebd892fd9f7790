import {
  baseField,
  type Fp2,
  type G1Point,
  type G2Point,
  isInG1,
  isInG2,
  type PrimeField,
  scalarField,
} from '@codex/bn254';
import { Groth16Error } from '../errors.ts';
import { PUBLIC_SIGNALS_MAX } from '../format/limits.ts';
import type { Proof, VerificationKey } from '../format/types.ts';

/** Digits of 2^256: longer numbers are not even parsed. */
const DIGITS_MAX = 78;

/**
 * A proof from what snarkjs writes as proof.json. Coordinates are decimal strings below p, points are in their groups.
 *
 * @throws GROTH16_JSON_INVALID
 */
export function decodeProof(json: unknown): Proof {
  const proof = record(json, 'proof');
  expectScheme(proof, 'proof');
  return { a: g1(proof.pi_a, 'pi_a'), b: g2(proof.pi_b, 'pi_b'), c: g1(proof.pi_c, 'pi_c') };
}

/**
 * The public signals from public.json: decimal strings below r.
 *
 * @throws GROTH16_JSON_INVALID
 */
export function decodePublicSignals(json: unknown): bigint[] {
  return list(json, 'public signals', 0, PUBLIC_SIGNALS_MAX).map((text, i) => number(text, `signal ${i}`, scalarField));
}

/**
 * The key from verification_key.json. `vk_alphabeta_12`, which follows from it, is not looked at.
 *
 * @throws GROTH16_JSON_INVALID
 */
export function decodeVerificationKey(json: unknown): VerificationKey {
  const key = record(json, 'verification key');
  expectScheme(key, 'verification key');
  const ic = list(key.IC, 'IC', 1, PUBLIC_SIGNALS_MAX + 1);
  if (key.nPublic !== ic.length - 1) throw invalid('nPublic is not one less than there are points in IC');
  const decoded = {
    alpha: g1(key.vk_alpha_1, 'vk_alpha_1'),
    beta: g2(key.vk_beta_2, 'vk_beta_2'),
    gamma: g2(key.vk_gamma_2, 'vk_gamma_2'),
    delta: g2(key.vk_delta_2, 'vk_delta_2'),
  };
  for (const [name, point] of Object.entries(decoded)) if (!point) throw invalid(`${name} is infinity`);
  return { ...decoded, ic: ic.map((point, i) => g1(point, `point ${i} of IC`)) };
}

function invalid(reason: string): Groth16Error {
  return new Groth16Error('GROTH16_JSON_INVALID', `This cannot be used: ${reason}`, { reason });
}

function expectScheme({ protocol, curve }: Readonly<Record<string, unknown>>, name: string): void {
  if (protocol !== 'groth16') throw invalid(`the protocol of the ${name} is not groth16`);
  if (curve !== 'bn128' && curve !== 'bn254') throw invalid(`the curve of the ${name} is not bn128`);
}

function record(json: unknown, name: string): Readonly<Record<string, unknown>> {
  if (typeof json !== 'object' || json === null || Array.isArray(json)) throw invalid(`the ${name} is no object`);
  return json as Readonly<Record<string, unknown>>;
}

function list(json: unknown, name: string, min: number, max = min): readonly unknown[] {
  if (!Array.isArray(json) || json.length < min || json.length > max) {
    throw invalid(`${name} is no list of ${min === max ? min : `${min} to ${max}`}`);
  }
  return json;
}

function number(json: unknown, name: string, field: PrimeField): bigint {
  if (typeof json !== 'string' || json.length > DIGITS_MAX || !/^(0|[1-9][0-9]*)$/.test(json)) {
    throw invalid(`${name} is no decimal number in a string`);
  }
  const value = BigInt(json);
  if (value >= field.modulus) throw invalid(`${name} is not below the modulus`);
  return value;
}

/** x, y, z with z = 1; infinity is 0, 1, 0. */
function g1(json: unknown, name: string): G1Point {
  const [x = 0n, y = 0n, z = 0n] = list(json, name, 3).map((text) => number(text, name, baseField));
  if (x === 0n && y === 1n && z === 0n) return undefined;
  if (z !== 1n) throw invalid(`${name} is not affine`);
  const point = { x, y };
  if (!isInG1(point)) throw invalid(`${name} is not on the curve`);
  return point;
}

function g2(json: unknown, name: string): G2Point {
  const [x, y, z] = list(json, name, 3).map((pair): Fp2 => {
    const [real = 0n, imaginary = 0n] = list(pair, name, 2).map((text) => number(text, name, baseField));
    return { real, imaginary };
  });
  if (!x || !y || !z) throw invalid(`${name} has no coordinates`);
  const is = (value: Fp2, real: bigint) => value.real === real && value.imaginary === 0n;
  if (is(x, 0n) && is(y, 1n) && is(z, 0n)) return undefined;
  if (!is(z, 1n)) throw invalid(`${name} is not affine`);
  const point = { x, y };
  if (!isInG2(point)) throw invalid(`${name} is not in the group`);
  return point;
}
