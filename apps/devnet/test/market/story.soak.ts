import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { isAlive, jsonLines, runMain, until } from '../processes.ts';

/** A story lasts four minutes, on a busy machine up to its own deadlines. */
const STORY_MS = 900_000;
const RUNS = 3;

const place = mkdtempSync(join(tmpdir(), 'devnet-story-'));
afterAll(() => rmSync(place, { recursive: true, force: true }));

// Not in the short form: minutes of a real clock in which seven nodes prove, and a machine that is busy with others too makes them miss.
describe.skipIf(process.env.SOAK === 'short')('npm start', () => {
  it.each(Array.from({ length: RUNS }, (_, i) => i + 1))(
    'a file survives its host, and everybody is paid: run %i',
    { timeout: STORY_MS },
    async () => {
      const { code, stdout, stderr } = await runMain(['--json'], { TMPDIR: place }).ended;
      const events = jsonLines(stdout);
      expect({ code, stderr, failed: events.filter(({ event }) => event === 'error') }).toEqual({
        code: 0,
        stderr: '',
        failed: [],
      });
      const done = events.at(-1) as { event: string; lost: string; repairedBy: string; left: string; missed: number };
      expect(done).toMatchObject({ event: 'done', left: '0' });
      // Two of the lost host; a host that a busy machine kept from proving in time may have one.
      expect(done.missed).toBeGreaterThanOrEqual(2);
      expect(done.repairedBy).not.toBe(done.lost);
      const calls = events.filter(({ event, ok }) => event === 'call' && ok);
      // Nobody has two slots of the request.
      const fills = calls.filter(({ call }) => call === 'fillSlot').map(({ name }) => name);
      expect(new Set(fills).size).toBe(fills.length);
      const pids = events.flatMap(({ event, pid }) => (event === 'ready' || event === 'chain' ? [pid as number] : []));
      expect(pids.filter(isAlive)).toEqual([]);
      expect(readdirSync(place)).toEqual([]);
    },
  );

  it('leaves nothing behind when it is killed', { timeout: 300_000 }, async () => {
    const run = runMain(['--json'], { TMPDIR: place });
    const asked = () => jsonLines(run.out.stdout).some(({ call }) => call === 'reserveSlot');
    await until(asked, 180_000);
    const events = jsonLines(run.out.stdout);
    const pids = events.flatMap(({ event, pid }) => (event === 'ready' || event === 'chain' ? [pid as number] : []));
    expect(pids).toHaveLength(9);
    run.child.kill('SIGKILL');
    await run.ended;
    await until(() => !pids.some(isAlive), 30_000);
    await until(() => readdirSync(place).length === 0, 30_000);
  });
});
