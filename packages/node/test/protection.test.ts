import type { Dataset, LeafRange } from '@codex/content';
import type { Geometry } from '@codex/erasure';
import type { LeafOffers } from '@codex/exchange';
import { CodexError, VirtualClock } from '@codex/runtime';
import { describe, expect, it } from 'vitest';
import { LeafSupply } from '../src/protection/leaf-supply.ts';
import { SharedWork } from '../src/shared-work.ts';

/** Four data rows, two of parity, ten columns; the last two leaves of row 3 are padding. */
const GEOMETRY: Geometry = {
  ...{ blockSize: 64, data: 4, parity: 2, originalLeaves: 38, steps: 10, dataLeaves: 40, leafCount: 60 },
};

/** A dataset of which only the held leaves matter, and peers that say what they have. */
function scene(init: { held?: readonly number[]; offered?: (leaf: number) => boolean; isAll?: boolean } = {}) {
  const clock = new VirtualClock();
  const held = new Set(init.held ?? []);
  const asked: LeafRange[][] = [];
  const waiting = new Set<(error: unknown) => void>();
  const peers: { offers: LeafOffers | undefined } = {
    offers: init.offered && { has: init.offered, isAll: init.isAll ?? true },
  };
  const dataset = {
    ref: { treeCid: {}, leafCount: GEOMETRY.leafCount, blockSize: GEOMETRY.blockSize },
    has: (leaf: number) => held.has(leaf),
    get heldCount() {
      return held.size;
    },
    *missing({ start, count }: LeafRange) {
      for (let leaf = start; leaf < start + count; leaf++) if (!held.has(leaf)) yield { start: leaf, count: 1 };
    },
  } as unknown as Dataset;
  const fetcher = {
    offers: () => peers.offers,
    fetchDataset: (_: Dataset, options: { signal?: AbortSignal | undefined; ranges?: readonly LeafRange[] } = {}) => {
      asked.push([...(options.ranges ?? [])]);
      return new Promise<void>((_, reject) => {
        waiting.add(reject);
        options.signal?.addEventListener('abort', () => reject(options.signal?.reason));
      });
    },
  };
  const supply = new LeafSupply({ fetcher, clock }, { dataset, geometry: GEOMETRY });
  /** Milliseconds until it settles. */
  const timeOf = async (work: Promise<unknown>, limitMs = 120_000): Promise<number> => {
    const from = clock.now();
    let over = false;
    const done = work
      .catch(() => {})
      .then(() => {
        over = true;
      });
    while (clock.now() - from < limitMs) {
      await new Promise((resolve) => setImmediate(resolve));
      if (over) break;
      await clock.advance(100);
    }
    if (over) await done;
    return clock.now() - from;
  };
  return { clock, held, asked, waiting, peers, supply, dataset, timeOf };
}

const LEAF = [{ start: 3, count: 1 }];
const PARITY = [{ start: 43, count: 1 }];

describe('leaves of a protected dataset', () => {
  it('are waited for as long as somebody offers them', async () => {
    const { supply, timeOf } = scene({ offered: () => true });
    expect(await timeOf(supply.fetch(LEAF, {}))).toBe(120_000);
  });

  it('are waited for while nobody offers anything, until the exchange gives up; then nobody is asked for a while', async () => {
    const { supply, timeOf, waiting, asked } = scene();
    const fetch = supply.fetch(LEAF, {});
    expect(await timeOf(fetch)).toBe(120_000);
    for (const fail of waiting) fail(new CodexError('BLOCK_NOT_FOUND', 'Nobody'));
    await fetch;
    expect(await timeOf(supply.fetch(PARITY, {}))).toBe(0);
    expect(asked).toEqual([LEAF]);
  });

  it('that nobody offers are given up soon, and at once in a row that has been losing leaves', async () => {
    const { supply, timeOf, asked } = scene({ held: [59], offered: (leaf) => leaf >= 10 });
    const first = await timeOf(supply.fetch(LEAF, {}));
    expect(first).toBeGreaterThanOrEqual(1000);
    expect(first).toBeLessThanOrEqual(1300);
    expect(await timeOf(supply.fetch([{ start: 4, count: 1 }], {}))).toBe(0);
    expect(asked).toEqual([LEAF]);
  });

  it('are asked for in such a row where peers say only what they are asked', async () => {
    const { supply, timeOf, asked } = scene({ offered: (leaf) => leaf >= 10, isAll: false });
    await timeOf(supply.fetch(LEAF, {}));
    expect(await timeOf(supply.fetch([{ start: 4, count: 1 }], {}))).toBeLessThanOrEqual(400);
    expect(asked).toHaveLength(2);
  });

  it('of parity are waited for longer where nothing else can take their place', async () => {
    const needed = scene({ offered: (leaf) => leaf < 30 });
    const ms = await needed.timeOf(needed.supply.fetch(PARITY, {}));
    expect(ms).toBeGreaterThanOrEqual(5000);
    expect(ms).toBeLessThanOrEqual(5300);
    const other = scene({ offered: (leaf) => leaf < 30 || leaf >= 50 });
    expect(await other.timeOf(other.supply.fetch(PARITY, {}))).toBeLessThanOrEqual(1300);
    expect([needed.supply.isCovered(3), other.supply.isCovered(3)]).toEqual([false, true]);
  });

  it('are not asked for where their columns can be restored from what is here; padding counts as here', async () => {
    const { supply, timeOf, asked } = scene({ held: [13, 23, 43, 53, 18, 28, 48] });
    expect([3, 8, 9].map((column) => supply.isRestorable(column))).toEqual([true, true, false]);
    const all = supply.fetch([{ start: 0, count: 10 }], {});
    await timeOf(all, 1000);
    expect(asked).toEqual([
      [
        { start: 0, count: 3 },
        { start: 4, count: 4 },
        { start: 9, count: 1 },
      ],
    ]);
  });

  it('for a reader fail as soon as the one that it waits for is lost or can be restored', async () => {
    const { supply, dataset, timeOf, peers, held } = scene({ offered: (leaf) => leaf !== 5 });
    const treeCid = dataset.ref.treeCid;
    const fetch = supply.fetchDataset(dataset, { ranges: [{ start: 0, count: 38 }] });
    fetch.catch(() => {});
    supply.focus(treeCid, 3);
    await timeOf(fetch, 10_000);
    supply.focus(treeCid, 5);
    expect(await timeOf(fetch)).toBeLessThanOrEqual(1300);
    await expect(fetch).rejects.toMatchObject({ code: 'BLOCK_NOT_FOUND', data: { index: 5 } });
    peers.offers = { has: () => true, isAll: true };
    for (const leaf of [14, 24, 34, 44]) held.add(leaf);
    const second = supply.fetchDataset(dataset, { ranges: [{ start: 0, count: 38 }] });
    supply.focus(treeCid, 4);
    await expect(second).rejects.toMatchObject({ code: 'BLOCK_NOT_FOUND' });
  });

  it('end with the signal, and with what else goes wrong', async () => {
    const { supply, waiting } = scene({ offered: () => true });
    const cancel = new AbortController();
    const cancelled = supply.fetch(LEAF, { signal: cancel.signal });
    cancelled.catch(() => {});
    const broken = supply.fetch(LEAF, {});
    broken.catch(() => {});
    await new Promise((resolve) => setImmediate(resolve));
    cancel.abort(new Error('enough'));
    await expect(cancelled).rejects.toThrow('enough');
    for (const fail of waiting) fail(new CodexError('QUOTA_EXCEEDED', 'full'));
    await expect(broken).rejects.toMatchObject({ code: 'QUOTA_EXCEEDED' });
  });
});

describe('shared work', () => {
  it('is done once for all, ends when the last leaves, and begins again after that', async () => {
    const work = new SharedWork<number>({ running: 1, waiting: 1 });
    let begun = 0;
    let tell: (progress: number) => void = () => {};
    const slow = ({ signal, onProgress }: { signal: AbortSignal | undefined; onProgress: (n: number) => void }) => {
      begun++;
      tell = onProgress;
      // It takes a moment to end.
      return new Promise<string>((_, reject) =>
        signal?.addEventListener('abort', () => setTimeout(() => reject(signal.reason), 5)),
      );
    };
    const [a, b] = [new AbortController(), new AbortController()];
    const seen: number[] = [];
    const first = work.join('key', slow, { signal: a.signal, onProgress: (n) => seen.push(n) });
    const second = work.join('key', slow, { signal: b.signal, onProgress: (n) => seen.push(10 * n) });
    for (const promise of [first, second]) promise.catch(() => {});
    await new Promise((resolve) => setImmediate(resolve));
    tell(1);
    a.abort(new Error('a leaves'));
    await expect(first).rejects.toThrow('a leaves');
    tell(2);
    expect([begun, seen]).toEqual([1, [1, 10, 20]]);
    b.abort(new Error('b leaves'));
    await new Promise((resolve) => setImmediate(resolve));
    const third = work.join('key', async () => 'done', {});
    await expect(second).rejects.toThrow('b leaves');
    expect(await third).toBe('done');
  });

  it('hands on failures to all who wait, and refuses when too many do', async () => {
    const work = new SharedWork<number>({ running: 1, waiting: 1 });
    const { promise, reject } = Promise.withResolvers<never>();
    const joined = [1, 2].map(() => work.join('one', () => promise, {}));
    const queued = work.join('two', async () => 2, {});
    await expect(work.join('three', async () => 3, {})).rejects.toMatchObject({ code: 'CODING_LIMIT' });
    reject(new Error('broken'));
    for (const each of joined) await expect(each).rejects.toThrow('broken');
    expect(await queued).toBe(2);
  });
});
