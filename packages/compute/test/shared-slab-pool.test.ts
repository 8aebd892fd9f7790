import { VirtualClock } from '@codex/runtime';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { SharedSlabPool, type Slab } from '../src/index.ts';

const released = expect.objectContaining({ code: 'SLAB_RELEASED' });
const newPool = (limit: number, clock = new VirtualClock()) =>
  new SharedSlabPool({ clock }, { slabBytes: 64, limit, idleMs: 100 });

describe('SharedSlabPool', () => {
  it('lends slabs up to its limit, then in the order of asking', async () => {
    const pool = newPool(2);
    const [a, b] = [await pool.acquire(), await pool.acquire()];
    expect(a.bytes.buffer).toBeInstanceOf(SharedArrayBuffer);
    expect([a.bytes.length, pool.inUse, pool.allocated]).toEqual([64, 2, 2]);
    const order: string[] = [];
    const waiting = ['first', 'second'].map((name) =>
      pool.acquire().then((slab) => {
        order.push(name);
        return slab;
      }),
    );
    b.release();
    expect((await waiting[0])?.bytes.buffer).toBe(b.bytes.buffer);
    a.release();
    await waiting[1];
    expect(order).toEqual(['first', 'second']);
    expect(pool.allocated).toBe(2);
  });

  it('comes back when the last holder has let go, and not twice', async () => {
    const pool = newPool(1);
    const slab = await pool.acquire();
    slab.retain();
    slab.release();
    expect(pool.inUse).toBe(1);
    slab.release();
    expect(pool.inUse).toBe(0);
    const next = await pool.acquire();
    expect(() => slab.release()).toThrow(released);
    expect(() => slab.retain()).toThrow(released);
    expect(pool.inUse).toBe(1);
    next.release();
  });

  it('lets a waiter go when it is aborted', async () => {
    const pool = newPool(1);
    const held = await pool.acquire();
    const controller = new AbortController();
    const waiting = pool.acquire({ signal: controller.signal });
    controller.abort(new Error('enough'));
    await expect(waiting).rejects.toThrow('enough');
    held.release();
    expect(pool.inUse).toBe(0);
    await pool.acquire();
  });

  it('drops what was not needed for a while', async () => {
    const clock = new VirtualClock();
    const pool = newPool(8, clock);
    const slabs = await Promise.all(Array.from({ length: 8 }, () => pool.acquire()));
    for (const slab of slabs) slab.release();
    expect(pool.allocated).toBe(8);
    // Two are used again and again: they stay.
    for (let i = 0; i < 4; i++) {
      const two = await Promise.all([pool.acquire(), pool.acquire()]);
      await clock.advance(60);
      for (const slab of two) slab.release();
    }
    expect(pool.allocated).toBe(2);
    await clock.advance(250);
    expect(pool.allocated).toBe(0);
  });

  it('never lends one slab twice nor more than the limit, whatever the order', async () => {
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: 4 }), fc.array(fc.nat(9), { maxLength: 60 }), async (limit, steps) => {
        const clock = new VirtualClock();
        const pool = newPool(limit, clock);
        const held: Slab[] = [];
        let asked = 0;
        for (const step of steps) {
          if (step < 5) {
            asked++;
            void pool.acquire().then((slab) => held.push(slab));
          } else if (step < 9) {
            held.splice(step % Math.max(1, held.length), 1)[0]?.release();
          } else {
            await clock.advance(100);
          }
          await new Promise((resolve) => setImmediate(resolve));
          expect(new Set(held.map((slab) => slab.bytes.buffer)).size).toBe(held.length);
          expect(pool.inUse).toBe(held.length);
          expect(pool.allocated).toBeLessThanOrEqual(limit);
        }
        expect(asked).toBeGreaterThanOrEqual(held.length);
      }),
      { numRuns: 40 },
    );
  });
});
