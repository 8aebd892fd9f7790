import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdir, readFile, rm, stat, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { InlineCompute } from '@codex/compute';
import { seededRandom } from '@codex/runtime';
import { beforeAll, beforeEach, describe, expect, it } from 'vitest';
import {
  type DevelopmentKeyInput,
  decodeVerificationKey,
  developmentKey,
  hashFile,
  openProvingKey,
  writeConstraints,
} from '../../src/index.ts';
import { drawSystem } from '../prover/support/system.ts';
import { temporaryDirectory } from '../support/places.ts';
import { useSnarkjs } from '../support/snarkjs.ts';

const compute = new InlineCompute();
const DIGEST = 'd16e57';
const TIMES = { beatMs: 5, pollMs: 5, staleMs: 2_000 };

const snarkjs = useSnarkjs();
const place = temporaryDirectory();
let r1cs: string;
beforeAll(async () => {
  r1cs = place('circuit.r1cs');
  await writeConstraints(r1cs, drawSystem(seededRandom(1), { publicInputs: 2, constraints: 12 }).system);
});

let caches = 0;
let cache: string;
beforeEach(() => {
  cache = place(`cache-${caches++}`);
});

const keyWith = (input: Partial<DevelopmentKeyInput> = {}) =>
  developmentKey({ compute }, { circuit: { r1cs, digest: DIGEST }, cache, lockTimes: TIMES, ...input });

describe('the development key of a circuit', () => {
  it('is made once', async () => {
    const first = await keyWith();
    const { mtimeMs } = await stat(first.zkey);
    expect(await keyWith()).toEqual(first);
    expect((await stat(first.zkey)).mtimeMs).toBe(mtimeMs);
    const other = await keyWith({ circuit: { r1cs, digest: 'another' } });
    expect(other.sha256).not.toBe(first.sha256);
  });

  it('is a zkey with its hash and verification key, named as insecure', async () => {
    const { zkey, verificationKey, sha256, insecure } = await keyWith();
    expect(insecure).toBe(true);
    expect(zkey).toMatch(/insecure\.zkey$/);
    expect(verificationKey).toMatch(/insecure\.json$/);
    expect(sha256).toBe(await hashFile(compute, zkey));
    const json: unknown = JSON.parse(await readFile(verificationKey, 'utf8'));
    expect(json).toEqual(await snarkjs.zKey.exportVerificationKey(zkey));
    const key = await openProvingKey(compute, zkey, { memoryBytes: 0 });
    expect(decodeVerificationKey(json)).toEqual(key.verification);
    await key.close();
  });

  it('is made by one of many who want it', async () => {
    const makers = new Set<number>();
    const keys = await Promise.all([0, 1, 2, 3, 4].map((i) => keyWith({ onProgress: () => makers.add(i) })));
    expect(makers.size).toBe(1);
    expect(new Set(keys.map(({ sha256 }) => sha256)).size).toBe(1);
    expect((await readdir(cache)).length).toBe(1);
  });

  it('is made after a process was killed that was making it', async () => {
    const builder = fileURLToPath(new URL('support/builder.ts', import.meta.url));
    const child = spawn(process.execPath, [builder, r1cs, DIGEST, cache], { stdio: ['ignore', 'pipe', 'inherit'] });
    await once(child.stdout, 'data');
    const closed = once(child, 'close');
    child.kill('SIGKILL');
    await closed;
    expect((await readdir(cache)).length).toBe(2);
    const { zkey, sha256 } = await keyWith({ lockTimes: { ...TIMES, staleMs: 50 } });
    expect(await hashFile(compute, zkey)).toBe(sha256);
    expect((await readdir(cache)).length).toBe(1);
  });

  it('is made again when what is there is not whole', async () => {
    const { zkey } = await keyWith();
    await truncate(zkey, 100);
    await keyWith();
    expect((await stat(zkey)).size).toBeGreaterThan(100);
    const description = join(zkey, '..', 'key.json');
    for (const text of ['', '{"sha256":1}']) {
      await writeFile(description, text);
      const { sha256 } = await keyWith();
      expect(await hashFile(compute, zkey)).toBe(sha256);
    }
  });

  it('leaves nothing when it is aborted', async () => {
    const stop = new AbortController();
    const made = keyWith({ signal: stop.signal, onProgress: () => stop.abort(new Error('enough')) });
    await expect(made).rejects.toThrow('enough');
    expect(await readdir(cache)).toEqual([]);
    await keyWith();
  });

  it('is made by another one when who makes it gives up', async () => {
    const stop = new AbortController();
    let second: Promise<{ readonly insecure: boolean }> | undefined;
    const first = keyWith({
      signal: stop.signal,
      onProgress() {
        second ??= keyWith();
        stop.abort(new Error('enough'));
      },
    });
    await expect(first).rejects.toThrow('enough');
    expect((await second)?.insecure).toBe(true);
  });

  it('fails for what are no constraints, and leaves nothing', async () => {
    const wrong = place('wrong.r1cs');
    await writeFile(wrong, 'wrong');
    await expect(keyWith({ circuit: { r1cs: wrong, digest: DIGEST } })).rejects.toMatchObject({
      code: 'GROTH16_FILE_INVALID',
    });
    const missing = { r1cs: place('missing.r1cs'), digest: DIGEST };
    await expect(keyWith({ circuit: missing })).rejects.toMatchObject({ code: 'GROTH16_FILE_UNREADABLE' });
    expect(await readdir(cache)).toEqual([]);
  });
});

describe('a maker of a development key that was taken for dead', () => {
  it('takes the key of the other one', async () => {
    let other: Promise<unknown> | undefined;
    const key = await keyWith({
      onProgress() {
        if (other) return;
        // As if this process had slept: its lock is gone, and its workplace with it.
        other = (async () => {
          await rm(join(cache, `insecure-1-${DIGEST}.lock`));
          return await keyWith();
        })();
      },
    });
    expect(await other).toEqual(key);
    expect((await readdir(cache)).length).toBe(1);
  });
});
