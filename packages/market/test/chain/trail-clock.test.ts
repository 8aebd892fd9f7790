import { VirtualClock } from '@codex/runtime';
import { describe, expect, it } from 'vitest';
import type { TrailChange } from '../../src/chain/blocks/block-trail.ts';
import type { Header } from '../../src/chain/blocks/header.ts';
import { TrailClock } from '../../src/chain/blocks/trail-clock.ts';

class FakeTrail {
  tip: Header;
  readonly #listeners = new Set<(change: TrailChange) => void>();

  constructor(seconds: number) {
    this.tip = headerAt(seconds);
  }

  onChange(listener: (change: TrailChange) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  get listeners(): number {
    return this.#listeners.size;
  }

  mine(seconds: number): void {
    this.tip = headerAt(seconds);
    for (const listener of [...this.#listeners]) listener({ dropped: [], added: [this.tip] });
  }
}

function headerAt(seconds: number): Header {
  return {
    number: 1n,
    hash: '0x01',
    parentHash: '0x00',
    timestamp: BigInt(seconds),
    logsBloom: undefined,
    baseFeePerGas: undefined,
    gasLimit: 0n,
  };
}

describe('the clock of a chain', () => {
  it('tells the time of the newest block, and goes on between blocks', async () => {
    const local = new VirtualClock(5_000_000);
    const trail = new FakeTrail(1_000);
    const clock = new TrailClock({ clock: local, trail });
    expect(clock.now()).toBe(1_000);
    await local.advance(2_500);
    expect(clock.now()).toBe(1_002);
    trail.mine(1_030);
    expect(clock.now()).toBe(1_030);
  });

  it('does not go back by a little, and does when the chain did', async () => {
    const local = new VirtualClock();
    const trail = new FakeTrail(1_000);
    const clock = new TrailClock({ clock: local, trail });
    await local.advance(3_000);
    expect(clock.now()).toBe(1_003);
    trail.mine(1_001);
    expect(clock.now()).toBe(1_003);
    await local.advance(2_000);
    expect(clock.now()).toBe(1_003);
    await local.advance(1_000);
    expect(clock.now()).toBe(1_004);
    trail.mine(500);
    expect(clock.now()).toBe(500);
  });

  it('wakes at the second, by time or by a block', async () => {
    const local = new VirtualClock();
    const trail = new FakeTrail(1_000);
    const clock = new TrailClock({ clock: local, trail });
    await clock.waitUntil(1_000);
    const woken: string[] = [];
    void clock.waitUntil(1_010).then(() => woken.push(`10 at ${clock.now()}`));
    void clock.waitUntil(2_000).then(() => woken.push(`2000 at ${clock.now()}`));
    await local.advance(9_999);
    expect(woken).toEqual([]);
    await local.advance(1);
    expect(woken).toEqual(['10 at 1010']);
    trail.mine(2_005);
    await local.advance(0);
    expect(woken).toEqual(['10 at 1010', '2000 at 2005']);
    clock.close();
    expect(trail.listeners).toBe(0);
    expect(local.pending).toBe(0);
  });

  it('stops waiting when it is told to', async () => {
    const local = new VirtualClock();
    const trail = new FakeTrail(1_000);
    const clock = new TrailClock({ clock: local, trail });
    const ends = new AbortController();
    const waiting = clock.waitUntil(2_000, { signal: ends.signal });
    ends.abort(new Error('enough'));
    await expect(waiting).rejects.toThrow('enough');
    expect(trail.listeners).toBe(1);
    expect(local.pending).toBe(0);
  });
});
