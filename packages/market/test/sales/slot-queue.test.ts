import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { comparePriority, type SlotItem, SlotQueue } from '../../src/index.ts';

const requestId = (n: number) => `0x${n.toString(16).padStart(64, '0')}` as const;

const item = (slotIndex: number, over: Partial<SlotItem> = {}): SlotItem => ({
  requestId: requestId(1),
  slotIndex,
  slotSize: 10,
  profit: 100n,
  collateral: 50n,
  expiry: 1000,
  seen: false,
  deferredUntil: 0,
  lot: 0,
  ...over,
});

const items = fc
  .array(
    fc.record({
      request: fc.nat(3),
      slotIndex: fc.nat(12),
      profit: fc.bigInt(0n, 3n),
      collateral: fc.bigInt(0n, 3n),
      expiry: fc.integer({ min: 1, max: 4 }),
      seen: fc.boolean(),
      deferredUntil: fc.nat(3),
    }),
    { maxLength: 60 },
  )
  .map((all) =>
    all.map(({ request, slotIndex, ...over }) => item(slotIndex, { ...over, requestId: requestId(request) })),
  );

describe('the priority of a slot', () => {
  it('is decided by the first criterion in which two differ', () => {
    const worse = { seen: true, profit: 99n, collateral: 51n, expiry: 999 };
    const better = { seen: false, profit: 100n, collateral: 50n, expiry: 1000 };
    const order = ['seen', 'profit', 'collateral', 'expiry'] as const;
    for (const [at, criterion] of order.entries()) {
      // Worse in this one, better in all that follow.
      const a = item(0, { ...better, [criterion]: worse[criterion] });
      const b = item(1, { ...better, ...Object.fromEntries(order.slice(at + 1).map((name) => [name, worse[name]])) });
      expect(comparePriority(a, b), criterion).toBeGreaterThan(0);
      expect(comparePriority(b, a), criterion).toBeLessThan(0);
    }
  });
});

describe('the queue of slots', () => {
  it('never holds more than its limit, and always the best of what came', () => {
    fc.assert(
      fc.property(items, fc.integer({ min: 1, max: 20 }), (all, limit) => {
        const queue = new SlotQueue(limit);
        const kept: SlotItem[] = [];
        for (const one of all) {
          const known = kept.some((k) => k.requestId === one.requestId && k.slotIndex === one.slotIndex);
          const taken = queue.push(one);
          if (known) expect(taken).toBe(false);
          else {
            kept.push(one);
            kept.sort(comparePriority);
            expect(taken).toBe(kept.indexOf(one) < limit);
            kept.length = Math.min(kept.length, limit);
          }
          expect(queue.items).toEqual(kept);
          expect(queue.paused).toBe(kept.every(({ seen }) => seen));
        }
      }),
    );
  });

  it('gives the best that is unseen, due and eligible', () => {
    fc.assert(
      fc.property(items, fc.nat(3), fc.nat(3), (all, now, barred) => {
        const queue = new SlotQueue();
        for (const one of all) queue.push(one);
        const eligible = (one: SlotItem) => one.requestId !== requestId(barred);
        for (;;) {
          const expected = queue.items.find((one) => !one.seen && one.deferredUntil <= now && eligible(one));
          const size = queue.size;
          const popped = queue.pop(now, eligible);
          expect(popped).toBe(expected);
          if (!popped) break;
          expect(queue.size).toBe(size - 1);
          expect(queue.has(popped.requestId, popped.slotIndex)).toBe(false);
        }
        const due = queue.nextDue(now);
        if (due !== undefined) expect(due).toBeGreaterThan(now);
      }),
    );
  });

  it('looks at seen ones again only when their flags are cleared, and then in their order', () => {
    const queue = new SlotQueue();
    queue.push(item(0, { seen: true, profit: 1n }));
    queue.push(item(1, { seen: true, profit: 9n }));
    expect(queue.paused).toBe(true);
    expect(queue.pop(0)).toBeUndefined();
    queue.push(item(2, { profit: 5n }));
    expect(queue.paused).toBe(false);
    expect(queue.pop(0)?.slotIndex).toBe(2);
    expect(queue.paused).toBe(true);
    queue.clearSeen();
    expect([queue.pop(0), queue.pop(0), queue.pop(0)].map((one) => one?.slotIndex)).toEqual([1, 0, undefined]);
  });

  it('deletes by slot, by request and by time', () => {
    const queue = new SlotQueue();
    for (let i = 0; i < 4; i++) queue.push(item(i, { expiry: 10 * i + 10, requestId: requestId(i % 2) }));
    expect(queue.delete(requestId(0), 0)?.slotIndex).toBe(0);
    expect(queue.delete(requestId(0), 0)).toBeUndefined();
    queue.deleteExpired(30);
    expect(queue.items.map(({ slotIndex }) => slotIndex)).toEqual([3]);
    queue.deleteRequest(requestId(1));
    expect(queue.size).toBe(0);
    expect(queue.push(item(3, { requestId: requestId(1) }))).toBe(true);
  });
});
