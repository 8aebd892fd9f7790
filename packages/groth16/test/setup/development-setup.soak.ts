import { WorkerPool } from '@codex/compute';
import { seededRandom } from '@codex/runtime';
import { afterAll, describe, expect, it } from 'vitest';
import { developmentSetup, openProvingKey, Prover, verify } from '../../src/index.ts';
import { PIECE_POINTS_MAX } from '../../src/setup/point-pieces.ts';
import { drawSystem, witnessOf } from '../prover/support/system.ts';
import { temporaryDirectory } from '../support/places.ts';

/** More constraints than points are made at a time; the short form has fewer. */
const CONSTRAINTS = process.env.SOAK === 'short' ? 3_000 : PIECE_POINTS_MAX + 5_000;

const pool = new WorkerPool({}, { threads: 2 });
const place = temporaryDirectory();
afterAll(() => pool.stop());

describe('a key of several pieces', () => {
  it('gives proofs that hold, and none for a wrong witness', async () => {
    const { system, values } = drawSystem(seededRandom(1), { publicInputs: 3, constraints: CONSTRAINTS });
    const target = place('large.zkey');
    const { verification } = await developmentSetup({ compute: pool }, { constraints: system, target });
    const key = await openProvingKey(pool, target, { memoryBytes: 2 ** 28 });
    const prover = new Prover({ compute: pool }, { key });
    const { proof, publicSignals } = await prover.prove(witnessOf(values));
    expect(await verify(pool, verification, proof, publicSignals)).toBe(true);
    const wrong = await prover.prove(witnessOf(values.with(-1, values.at(-1)! + 1n)));
    expect(await verify(pool, verification, wrong.proof, wrong.publicSignals)).toBe(false);
    await key.close();
  });
});
