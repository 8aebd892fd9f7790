import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { SCENARIOS } from '../../src/market/scenarios/index.ts';
import { jsonLines, runMain, until } from '../processes.ts';

/** A scenario lasts a minute or two, on a busy machine up to its own deadlines. */
const SCENARIO_MS = 600_000;
/** `RUNS=20` plays each so often in a row. */
const RUNS = Number(process.env.RUNS ?? 1);
/** What the marketplace keeps at the end, where nobody is left who could take it. */
const KEPT: ReadonlySet<string> = new Set(['validator-alone']);
/** In the short form: half a minute. The others last longer, and hosts that have to prove in every period miss when a machine is busy with others. */
const SHORT: ReadonlySet<string> = new Set(['expiry-refund']);

const place = mkdtempSync(join(tmpdir(), 'devnet-scenario-'));
afterAll(() => rmSync(place, { recursive: true, force: true }));

const played = SCENARIOS.filter(({ name }) => process.env.SOAK !== 'short' || SHORT.has(name));

describe.each([...played])('npm start -- --scenario $name', ({ name }) => {
  it.each(Array.from({ length: RUNS }, (_, i) => i + 1))(
    'goes as it must, and everybody has what the model says: run %i',
    { timeout: SCENARIO_MS },
    async () => {
      const { code, stdout, stderr } = await runMain(['--scenario', name, '--json'], { TMPDIR: place }).ended;
      const events = jsonLines(stdout);
      const steps = events.flatMap(({ event, text }) => (event === 'step' ? [text] : []));
      expect({ code, stderr, steps, failed: events.filter(({ event }) => event === 'error') }).toEqual({
        code: 0,
        stderr: '',
        steps,
        failed: [],
      });
      const done = events.at(-1) as { event: string; scenario: string; left: string };
      expect(done).toMatchObject({ event: 'done', scenario: name });
      expect(done.left !== '0').toBe(KEPT.has(name));
      await until(() => processesIn(place).length === 0);
      expect(readdirSync(place)).toEqual([]);
    },
  );
});

/** Command lines of processes that were given a directory for temporary files, or one in it; known on Linux alone. */
function processesIn(directory: string): string[] {
  if (process.platform !== 'linux') return [];
  const read = (pid: string, what: string) => {
    try {
      return readFileSync(`/proc/${pid}/${what}`, 'utf8').replaceAll('\0', ' ');
    } catch {
      // It has ended in the meantime, or is somebody else's.
      return '';
    }
  };
  return readdirSync('/proc')
    .filter((pid) => /^\d+$/.test(pid) && read(pid, 'environ').includes(directory))
    .map((pid) => read(pid, 'cmdline'))
    .filter((line) => line !== '');
}
