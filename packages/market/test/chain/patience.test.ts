import { VirtualClock } from '@codex/runtime';
import { describe, expect, it } from 'vitest';
import type { Header } from '../../src/chain/blocks/header.ts';
import type { Entry } from '../../src/chain/transactions/journal.ts';
import { Patience } from '../../src/chain/transactions/patience.ts';

const headerOf = (number: bigint): Header => ({
  number,
  hash: '0x1',
  parentHash: '0x2',
  timestamp: number * 5n,
  logsBloom: undefined,
  baseFeePerGas: undefined,
  gasLimit: 1n,
});

function setUp(paceMs = 5_000) {
  const clock = new VirtualClock();
  const trail = { tip: headerOf(10n), paceMs, blockSeconds: paceMs / 1000 };
  const patience = new Patience({ clock, trail }, {});
  const entry: Entry = {
    intent: { key: 'a', to: '0x0', data: '0x', gasPercent: 100, spends: 0n },
    nonce: 0,
    gas: 1n,
    attempts: [],
    isClaimed: false,
  };
  const mine = () => {
    trail.tip = headerOf(trail.tip.number + 1n);
    return trail.tip.number;
  };
  return { clock, patience, entry, mine, now: () => clock.monotonic() };
}

describe('transactions on their way', () => {
  it('are left alone until there is a block, and looked for twice in it', () => {
    const { patience, entry, mine, now } = setUp();
    const sent = { first: now(), last: now() };
    patience.begin(entry);
    expect(patience.isOver(entry, sent)).toBe(false);
    const block = mine();
    expect(patience.isOver(entry, sent)).toBe(true);
    expect(patience.isSuspicious(entry, sent)).toBe(false);
    expect(patience.missed(entry, block)).toBe(false);
    expect(patience.isOver(entry, sent)).toBe(true);
    expect(patience.missed(entry, block)).toBe(true);
    expect(patience.isOver(entry, sent)).toBe(false);
  });

  it('are suspicious when two blocks have passed them, when time has, or when nothing is known of their sending', async () => {
    const { clock, patience, entry, mine, now } = setUp();
    const sent = { first: now(), last: now() };
    expect(patience.isSuspicious(entry, sent)).toBe(true);
    patience.begin(entry);
    expect(patience.isSuspicious(entry, undefined)).toBe(true);
    for (let i = 0; i < 2; i++) {
      expect(patience.isSuspicious(entry, sent)).toBe(false);
      const block = mine();
      patience.missed(entry, block);
      patience.missed(entry, block);
    }
    expect(patience.isSuspicious(entry, sent)).toBe(true);
    patience.begin(entry);
    await clock.advance(12_000);
    expect(patience.isAgainDue(sent)).toBe(false);
    await clock.advance(1_000);
    expect(patience.isAgainDue(sent)).toBe(true);
    expect(patience.isSuspicious(entry, sent)).toBe(true);
    expect(patience.isReplaceDue(sent)).toBe(false);
    await clock.advance(8_000);
    expect(patience.isReplaceDue(sent)).toBe(true);
  });
});
