import { randomBytes } from 'node:crypto';
import { WorkerPool } from '@codex/compute';
import { afterAll, expect, it } from 'vitest';
import {
  decodeProof,
  decodeVerificationKey,
  encodeProof,
  encodePublicSignals,
  openProvingKey,
  Prover,
  verify,
  WitnessGenerator,
} from '../src/index.ts';
import { compileCircuit } from './support/circuit.ts';
import { temporaryDirectory } from './support/places.ts';
import { useSnarkjs } from './support/snarkjs.ts';
import { SMALL } from './support/vectors.ts';

const compute = new WorkerPool({}, { threads: 2 });
afterAll(() => compute.stop());
const pathOf = temporaryDirectory();
const snarkjs = useSnarkjs();

/** More than the small circuit needs, so that the domain is. */
const POWER = process.env.SOAK === 'short' ? 6 : 8;

it('proves with keys of new ceremonies, each time others', async () => {
  const { r1cs, wasm } = await compileCircuit(SMALL.circom, pathOf('small'));
  const { curves, powersOfTau: first, zKey: second } = snarkjs;
  await first.newAccumulator(await curves.getCurveFromName('bn128'), POWER, pathOf('0.ptau'));
  await first.contribute(pathOf('0.ptau'), pathOf('1.ptau'), 'one', randomBytes(32).toString('hex'));
  await first.preparePhase2(pathOf('1.ptau'), pathOf('2.ptau'));
  await second.newZKey(r1cs, pathOf('2.ptau'), pathOf('0.zkey'));
  await second.contribute(pathOf('0.zkey'), pathOf('1.zkey'), 'two', randomBytes(32).toString('hex'));

  const generator = new WitnessGenerator({ compute }, { path: wasm });
  for (const zkey of [pathOf('0.zkey'), pathOf('1.zkey')]) {
    const json = await snarkjs.zKey.exportVerificationKey(zkey);
    const key = await openProvingKey(compute, zkey, { memoryBytes: 0 });
    expect(key.verification).toEqual(decodeVerificationKey(json));
    const prover = new Prover({ compute }, { key });
    for (let small = 0; small < 256; small += 51) {
      const witness = await generator.generate({ ...SMALL.inputs, small });
      const { proof, publicSignals } = await prover.prove(witness);
      expect(await verify(compute, key.verification, proof, publicSignals)).toBe(true);
      expect(await snarkjs.groth16.verify(json, encodePublicSignals(publicSignals), encodeProof(proof))).toBe(true);
      const wrong = publicSignals.with(0, (publicSignals[0] ?? 0n) + 1n);
      expect(await verify(compute, key.verification, proof, wrong)).toBe(false);
    }
    const theirs = await snarkjs.groth16.prove(zkey, SMALL.wtns);
    expect(await verify(compute, key.verification, decodeProof(theirs.proof), theirs.publicSignals.map(BigInt))).toBe(
      true,
    );
    await key.close();
  }
}, 300_000);
