import { seededRandom } from '@codex/runtime';
import { expect, it } from 'vitest';
import { WorkerPool } from '../src/index.ts';
import * as jobs from './jobs.ts';

const ROUNDS = process.env.SOAK === 'short' ? 300 : 10_000;
const SEED = Number(process.env.SEED ?? 1);

/** Every call settles exactly as its job says, while threads die, jobs fail and callers change their minds. */
it(`settles every call through ${ROUNDS} jobs of all kinds (seed ${SEED})`, async () => {
  const random = seededRandom(SEED);
  const pool = new WorkerPool({}, { threads: 2, queueLimit: 8 });
  const outcomes = { ok: 0, coded: 0, plain: 0, died: 0, aborted: 0 };

  async function one(i: number): Promise<void> {
    const kind = random.int(100);
    if (kind < 70) {
      expect(await pool.run(kind < 35 ? jobs.double : jobs.doubleLater, i)).toBe(2 * i);
      outcomes.ok++;
    } else if (kind < 80) {
      await expect(pool.run(jobs.failCoded, i)).rejects.toMatchObject({ code: 'TEST_FAILED', data: { at: i } });
      outcomes.coded++;
    } else if (kind < 88) {
      await expect(pool.run(jobs.failPlain, undefined)).rejects.toMatchObject({ code: 'JOB_FAILED' });
      outcomes.plain++;
    } else if (kind < 89) {
      await expect(pool.run(jobs.exitThread, undefined)).rejects.toMatchObject({ code: 'WORKER_DIED' });
      outcomes.died++;
    } else {
      const controller = new AbortController();
      const turns = random.int(4);
      const run = pool.run(jobs.doubleLater, i, { signal: controller.signal });
      const settled = run.then(
        (result) => expect(result).toBe(2 * i),
        (error) => expect(error).toBe(controller.signal.reason),
      );
      for (let turn = 0; turn < turns; turn++) await new Promise((resolve) => setImmediate(resolve));
      controller.abort(new Error('changed my mind'));
      await settled;
      outcomes.aborted++;
    }
  }

  let next = 0;
  const callers = Array.from({ length: 20 }, async () => {
    while (next < ROUNDS) await one(next++);
  });
  await Promise.all(callers);
  for (const count of Object.values(outcomes)) expect(count).toBeGreaterThan(0);
  expect(pool.liveWorkers).toBeLessThanOrEqual(2);
  await pool.stop();
  expect(pool.liveWorkers).toBe(0);
}, 600_000);
