import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { VirtualClock } from '@codex/runtime';
import { afterEach, describe, expect, it } from 'vitest';
import { createCompute, WorkerPool } from '../src/index.ts';
import { computeCompliance, newGate, openGate, reached } from './compliance.ts';
import * as jobs from './jobs.ts';

computeCompliance('WorkerPool', () => new WorkerPool({}, { threads: 2, queueLimit: 4 }));

const died = expect.objectContaining({ code: 'WORKER_DIED' });
const failed = expect.objectContaining({ code: 'JOB_FAILED' });

describe('WorkerPool', () => {
  const pools: WorkerPool[] = [];
  const newPool = (...args: ConstructorParameters<typeof WorkerPool>) => {
    const pool = new WorkerPool(...args);
    pools.push(pool);
    return pool;
  };
  afterEach(() => Promise.all(pools.splice(0).map((pool) => pool.stop())));

  it('starts threads when they are needed, and no more than it may', async () => {
    const pool = newPool({}, { threads: 2 });
    expect(pool.liveWorkers).toBe(0);
    await pool.run(jobs.double, 1);
    await pool.run(jobs.double, 1);
    expect(pool.liveWorkers).toBe(1);
    const gate = newGate();
    const three = [1, 2, 3].map(() => pool.run(jobs.waitForGate, gate));
    await reached(gate, 2);
    expect([pool.liveWorkers, gate[1]]).toEqual([2, 2]);
    openGate(gate);
    await Promise.all(three);
    expect(createCompute({ threads: 1 }).threads).toBe(1);
    expect(createCompute().threads).toBeGreaterThan(0);
  });

  it('runs brief jobs on the calling thread until the first worker is ready', async () => {
    const pool = newPool({}, { threads: 1 });
    // Vitest runs tests in processes, so that the calling thread is the main one.
    expect(await pool.run(jobs.whereAmI, null)).toBe(true);
    expect(pool.liveWorkers).toBe(1);
    // Not brief: waits for the worker that the first job started.
    await pool.run(jobs.double, 1);
    expect(await pool.run(jobs.whereAmI, null)).toBe(false);
  });

  it('fails the job of a thread that dies, replaces it and loses no other job', async () => {
    const pool = newPool({}, { threads: 2 });
    const doomed = [pool.run(jobs.exitThread, undefined), pool.run(jobs.exitThread, undefined)].map((run) =>
      expect(run).rejects.toEqual(died),
    );
    const others = Array.from({ length: 20 }, (_, i) => pool.run(jobs.double, i));
    await Promise.all(doomed);
    expect(await Promise.all(others)).toEqual(others.map((_, i) => 2 * i));
  });

  it('survives a job that eats all memory', async () => {
    const pool = newPool({}, { threads: 1, heapLimitBytes: 16 * 1024 * 1024 });
    await expect(pool.run(jobs.eatMemory, undefined)).rejects.toEqual(died);
    expect(await pool.run(jobs.double, 2)).toBe(4);
  });

  it('says what is wrong with jobs that cannot be loaded, sent or answered', async () => {
    const pool = newPool({}, { threads: 1 });
    await expect(pool.run(jobs.misnamed, 1)).rejects.toThrow(/noSuchExport/);
    await expect(pool.run(jobs.misplaced, 1)).rejects.toEqual(failed);
    await expect(pool.run(jobs.returnFunction, undefined)).rejects.toEqual(failed);
    await expect(pool.run(jobs.double, (() => 1) as unknown as number)).rejects.toEqual(failed);
    expect(await pool.run(jobs.double, 2)).toBe(4);
    expect(pool.liveWorkers).toBe(1);
  });

  it('moves transferred memory instead of copying it', async () => {
    const pool = newPool({}, { threads: 1 });
    const bytes = new Uint8Array(1000);
    expect(await pool.run(jobs.byteLength, bytes, { transfer: [bytes.buffer] })).toBe(1000);
    expect(bytes.length).toBe(0);
  });

  it('ends stuck jobs when the grace time of stop is over', async () => {
    const clock = new VirtualClock();
    const pool = newPool({ clock }, { threads: 1, stopGraceMs: 1000 });
    const gate = newGate();
    const stuck = expect(pool.run(jobs.spinForever, gate)).rejects.toMatchObject({ code: 'COMPUTE_STOPPED' });
    await reached(gate, 1);
    const stopping = pool.stop();
    await clock.advance(1000);
    await stuck;
    await stopping;
    expect(pool.liveWorkers).toBe(0);
  });

  it('ends threads that were idle for a while, and starts them again', async () => {
    const clock = new VirtualClock();
    const pool = newPool({ clock }, { threads: 1, workerIdleMs: 500 });
    await pool.run(jobs.double, 1);
    await clock.advance(499);
    expect(pool.liveWorkers).toBe(1);
    await clock.advance(1);
    expect(pool.liveWorkers).toBe(0);
    expect(await pool.run(jobs.double, 5)).toBe(10);
  });

  it('keeps the process alive while a job runs and no longer', async () => {
    const script = `
      import { WorkerPool } from ${JSON.stringify(new URL('../src/index.ts', import.meta.url).href)};
      import { doubleLater } from ${JSON.stringify(new URL('./jobs.ts', import.meta.url).href)};
      const pool = new WorkerPool({}, { threads: 1 });
      pool.run(doubleLater, 21).then((x) => console.log(x));`;
    const child = spawn(process.execPath, ['--input-type=module-typescript', '-e', script], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    let output = '';
    child.stdout.on('data', (piece) => {
      output += piece;
    });
    const [exitCode] = await once(child, 'close');
    expect([exitCode, output.trim()]).toEqual([0, '42']);
  });
});
