import { WorkerPool } from '@codex/compute';
import { systemRandom } from '@codex/runtime';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  decodeProof,
  decodePublicSignals,
  decodeVerificationKey,
  developmentSetup,
  encodeProof,
  encodePublicSignals,
  encodeVerificationKey,
  openProvingKey,
  Prover,
  readConstraints,
  readWitness,
  verify,
} from '../src/index.ts';
import { temporaryDirectory } from './support/places.ts';
import { useSnarkjs } from './support/snarkjs.ts';
import { SMALL } from './support/vectors.ts';

const compute = new WorkerPool({}, { threads: 2 });
afterAll(() => compute.stop());
const pathOf = temporaryDirectory();
const snarkjs = useSnarkjs();

/** A proof of the small circuit's witness, and what it is verified with, as JSON. */
interface Made {
  readonly key: object;
  readonly proof: object;
  readonly publicSignals: readonly string[];
}

async function provedHere(zkey: string): Promise<Made> {
  const key = await openProvingKey(compute, zkey, { memoryBytes: 1 << 20 });
  try {
    const prover = new Prover({ compute, random: systemRandom }, { key });
    const { proof, publicSignals } = await prover.prove(await readWitness(compute, SMALL.wtns));
    return {
      key: await encodeVerificationKey(compute, key.verification),
      proof: encodeProof(proof),
      publicSignals: encodePublicSignals(publicSignals),
    };
  } finally {
    await key.close();
  }
}

async function provedBySnarkjs(zkey: string): Promise<Made> {
  return { key: await snarkjs.zKey.exportVerificationKey(zkey), ...(await snarkjs.groth16.prove(zkey, SMALL.wtns)) };
}

const acceptedHere = ({ key, proof, publicSignals }: Made) =>
  verify(compute, decodeVerificationKey(key), decodeProof(proof), decodePublicSignals(publicSignals));

describe.each([
  ['a key of a ceremony with snarkjs', 'theirs'],
  ['a key of our development setup', 'ours'],
])('with %s', (_, maker) => {
  let zkey = SMALL.zkey;
  beforeAll(async () => {
    if (maker === 'theirs') return;
    zkey = pathOf('ours.zkey');
    const constraints = await readConstraints(compute, SMALL.r1cs);
    await developmentSetup({ compute }, { constraints, target: zkey });
  });

  it.each([
    ['our prover', provedHere],
    ['snarkjs', provedBySnarkjs],
  ])('proofs of %s are accepted here and by snarkjs, and those of other signals are not', async (_, prove) => {
    const made = await prove(zkey);
    expect(made.publicSignals).toEqual(SMALL.publicSignals);
    expect(await acceptedHere(made)).toBe(true);
    expect(await snarkjs.groth16.verify(made.key, made.publicSignals, made.proof)).toBe(true);
    const other = { ...made, publicSignals: made.publicSignals.with(1, '4') };
    expect(await acceptedHere(other)).toBe(false);
    expect(await snarkjs.groth16.verify(other.key, other.publicSignals, other.proof)).toBe(false);
  });

  it('both say the same verification key', async () => {
    const [ours, theirs] = [await provedHere(zkey), await provedBySnarkjs(zkey)];
    expect(ours.key).toEqual(theirs.key);
  });
});
