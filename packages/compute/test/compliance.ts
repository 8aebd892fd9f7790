import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Compute } from '../src/index.ts';
import * as jobs from './jobs.ts';

const failed = expect.objectContaining({ code: 'JOB_FAILED' });
const stopped = expect.objectContaining({ code: 'COMPUTE_STOPPED' });

/** Two shared words: [0] opens the gate, [1] counts the jobs that reached it. */
export function newGate(): Int32Array<SharedArrayBuffer> {
  return new Int32Array(new SharedArrayBuffer(8));
}

export function openGate(gate: Int32Array<SharedArrayBuffer>): void {
  Atomics.store(gate, 0, 1);
  Atomics.notify(gate, 0);
}

/** Resolves when `count` jobs stand at the gate. */
export async function reached(gate: Int32Array<SharedArrayBuffer>, count: number): Promise<void> {
  while (Atomics.load(gate, 1) < count) await new Promise((resolve) => setImmediate(resolve));
}

/** What every implementation of `Compute` must do. */
export function computeCompliance(name: string, create: () => Compute): void {
  describe(`${name} is a Compute`, () => {
    let compute: Compute;

    beforeEach(async () => {
      compute = create();
      await compute.start();
    });

    afterEach(() => compute.stop());

    it('runs jobs and keeps results apart', async () => {
      const numbers = Array.from({ length: 50 }, (_, i) => i);
      const results = await Promise.all(numbers.map((i) => compute.run(i % 2 ? jobs.double : jobs.doubleLater, i)));
      expect(results).toEqual(numbers.map((i) => 2 * i));
    });

    it('shares shared memory both ways', async () => {
      const bytes = new Uint8Array(new SharedArrayBuffer(64)).subarray(16, 48).fill(3);
      expect(await compute.run(jobs.fillAndSum, { bytes, value: 5 })).toBe(96);
      expect(bytes.every((byte) => byte === 5)).toBe(true);
    });

    it('keeps code, message and data of errors', async () => {
      await expect(compute.run(jobs.failCoded, 3)).rejects.toMatchObject({
        code: 'TEST_FAILED',
        message: 'Failed at 3',
        data: { at: 3 },
      });
      await expect(compute.run(jobs.failPlain, undefined)).rejects.toEqual(failed);
      await expect(compute.run(jobs.failText, undefined)).rejects.toThrow(/just words/);
      expect(await compute.run(jobs.double, 1)).toBe(2);
    });

    it('refuses a call that was aborted before', async () => {
      const reason = new Error('no more');
      await expect(compute.run(jobs.double, 1, { signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
    });

    it('rejects at once when a running job is aborted, and goes on working', async () => {
      const gate = newGate();
      const controller = new AbortController();
      const running = compute.run(jobs.waitForGate, gate, { signal: controller.signal });
      const caught = expect(running).rejects.toMatchObject({ message: 'changed my mind' });
      await reached(gate, 1);
      controller.abort(new Error('changed my mind'));
      await caught;
      openGate(gate);
      expect(await compute.run(jobs.double, 4)).toBe(8);
    });

    it('takes a waiting job out of the queue when it is aborted', async () => {
      const gate = newGate();
      const busy = Array.from({ length: Math.max(1, compute.threads) }, () => compute.run(jobs.waitForGate, gate));
      await reached(gate, busy.length);
      const controller = new AbortController();
      const never = newGate();
      const waiting = compute.run(jobs.waitForGate, never, { signal: controller.signal });
      const caught = expect(waiting).rejects.toBe(controller.signal);
      controller.abort(controller.signal);
      await caught;
      openGate(gate);
      expect(await Promise.all(busy)).toEqual(busy.map(() => 1));
      expect(await compute.run(jobs.double, 2)).toBe(4);
      expect(never[1]).toBe(0);
    });

    it('accepts far more calls than its queue holds', async () => {
      const many = await Promise.all(Array.from({ length: 500 }, (_, i) => compute.run(jobs.double, i)));
      expect(many.at(-1)).toBe(998);
    });

    it('on stop finishes what runs, fails what waits and refuses what comes', async () => {
      const gate = newGate();
      const busy = Array.from({ length: Math.max(1, compute.threads) }, () => compute.run(jobs.waitForGate, gate));
      await reached(gate, busy.length);
      const waiting = Array.from({ length: 300 }, () => compute.run(jobs.double, 1));
      const outcome = Promise.allSettled(waiting);
      const stopping = compute.stop();
      openGate(gate);
      expect(await Promise.all(busy)).toEqual(busy.map(() => 1));
      for (const one of await outcome) expect(one).toEqual({ status: 'rejected', reason: stopped });
      await stopping;
      await expect(compute.run(jobs.double, 1)).rejects.toEqual(stopped);
      await compute.stop();
    });
  });
}
