import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { LogLevels, NodeLog } from '../../src/logging/index.ts';

const run = promisify(execFile);
const dir = mkdtempSync(join(tmpdir(), 'codex-log-'));

describe('levels', () => {
  it.each([
    ['info', ['codex'], 'info'],
    ['INFO', ['codex'], 'info'],
    ['info;trace:codex,blockexc', ['codex'], 'trace'],
    ['info;trace:codex,blockexc', ['x', 'blockexc'], 'trace'],
    ['info;trace:codex,blockexc', ['x'], 'info'],
    ['info; error: dht ;debug:store', ['dht'], 'error'],
    ['info; error: dht ;debug:store', ['dht', 'store'], 'debug'],
    ['trace;fatal:libp2p', ['libp2p'], 'fatal'],
  ] as const)('%s for %j is %s', (spec, topics, level) => {
    expect(new LogLevels(spec).threshold(topics)).toBe(LogLevels.rank(level));
  });

  it.each(['', 'loud', 'info;', 'info;debug', 'info;debug:', 'info;loud:x', ';debug:x', '2'])('%j', (spec) => {
    const levels = new LogLevels('warn');
    if (spec === 'info;') {
      levels.set(spec);
      expect(levels.threshold([])).toBe(LogLevels.rank('info'));
      return;
    }
    expect(() => levels.set(spec)).toThrow(
      expect.objectContaining({
        code: 'LOG_LEVEL_INVALID',
        message: 'Please specify one of: trace, debug, info, notice, warn, error or fatal',
      }),
    );
    expect(levels.threshold([])).toBe(LogLevels.rank('warn'));
  });
});

describe('a node log', () => {
  it('follows level changes at run time, also in loggers handed out before', async () => {
    const file = join(dir, 'levels.log');
    const log = NodeLog.open({ level: 'info', format: 'none', file });
    const logger = log.logger('codex node').child('codex store');
    logger.debug('hidden');
    expect(logger.isEnabled('debug')).toBe(false);
    log.levels.set('warn;debug:store');
    expect(logger.isEnabled('debug')).toBe(true);
    logger.debug('shown');
    log.logger('codex').info('also hidden');
    await log.flush();
    expect(readFileSync(file, 'utf8')).toMatch(/^DBG .{29} shown +topics="codex store" tid=\d+\n$/);
  });

  it('keeps the order of lines, and loses none that fit the buffer', async () => {
    const file = join(dir, 'order.log');
    const log = NodeLog.open({ level: 'trace', format: 'none', file });
    const logger = log.logger('t');
    for (let i = 0; i < 5000; i++) {
      logger.trace('line', { i });
      if (i % 997 === 0) await new Promise(setImmediate);
    }
    log.flushSync();
    const numbers = readFileSync(file, 'utf8')
      .trimEnd()
      .split('\n')
      .map((line) => Number(line.split(' i=')[1]));
    expect(numbers).toEqual(Array.from({ length: 5000 }, (_, i) => i));
  });

  it('refuses a file that it cannot open', () => {
    expect(() => NodeLog.open({ level: 'info', format: 'none', file: join(dir, 'no', 'such.log') })).toThrow(
      expect.objectContaining({ code: 'LOG_FILE_UNWRITABLE' }),
    );
  });

  const script = (body: string) => `
    import { NodeLog } from ${JSON.stringify(join(import.meta.dirname, '../../src/logging/index.ts'))};
    const log = NodeLog.open({ level: 'info', format: 'auto' });
    const logger = log.logger('codex');
    ${body}`;
  const node = (body: string) => ['--input-type=module-typescript', '-e', script(body)];

  it('writes what is left when the process exits at once', async () => {
    const { stdout } = await run(
      process.execPath,
      node(`logger.fatal('last words'); log.flushSync(); process.exit(1);`),
    ).catch((error: { stdout: string }) => error);
    expect(stdout).toContain('FAT ');
    expect(stdout).toContain('last words');
    expect(stdout).not.toContain('\x1b[');
  });

  it('drops and counts lines, rather than blocking or growing, when nobody reads', async () => {
    // The shell holds the pipe open without reading it until the node has written its verdict to a file.
    const verdict = join(dir, 'verdict');
    const body = `
      import { writeFileSync } from 'node:fs';
      const text = 'x'.repeat(1000);
      const before = process.memoryUsage().rss;
      const start = performance.now();
      for (let i = 0; i < 50_000; i++) {
        logger.info(text);
        if (i % 100 === 0) await new Promise(setImmediate);
      }
      writeFileSync(${JSON.stringify(verdict)}, JSON.stringify({ ms: performance.now() - start, grown: process.memoryUsage().rss - before }));
      process.exit(0);`;
    await run(
      'sh',
      ['-c', '"$@" | { while [ ! -s "$VERDICT" ]; do sleep 0.05; done; }', 'sh', process.execPath, ...node(body)],
      {
        env: { ...process.env, VERDICT: verdict },
      },
    );
    const { ms, grown } = JSON.parse(readFileSync(verdict, 'utf8'));
    expect(ms).toBeLessThan(15_000);
    expect(grown).toBeLessThan(120e6);
  });

  it('survives a reader that goes away', async () => {
    const body = `for (let i = 0; i < 2000; i++) { logger.info('line ' + i); await new Promise(setImmediate); }
      await log.flush(); console.error('alive');`;
    const { stderr } = await run('sh', ['-c', '"$@" | head -n 1 >/dev/null', 'sh', process.execPath, ...node(body)]);
    expect(stderr).toContain('alive');
  });
});
