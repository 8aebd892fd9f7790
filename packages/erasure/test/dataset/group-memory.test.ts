import { VirtualClock } from '@codex/runtime';
import { expect, it } from 'vitest';
import { GROUP_BYTES, GROUP_IDLE_MS, GroupMemory } from '../../src/dataset/group-memory.ts';
import { runLanes } from '../../src/dataset/lanes.ts';

it('hands memory out in order and never more than its limit', async () => {
  const memory = new GroupMemory({}, { limitBytes: 2 * GROUP_BYTES });
  const [one, two] = [await memory.acquire(1000), await memory.acquire(GROUP_BYTES)];
  expect(one.bytes.length).toBe(1000);
  expect(memory.usedBytes).toBe(2 * GROUP_BYTES);
  const order: string[] = [];
  const wide = memory.acquire(2 * GROUP_BYTES).then((group) => {
    order.push('wide');
    return group;
  });
  const cancel = new AbortController();
  const cancelled = memory.acquire(1, { signal: cancel.signal });
  const narrow = memory.acquire(1).then((group) => {
    order.push('narrow');
    return group;
  });
  cancel.abort(new Error('enough'));
  await expect(cancelled).rejects.toThrow('enough');
  one.release();
  one.release();
  await new Promise((resolve) => setImmediate(resolve));
  // The wide one is first in line, though the narrow one would fit.
  expect(order).toEqual([]);
  two.release();
  (await wide).release();
  (await narrow).release();
  expect(order).toEqual(['wide', 'narrow']);
  expect(memory.usedBytes).toBe(0);
});

it('gives more than its limit only to one that is alone', async () => {
  const memory = new GroupMemory();
  const wide = await memory.acquire(3 * GROUP_BYTES);
  expect(wide.bytes.length).toBe(3 * GROUP_BYTES);
  const next = memory.acquire(1);
  expect(memory.usedBytes).toBe(3 * GROUP_BYTES);
  wide.release();
  (await next).release();
});

it('keeps what was given back for the next ones, and gives it up when nobody comes', async () => {
  const clock = new VirtualClock(0);
  const memory = new GroupMemory({ clock });
  const first = await memory.acquire(100);
  const buffer = first.bytes.buffer;
  first.release();
  expect(memory.idleBytes).toBe(GROUP_BYTES);
  await clock.advance(GROUP_IDLE_MS / 2);
  const second = await memory.acquire(200);
  expect(second.bytes.buffer).toBe(buffer);
  await clock.advance(GROUP_IDLE_MS);
  second.release();
  expect(memory.idleBytes).toBe(GROUP_BYTES);
  await clock.advance(GROUP_IDLE_MS);
  expect(memory.idleBytes).toBe(0);
});

it('lanes wait for each other before a failure is told', async () => {
  const ended: number[] = [];
  const work = async (item: number, { signal }: { signal: AbortSignal }) => {
    if (item === 1) throw new Error('first');
    await new Promise((resolve) => setImmediate(resolve));
    expect(signal.aborted).toBe(true);
    ended.push(item);
  };
  await expect(runLanes(2, [0, 1, 2, 3], work)).rejects.toThrow('first');
  expect(ended).toEqual([0]);
});
