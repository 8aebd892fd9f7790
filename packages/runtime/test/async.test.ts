import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { KeyedMutex, raceSignal, Semaphore } from '../src/index.ts';

const turn = () => new Promise((resolve) => setImmediate(resolve));

describe('raceSignal', () => {
  it('gives what comes first', async () => {
    const controller = new AbortController();
    expect(await raceSignal(Promise.resolve(1), undefined)).toBe(1);
    expect(await raceSignal(Promise.resolve(1), controller.signal)).toBe(1);
    await expect(raceSignal(Promise.reject(new Error('own')), controller.signal)).rejects.toThrow('own');
    const never = raceSignal(new Promise(() => {}), controller.signal);
    controller.abort(new Error('enough'));
    await expect(never).rejects.toThrow('enough');
    await expect(raceSignal(Promise.reject(new Error('own')), controller.signal)).rejects.toThrow('enough');
  });
});

describe('Semaphore', () => {
  it('never gives more permits than it has, and serves in order', async () => {
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: 3 }), fc.scheduler(), async (permits, scheduler) => {
        const semaphore = new Semaphore(permits);
        let inside = 0;
        const order: number[] = [];
        const all = Array.from({ length: 9 }, (_, i) =>
          semaphore.run(async () => {
            order.push(i);
            expect(++inside).toBeLessThanOrEqual(permits);
            await scheduler.schedule(Promise.resolve());
            inside--;
          }),
        );
        await scheduler.waitFor(Promise.all(all));
        expect(order).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8]);
        expect([semaphore.used, semaphore.waiting]).toEqual([0, 0]);
      }),
    );
  });

  it('takes a permit back once, whatever the caller does', async () => {
    const semaphore = new Semaphore(1);
    const release = await semaphore.acquire();
    release();
    const again = await semaphore.acquire();
    release();
    expect(semaphore.used).toBe(1);
    again();
    expect(semaphore.used).toBe(0);
  });

  it('gives the permit back when the work fails', async () => {
    const semaphore = new Semaphore(1);
    await expect(semaphore.run(() => Promise.reject(new Error('broken')))).rejects.toThrow('broken');
    expect(semaphore.used).toBe(0);
  });

  it('skips waiters that were aborted', async () => {
    const semaphore = new Semaphore(1);
    const release = await semaphore.acquire();
    const controller = new AbortController();
    const aborted = expect(semaphore.acquire({ signal: controller.signal })).rejects.toThrow('enough');
    const next = semaphore.acquire();
    controller.abort(new Error('enough'));
    await aborted;
    expect(semaphore.waiting).toBe(1);
    release();
    (await next)();
    expect(semaphore.used).toBe(0);
    await expect(semaphore.acquire({ signal: controller.signal })).rejects.toThrow('enough');
    expect(semaphore.used).toBe(0);
  });

  it('keeps a grant that an abort came too late for', async () => {
    const semaphore = new Semaphore(1);
    const release = await semaphore.acquire();
    const controller = new AbortController();
    const waiting = semaphore.acquire({ signal: controller.signal });
    release();
    controller.abort(new Error('late'));
    (await waiting)();
    expect(semaphore.used).toBe(0);
  });
});

describe('KeyedMutex', () => {
  it('excludes one key only, and forgets keys that nobody uses', async () => {
    const mutex = new KeyedMutex();
    const log: string[] = [];
    let open = () => {};
    const gate = new Promise<void>((resolve) => {
      open = resolve;
    });
    const first = mutex.run('a', async () => {
      await gate;
      log.push('a1');
    });
    const second = mutex.run('a', () => log.push('a2'));
    await mutex.run('b', () => log.push('b'));
    await turn();
    expect([log, mutex.size]).toEqual([['b'], 1]);
    open();
    await Promise.all([first, second]);
    expect([log, mutex.size]).toEqual([['b', 'a1', 'a2'], 0]);
  });

  it('forgets keys after failures and aborts too', async () => {
    const mutex = new KeyedMutex();
    await expect(mutex.run('a', () => Promise.reject(new Error('broken')))).rejects.toThrow('broken');
    await expect(mutex.run('a', () => 1, { signal: AbortSignal.abort(new Error('no')) })).rejects.toThrow('no');
    expect(mutex.size).toBe(0);
  });
});
