import { describe, expect, it } from 'vitest';
import { Terminal } from '../src/terminal.ts';
import { formatBytes, formatDuration, formatRate } from '../src/units.ts';

const MIB = 1024 * 1024;

function terminal(init: { isTTY?: boolean; columns?: number; env?: NodeJS.ProcessEnv }) {
  const written: string[] = [];
  let now = 0;
  const out = { isTTY: init.isTTY ?? false, columns: init.columns ?? 100, write: (text: string) => written.push(text) };
  const made = new Terminal({ out, env: init.env ?? {}, now: () => now });
  const tick = (ms: number) => {
    now += ms;
  };
  return { terminal: made, written, tick };
}

describe('the terminal', () => {
  it('draws a bar that moves, at most ten times a second', () => {
    const { terminal: t, written, tick } = terminal({ isTTY: true, env: { NO_COLOR: '1' } });
    const bar = t.progress('storing', 100 * MIB);
    for (let i = 1; i <= 100; i++) {
      tick(10);
      bar.update(i * MIB);
    }
    bar.done();
    expect(written.length).toBeLessThanOrEqual(11);
    expect(written.at(-2)).toContain('━');
    expect(written.at(-2)).toContain('105 MB/s');
    expect(written.at(-1)).toBe('\r\x1b[2K');
  });

  it('prints a line at each quarter where there is no terminal', () => {
    const { terminal: t, written, tick } = terminal({});
    const bar = t.progress('storing', 100);
    for (let i = 1; i <= 100; i++) {
      tick(10);
      bar.update(i);
    }
    bar.done();
    expect(written.map((line) => /(\d+) %/.exec(line)?.[1])).toEqual(['25', '50', '75']);
    expect(written.join('')).not.toContain('\x1b');
  });

  it('shows numbers only where the line would wrap', () => {
    const { terminal: t, written } = terminal({ isTTY: true, columns: 30 });
    t.progress('storing on node-1', 100).update(50);
    expect(written.join('')).not.toContain('━');
    expect(written.join('')).toContain('50 %');
  });

  it('colours on a terminal only, and not when NO_COLOR is set', () => {
    const paint = (init: Parameters<typeof terminal>[0]) => {
      const { terminal: t, written } = terminal(init);
      t.done('good');
      return written.join('').includes('\x1b[32m');
    };
    expect(paint({ isTTY: true })).toBe(true);
    expect(paint({ isTTY: true, env: { NO_COLOR: '1' } })).toBe(false);
    expect(paint({ isTTY: true, env: { TERM: 'dumb' } })).toBe(false);
    expect(paint({ isTTY: false })).toBe(false);
  });
});

describe('units', () => {
  it('are sizes in powers of 1024 and rates in powers of 1000', () => {
    expect([0, 1023, 1024, 1536, 200 * MIB, 5 * 1024 ** 4].map(formatBytes)).toEqual([
      '0 B',
      '1023 B',
      '1.0 KiB',
      '1.5 KiB',
      '200 MiB',
      '5.0 TiB',
    ]);
    expect(formatRate(5e6, 1000)).toBe('5.0 MB/s');
    expect(formatRate(5e8, 1000)).toBe('500 MB/s');
    expect([311, 9_994, 42_000, 185_000].map(formatDuration)).toEqual(['0.31 s', '9.99 s', '42 s', '3 min 5 s']);
  });
});
