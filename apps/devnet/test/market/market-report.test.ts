import { describe, expect, it } from 'vitest';
import { jsonMarketReport, terminalMarketReport } from '../../src/market/market-report.ts';
import type { Sight } from '../../src/market/sight.ts';
import { Terminal } from '../../src/terminal.ts';

const SIGHT: Sight = {
  block: 300n,
  time: 1_800_000_000,
  from: '0x01',
  call: 'fillSlot',
  args: [],
  ok: true,
  slotIndex: 3,
  events: ['SlotFilled'],
  transfers: [{ from: '0x01', to: '0x02', amount: 8_388_608n }],
};

const RESULT = {
  requestId: '0x03',
  cid: 'zDv',
  sha256: 'ab',
  lost: 'host-1',
  repairedBy: 'host-2',
  repairSeconds: 71,
  money: [
    { name: 'client', change: -5_000n },
    { name: 'host-2', change: 4_000n },
  ],
  left: 0n,
  calls: 60,
  reverted: 1,
  proofs: 40,
  missed: 2,
  seconds: 210,
} as const;

const FILE = { path: '/f', name: 'f.bin', size: 2 ** 23 };

function lines(tell: (report: ReturnType<typeof terminalMarketReport>) => void): string {
  let text = '';
  const out = { write: (more: string) => (text += more) };
  tell(terminalMarketReport(new Terminal({ out }), FILE));
  return text;
}

describe('what the story tells', () => {
  it('people: what every call means', () => {
    const said = (sight: Partial<Sight>) => lines((report) => report.sight({ ...SIGHT, ...sight }, 'host-4')).trim();
    expect(said({})).toBe('host-4 has slot 3, proves it, and puts up 8,388,608');
    expect(said({ ok: false })).toBe('host-4: the chain refused fillSlot');
    const taken = { call: 'markProofAsMissing', events: ['SlotFreed'] };
    expect(said(taken)).toBe('host-4 reports a missed proof of slot 3, and gets 8,388,608; the slot is taken away');
    expect(said({ call: 'setPaused' })).toBe('host-4: setPaused');
  });

  it('people: what came of it, and who has what', () => {
    const text = lines((report) => report.summary(RESULT, 240_000));
    expect(text).toContain('host-1, killed; 71 s later host-2 had its slot');
    expect(text).toMatch(/client +-5,000\n/);
    expect(text).toMatch(/host-2 +\+4,000\n/);
    expect(text).toMatch(/2 of 4 slots +lose the file within a year with a chance of \d\.\de-\d/);
    expect(text).toMatch(/7 of 14 slots +with a chance below 1e-9/);
    expect(text).toContain('60 of the marketplace, 1 of them refused');
  });

  it('programs: the same, amounts as strings', () => {
    const said: string[] = [];
    const report = jsonMarketReport((line) => said.push(line), FILE);
    report.sight(SIGHT, 'host-4');
    report.summary(RESULT, 240_000);
    expect(said.map((line) => JSON.parse(line))).toMatchObject([
      { event: 'call', name: 'host-4', call: 'fillSlot', slotIndex: 3, transfers: [{ amount: '8388608' }] },
      {
        event: 'done',
        lost: 'host-1',
        left: '0',
        money: [{ name: 'client', change: '-5000' }, {}],
        outlook: { plan: {} },
      },
    ]);
  });
});
