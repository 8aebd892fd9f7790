import { seededRandom, VirtualClock } from '@codex/runtime';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DeadlineQueue } from '../../src/proving/deadline-queue.ts';

/** Work that takes `ms` of virtual time and hears its signal. */
const lasting = (clock: VirtualClock, ms: number) => (signal: AbortSignal) => clock.sleep(ms, { signal });

function makeQueue(limits: { running?: number; waiting?: number } = {}) {
  const clock = new VirtualClock(1000);
  return { clock, queue: new DeadlineQueue({ clock }, { running: 1, waiting: 100, ...limits }) };
}

/** What a promise has come to so far. */
function watch(promise: Promise<unknown>): { state: string } {
  const seen = { state: 'pending' };
  promise.then(
    () => (seen.state = 'done'),
    (error: { code?: string }) => (seen.state = error.code ?? String(error)),
  );
  return seen;
}

describe('the order of work', () => {
  it('is that of the deadlines, then that of the calls', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.option(fc.integer({ min: 100, max: 120 }), { nil: undefined }), { maxLength: 20 }),
        async (deadlines) => {
          const { clock, queue } = makeQueue();
          const order: number[] = [];
          const blocker = queue.run(lasting(clock, 10));
          const calls = deadlines.map((deadline, i) =>
            queue.run(async () => void order.push(i), { deadline: deadline && deadline * 1000 }),
          );
          expect(queue.waiting).toBe(deadlines.length);
          await clock.advance(10);
          await Promise.all([blocker, ...calls]);
          const due = (i: number) => deadlines[i] ?? Number.POSITIVE_INFINITY;
          const expected = deadlines.map((_, i) => i).sort((a, b) => (due(a) === due(b) ? a - b : due(a) - due(b)));
          expect(order).toEqual(expected);
          expect(clock.pending).toBe(0);
        },
      ),
      { numRuns: 50 },
    );
  });

  it('never has more under way than it may, whatever ends when', async () => {
    const { clock, queue } = makeQueue({ running: 3 });
    const random = seededRandom(7);
    let running = 0;
    let most = 0;
    const calls = Array.from({ length: 60 }, async () => {
      const abort = new AbortController();
      clock.schedule(random.int(400), () => abort.abort(new Error('enough')));
      const work = async (signal: AbortSignal) => {
        most = Math.max(most, ++running);
        // It takes a while to hear the signal.
        await clock.sleep(random.int(40) + 1);
        running--;
        signal.throwIfAborted();
      };
      await queue.run(work, { signal: abort.signal, deadline: 1000 + random.int(500) }).catch(() => {});
    });
    await clock.advance(1000);
    await Promise.all(calls);
    expect(most).toBe(3);
    expect(running).toBe(0);
    expect(queue.waiting).toBe(0);
    await queue.run(async () => {});
  });
});

describe('work that is given up', () => {
  it('is not begun when it is late, and is stopped when it becomes late', async () => {
    const { clock, queue } = makeQueue();
    await expect(queue.run(async () => {}, { deadline: 1000 })).rejects.toMatchObject({ code: 'PROOF_LATE' });
    let heard = false;
    const work = async (signal: AbortSignal) => {
      await clock.sleep(100, { signal }).catch(() => (heard = true));
    };
    const running = watch(queue.run(work, { deadline: 1050 }));
    const waiting = watch(queue.run(async () => {}, { deadline: 1060 }));
    const patient = watch(queue.run(async () => {}));
    await clock.advance(49);
    expect([running.state, waiting.state, heard]).toEqual(['pending', 'pending', false]);
    await clock.advance(1);
    expect([running.state, waiting.state, heard, patient.state]).toEqual(['PROOF_LATE', 'done', true, 'done']);
  });

  it('lets its caller go at once, and the next one begin only when it has really ended', async () => {
    const { clock, queue } = makeQueue();
    const abort = new AbortController();
    const deaf = watch(queue.run(() => clock.sleep(100), { signal: abort.signal }));
    const next = watch(queue.run(async () => {}));
    abort.abort(Object.assign(new Error('away'), { code: 'AWAY' }));
    await clock.advance(0);
    expect([deaf.state, next.state, queue.waiting]).toEqual(['AWAY', 'pending', 1]);
    await clock.advance(100);
    expect(next.state).toBe('done');
  });

  it('leaves the queue when its caller does', async () => {
    const { clock, queue } = makeQueue({ waiting: 1 });
    const first = queue.run(lasting(clock, 100));
    const abort = new AbortController();
    const gone = watch(queue.run(async () => {}, { signal: abort.signal }));
    await expect(queue.run(async () => {})).rejects.toMatchObject({ code: 'PROOF_QUEUE_FULL' });
    abort.abort(Object.assign(new Error('away'), { code: 'AWAY' }));
    const last = watch(queue.run(async () => {}));
    await clock.advance(100);
    await first;
    expect([gone.state, last.state]).toEqual(['AWAY', 'done']);
  });

  it('ends with the queue', async () => {
    const { clock, queue } = makeQueue();
    let ended = false;
    const work = async () => {
      await clock.sleep(50);
      ended = true;
    };
    const calls = [watch(queue.run(work)), watch(queue.run(async () => {}))];
    const stopped = queue.stop();
    await clock.advance(50);
    await stopped;
    expect(ended).toBe(true);
    expect(calls.map(({ state }) => state)).toEqual(['PROVING_STOPPED', 'PROVING_STOPPED']);
    await expect(queue.run(async () => {})).rejects.toMatchObject({ code: 'PROVING_STOPPED' });
  });
});
