import fc from 'fast-check';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { systemClock, VirtualClock } from '../src/index.ts';

describe('VirtualClock', () => {
  it('runs what falls due in order of time, then of scheduling', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.record({ delay: fc.nat(50), cancel: fc.boolean() })),
        fc.nat(60),
        async (plan, ms) => {
          const clock = new VirtualClock(1000);
          const ran: { at: number; order: number }[] = [];
          const cancels = plan.map(({ delay }, order) =>
            clock.schedule(delay, () => ran.push({ at: clock.now() - 1000, order })),
          );
          plan.forEach(({ cancel }, i) => {
            if (cancel) cancels[i]!();
          });
          await clock.advance(ms);
          const due = plan
            .map(({ delay, cancel }, order) => ({ at: delay, order, cancel }))
            .filter(({ at, cancel }) => at <= ms && !cancel)
            .sort((a, b) => a.at - b.at || a.order - b.order)
            .map(({ at, order }) => ({ at, order }));
          expect(ran).toEqual(due);
          expect([clock.now(), clock.monotonic()]).toEqual([1000 + ms, ms]);
          expect(clock.pending).toBe(plan.filter(({ delay, cancel }) => delay > ms && !cancel).length);
          for (const cancel of cancels) cancel();
          expect(clock.pending).toBe(0);
        },
      ),
    );
  });

  it('runs what is scheduled while it advances, chains of sleeps included', async () => {
    const clock = new VirtualClock();
    const at: number[] = [];
    const loop = (async () => {
      for (let i = 0; i < 5; i++) {
        await clock.sleep(10);
        at.push(clock.now());
      }
    })();
    await clock.advance(35);
    expect(at).toEqual([10, 20, 30]);
    await clock.advance(15);
    await loop;
    expect(at).toEqual([10, 20, 30, 40, 50]);
  });

  it('drops cancelled timeouts of a long run', async () => {
    const clock = new VirtualClock();
    let ran = 0;
    clock.schedule(500, () => ran++);
    for (let i = 0; i < 10_000; i++) clock.schedule(1000 - (i % 900), () => ran++)();
    expect(clock.pending).toBe(1);
    await clock.advance(2000);
    expect(ran).toBe(1);
  });

  it('ends a sleep when it is aborted', async () => {
    const clock = new VirtualClock();
    const controller = new AbortController();
    const sleeping = expect(clock.sleep(10, { signal: controller.signal })).rejects.toThrow('enough');
    controller.abort(new Error('enough'));
    await sleeping;
    expect(clock.pending).toBe(0);
    await expect(clock.sleep(0, { signal: controller.signal })).rejects.toThrow('enough');
  });
});

describe('systemClock', () => {
  afterEach(() => {
    vi.useRealTimers();
  });

  it('waits, and cancels', async () => {
    const before = systemClock.monotonic();
    let ran = false;
    const cancel = systemClock.schedule(1, () => {
      ran = true;
    });
    cancel();
    cancel();
    await systemClock.sleep(5);
    expect(systemClock.monotonic() - before).toBeGreaterThanOrEqual(4);
    expect(ran).toBe(false);
    expect(Math.abs(systemClock.now() - Date.now())).toBeLessThan(1000);
  });

  it('waits longer than one timer of Node can, and cancels in the middle', () => {
    vi.useFakeTimers();
    const day = 24 * 3600 * 1000;
    const ran: number[] = [];
    systemClock.schedule(60 * day, () => ran.push(60));
    const cancel = systemClock.schedule(70 * day, () => ran.push(70));
    vi.advanceTimersByTime(59 * day);
    expect(ran).toEqual([]);
    vi.advanceTimersByTime(2 * day);
    expect(ran).toEqual([60]);
    cancel();
    vi.advanceTimersByTime(20 * day);
    expect(ran).toEqual([60]);
  });
});
