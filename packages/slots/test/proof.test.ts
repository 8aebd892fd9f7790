import { readFile } from 'node:fs/promises';
import { WorkerPool } from '@codex/compute';
import { decodeVerificationKey, developmentKey, openProvingKey, Prover, verify } from '@codex/groth16';
import { expect, it } from 'vitest';
import { buildSlot, buildSlots, MemorySlotTrees, proofInput, proofInputJson, publicSignals } from '../src/index.ts';
import { inMemory, protect, streamOf } from './support/datasets.ts';
import { circuitOf, KEYS, witnessOf } from './support/witness.ts';

it('is proved to somebody who knows the roots only, from file to verdict', async () => {
  const compute = new WorkerPool({}, { threads: 2 });
  try {
    const client = { ...inMemory(), compute };
    const code = { data: 3, parity: 2, blockSize: 65536 };
    const { manifest } = await buildSlots(client, { manifest: await protect(client, streamOf('file', 500_000), code) });
    const host = { ...client, trees: new MemorySlotTrees() };
    const slotIndex = 4;
    await buildSlot(host, { manifest, slotIndex });

    const circuit = await circuitOf(1);
    const { zkey, verificationKey } = await developmentKey({ compute }, { circuit, cache: KEYS });
    const key = await openProvingKey(compute, zkey, { memoryBytes: 0 });
    const challenge = streamOf('period', 32);
    const input = await proofInput(host, { manifest, slotIndex, challenge, samples: 1 });
    const witness = await witnessOf(compute, proofInputJson(input));
    const { proof } = await new Prover({ compute }, { key }).prove(witness);
    await key.close();

    const verifier = decodeVerificationKey(JSON.parse(await readFile(verificationKey, 'utf8')));
    const accepts = (signals: readonly bigint[]) => verify(compute, verifier, proof, signals);
    expect(await accepts(publicSignals(input))).toBe(true);
    expect(await accepts(publicSignals({ ...input, slotIndex: 3 }))).toBe(false);
    expect(await accepts(publicSignals({ ...input, entropy: input.entropy + 1n }))).toBe(false);

    // Other cells than those that were drawn.
    const other = await proofInput(host, { manifest, slotIndex, challenge: streamOf('earlier', 32), samples: 1 });
    const mixed = { ...input, cellData: other.cellData, merklePaths: other.merklePaths };
    await expect(witnessOf(compute, proofInputJson(mixed))).rejects.toMatchObject({ code: 'GROTH16_WITNESS_FAILED' });
  } finally {
    await compute.stop();
  }
}, 120_000);
