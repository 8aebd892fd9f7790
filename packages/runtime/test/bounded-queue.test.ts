import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BoundedQueue } from '../src/index.ts';

const turn = () => new Promise((resolve) => setImmediate(resolve));
const closed = expect.objectContaining({ code: 'QUEUE_CLOSED' });

async function drain<T>(queue: BoundedQueue<T>): Promise<T[]> {
  const items: T[] = [];
  for await (const item of queue) items.push(item);
  return items;
}

describe('BoundedQueue', () => {
  it('passes items on in order and ends after close', async () => {
    const queue = new BoundedQueue<number>(2);
    const drained = drain(queue);
    for (let i = 0; i < 10; i++) await queue.push(i);
    queue.close();
    expect(await drained).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    expect(queue.isClosed).toBe(true);
  });

  it('makes producers wait while it is full', async () => {
    const queue = new BoundedQueue<string>(1);
    await queue.push('a');
    const order: string[] = [];
    const waiting = ['b', 'c'].map((item) => queue.push(item).then(() => order.push(item)));
    await turn();
    expect([order, queue.size]).toEqual([[], 1]);
    const reader = queue[Symbol.asyncIterator]();
    expect((await reader.next()).value).toBe('a');
    await turn();
    expect([order, queue.size]).toEqual([['b'], 1]);
    expect((await reader.next()).value).toBe('b');
    await Promise.all(waiting);
    expect(order).toEqual(['b', 'c']);
  });

  it('gives every item to exactly one of several consumers, and ends them all', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 4 }),
        fc.integer({ min: 1, max: 5 }),
        fc.integer({ min: 1, max: 3 }),
        fc.scheduler(),
        async (limit, consumers, producers, scheduler) => {
          const queue = new BoundedQueue<number>(limit);
          const consuming = Array.from({ length: consumers }, async () => {
            const items: number[] = [];
            for await (const item of queue) {
              items.push(item);
              expect(queue.size).toBeLessThanOrEqual(limit);
              await scheduler.schedule(Promise.resolve());
            }
            return items;
          });
          const producing = Array.from({ length: producers }, async (_, p) => {
            for (let i = 0; i < 8; i++) {
              await scheduler.schedule(Promise.resolve());
              await queue.push(p * 100 + i);
            }
          });
          const done = Promise.all(producing).then(() => queue.close());
          await scheduler.waitFor(done);
          const lists = await scheduler.waitFor(Promise.all(consuming));
          expect(lists.flat().sort((a, b) => a - b)).toEqual(
            Array.from({ length: producers }, (_, p) => Array.from({ length: 8 }, (_, i) => p * 100 + i)).flat(),
          );
          // One producer's items reach one consumer in order.
          for (const list of lists) {
            for (let p = 0; p < producers; p++) {
              const own = list.filter((item) => Math.floor(item / 100) === p);
              expect(own).toEqual([...own].sort((a, b) => a - b));
            }
          }
        },
      ),
    );
  });

  it('fails pushes that wait when it closes, and later ones; what was accepted is still delivered', async () => {
    const queue = new BoundedQueue<number>(1);
    await queue.push(1);
    const waiting = expect(queue.push(2)).rejects.toEqual(closed);
    queue.close();
    await waiting;
    await expect(queue.push(3)).rejects.toEqual(closed);
    expect(await drain(queue)).toEqual([1]);
  });

  it('passes the error of close to both sides, after the items', async () => {
    const queue = new BoundedQueue<number>(1);
    const error = new Error('source broke');
    await queue.push(1);
    const waiting = expect(queue.push(2)).rejects.toBe(error);
    queue.close(error);
    queue.close();
    await waiting;
    const reader = queue[Symbol.asyncIterator]();
    expect((await reader.next()).value).toBe(1);
    await expect(reader.next()).rejects.toBe(error);
    await expect(drain(queue)).rejects.toBe(error);
  });

  it('forgets a push that is aborted while it waits', async () => {
    const queue = new BoundedQueue<number>(1);
    await queue.push(1);
    const controller = new AbortController();
    const waiting = expect(queue.push(2, { signal: controller.signal })).rejects.toThrow('enough');
    const third = queue.push(3);
    controller.abort(new Error('enough'));
    await waiting;
    await expect(queue.push(4, { signal: controller.signal })).rejects.toThrow('enough');
    const drained = drain(queue);
    await third;
    queue.close();
    expect(await drained).toEqual([1, 3]);
  });
});
