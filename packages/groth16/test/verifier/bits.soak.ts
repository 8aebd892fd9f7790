import { WorkerPool } from '@codex/compute';
import { afterAll, expect, it } from 'vitest';
import { decodeProof, decodePublicSignals, decodeVerificationKey, verify } from '../../src/index.ts';
import { NETWORK } from '../support/vectors.ts';

const pool = new WorkerPool({}, { threads: 2 });
afterAll(() => pool.stop());

/** All bits take some ten seconds, so there is no other short form. */
it('refuses the proof of the contract with any single bit of its public signals changed', async () => {
  const key = decodeVerificationKey(NETWORK.verificationKey);
  const proof = decodeProof(NETWORK.proof);
  const signals = decodePublicSignals(NETWORK.publicSignals);
  expect(await verify(pool, key, proof, signals)).toBe(true);
  const claims = signals.flatMap((signal, i) =>
    Array.from({ length: 256 }, (_, bit) => signals.with(i, signal ^ (1n << BigInt(bit)))),
  );
  const accepted = await Promise.all(claims.map((claim) => verify(pool, key, proof, claim)));
  expect(claims.filter((_, i) => accepted[i])).toEqual([]);
});
