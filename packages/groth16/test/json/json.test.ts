import { InlineCompute } from '@codex/compute';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  decodeProof,
  decodePublicSignals,
  decodeVerificationKey,
  encodeProof,
  encodePublicSignals,
  encodeVerificationKey,
  fromSolidityProof,
  solidityVerificationKeyJson,
  toSolidityProof,
  verificationKeyForSolidity,
} from '../../src/index.ts';
import { outsideOfG2 } from '../support/outside.ts';
import { NETWORK, SMALL } from '../support/vectors.ts';

const compute = new InlineCompute();
const invalid = { code: 'GROTH16_JSON_INVALID' };

describe('the JSON of snarkjs', () => {
  it('comes back as it was read', async () => {
    for (const { proof, publicSignals, verificationKey } of [SMALL, NETWORK]) {
      expect(encodeProof(decodeProof(proof))).toEqual(proof);
      expect(encodePublicSignals(decodePublicSignals(publicSignals))).toEqual(publicSignals);
      const key = decodeVerificationKey(verificationKey);
      expect(await encodeVerificationKey(compute, key)).toMatchObject(verificationKey);
      expect(decodeVerificationKey(await encodeVerificationKey(compute, key))).toEqual(key);
    }
  });

  it('has the pairing of α and β as snarkjs computes it', async () => {
    expect(await encodeVerificationKey(compute, decodeVerificationKey(SMALL.verificationKey))).toEqual(
      SMALL.verificationKey,
    );
  });

  it('may have points at infinity in a proof', () => {
    const proof = { a: undefined, b: undefined, c: undefined };
    expect(decodeProof(encodeProof(proof))).toEqual(proof);
    expect(encodeProof(proof)).toMatchObject({
      pi_a: ['0', '1', '0'],
      pi_b: [
        ['0', '0'],
        ['1', '0'],
        ['0', '0'],
      ],
    });
  });

  const { x, y } = outsideOfG2();
  const outside = [[x.real, x.imaginary].map(String), [y.real, y.imaginary].map(String), ['1', '0']];
  const p = 21888242871839275222246405745257275088696311157297823662689037894645226208583n;

  it.each<[string, object]>([
    ['another protocol', { protocol: 'plonk' }],
    ['another curve', { curve: 'bls12381' }],
    ['no point', { pi_a: undefined }],
    ['a short point', { pi_a: ['1', '2'] }],
    ['a long point', { pi_a: ['1', '2', '1', '1'] }],
    ['numbers', { pi_a: [1, 2, 1] }],
    ['hexadecimal numbers', { pi_a: ['0x1', '2', '1'] }],
    ['leading zeros', { pi_a: ['01', '2', '1'] }],
    ['signs', { pi_a: ['1', '-2', '1'] }],
    ['coordinates above p', { pi_a: ['1', String(p + 2n), '1'] }],
    ['megabytes of digits', { pi_a: ['1', '2'.repeat(5_000_000), '1'] }],
    ['a point that is not affine', { pi_a: ['4', '16', '2'] }],
    ['a point outside of the curve', { pi_a: ['1', '3', '1'] }],
    ['0, 0', { pi_a: ['0', '0', '1'] }],
    ['a flat point of G2', { pi_b: ['1', '2', '1'] }],
    [
      'a point outside of the twist',
      {
        pi_b: [
          ['1', '0'],
          ['1', '0'],
          ['1', '0'],
        ],
      },
    ],
    ['a point outside of G2', { pi_b: outside }],
    ['a point of G2 that is not affine', { pi_b: [...NETWORK.proof.pi_b.slice(0, 2), ['1', '1']] }],
  ])('is refused as a proof with %s', (_, change) => {
    expect(() => decodeProof({ ...NETWORK.proof, ...change })).toThrow(expect.objectContaining(invalid));
  });

  it.each<[string, object]>([
    ['another number of signals', { nPublic: 2 }],
    ['no number of signals', { nPublic: undefined }],
    ['no points for signals', { nPublic: -1, IC: [] }],
    ['a signal of another curve', { IC: [['1', '3', '1']], nPublic: 0 }],
    ['too many signals', { IC: Array(1026).fill(['1', '2', '1']), nPublic: 1025 }],
    ['α at infinity', { vk_alpha_1: ['0', '1', '0'] }],
    [
      'δ at infinity',
      {
        vk_delta_2: [
          ['0', '0'],
          ['1', '0'],
          ['0', '0'],
        ],
      },
    ],
    ['γ outside of G2', { vk_gamma_2: outside }],
  ])('is refused as a verification key with %s', (_, change) => {
    expect(() => decodeVerificationKey({ ...NETWORK.verificationKey, ...change })).toThrow(
      expect.objectContaining(invalid),
    );
  });

  it('is refused as public signals that are not below r, or no list', () => {
    const r = 21888242871839275222246405745257275088548364400416034343698204186575808495617n;
    expect(decodePublicSignals([String(r - 1n), '0'])).toEqual([r - 1n, 0n]);
    for (const wrong of [[String(r)], ['-1'], [1], ['1.5'], '1', null, { 0: '1' }, [['1']]]) {
      expect(() => decodePublicSignals(wrong)).toThrow(expect.objectContaining(invalid));
    }
  });

  it('is decoded or refused, whatever it is', () => {
    const coordinate = fc.oneof(fc.constantFrom('0', '1', '2', String(p), String(p - 2n)), fc.string(), fc.integer());
    const point = fc.oneof(fc.array(coordinate, { maxLength: 4 }), fc.array(fc.array(coordinate, { maxLength: 3 })));
    const like = fc.record(
      {
        protocol: fc.constantFrom('groth16', 'x'),
        curve: fc.constantFrom('bn128', 'y'),
        nPublic: fc.constantFrom(0, 1, '1'),
        ...Object.fromEntries(
          ['pi_a', 'pi_b', 'pi_c', 'vk_alpha_1', 'vk_beta_2', 'vk_gamma_2', 'vk_delta_2'].map((name) => [name, point]),
        ),
        IC: fc.array(point, { maxLength: 3 }),
      },
      { requiredKeys: [] },
    );
    fc.assert(
      fc.property(fc.oneof(fc.jsonValue(), like), (json) => {
        for (const decode of [decodeProof, decodePublicSignals, decodeVerificationKey]) {
          try {
            decode(json);
          } catch (error) {
            expect(error).toMatchObject(invalid);
          }
        }
      }),
      { numRuns: 400 },
    );
  });
});

describe('the form of contracts', () => {
  it('has coordinates in their order, and infinity as zeros', () => {
    const proof = decodeProof(NETWORK.proof);
    const { pi_a, pi_b, pi_c } = NETWORK.proof;
    expect(toSolidityProof(proof)).toEqual({
      a: { x: BigInt(pi_a[0]!), y: BigInt(pi_a[1]!) },
      b: {
        x: { real: BigInt(pi_b[0]![0]!), imag: BigInt(pi_b[0]![1]!) },
        y: { real: BigInt(pi_b[1]![0]!), imag: BigInt(pi_b[1]![1]!) },
      },
      c: { x: BigInt(pi_c[0]!), y: BigInt(pi_c[1]!) },
    });
    expect(fromSolidityProof(toSolidityProof(proof))).toEqual(proof);
    const zero = { a: undefined, b: undefined, c: undefined };
    expect(fromSolidityProof(toSolidityProof(zero))).toEqual(zero);
    expect(toSolidityProof(zero).a).toEqual({ x: 0n, y: 0n });
  });

  it('has the constants of the verifier', () => {
    const key = verificationKeyForSolidity(decodeVerificationKey(NETWORK.verificationKey));
    expect(key.ic).toHaveLength(4);
    expect(key.alpha.x).toBe(20491192805390485299153009773594534940189261866228447918068658471970481763042n);
    expect(key.beta.x.imag).toBe(4252822878758300859123897981450591353533073413197771768651442665752259397132n);
    expect(key.gamma.y.real).toBe(8495653923123431417604973247489272438418190587263600148770280649306958101930n);
    expect(key.delta.y.imag).toBe(14005704598922119245150389324584568926199987543485693236347173598336567030859n);
    const json = JSON.parse(solidityVerificationKeyJson(decodeVerificationKey(NETWORK.verificationKey)));
    expect(Object.keys(json)).toEqual(['alpha', 'beta', 'gamma', 'delta', 'ic']);
    expect(json.delta.y.imag).toBe(String(key.delta.y.imag));
    expect(json.ic[3].x).toBe(String(key.ic[3]?.x));
  });
});
