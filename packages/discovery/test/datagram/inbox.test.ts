import { expect, it } from 'vitest';
import { Inbox } from '../../src/datagram/inbox.ts';

const from = { ip: '127.0.0.1', port: 1 };
const turn = () => new Promise<void>((resolve) => setImmediate(resolve));

it('refuses what it has no room for, by number and by bytes, and keeps the order', async () => {
  const handled: number[] = [];
  const inbox = new Inbox({ handle: ({ bytes }) => handled.push(bytes[0] ?? -1), now: () => 0 });
  const push = (first: number, length = 1) => inbox.push({ from, bytes: new Uint8Array(length).fill(first) });
  const taken = Array.from({ length: 1100 }, (_, i) => push(i % 256));
  expect(taken.filter(Boolean).length).toBe(1024);
  await turn();
  expect(handled.length).toBe(1024);
  expect(handled.slice(0, 3)).toEqual([0, 1, 2]);
  const long = Array.from({ length: 100 }, () => push(9, 65_000));
  expect(long.filter(Boolean).length).toBe(Math.floor((4 * 1024 * 1024) / 65_000));
  await turn();
  expect(push(1)).toBe(true);
});

it('hands nothing on after its close', async () => {
  let handled = 0;
  const inbox = new Inbox({ handle: () => handled++, now: () => 0 });
  inbox.push({ from, bytes: new Uint8Array(1) });
  inbox.close();
  expect(inbox.push({ from, bytes: new Uint8Array(1) })).toBe(false);
  await turn();
  expect(handled).toBe(0);
});

it('ends a slice when its time is over', async () => {
  let now = 0;
  let handled = 0;
  const handle = () => {
    handled++;
    now += 3;
  };
  const inbox = new Inbox({ handle, now: () => now });
  for (let i = 0; i < 5; i++) inbox.push({ from, bytes: new Uint8Array(1) });
  await turn();
  expect(handled).toBe(2);
  await turn();
  expect(handled).toBe(4);
  await turn();
  expect(handled).toBe(5);
});
