import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { Claim, Row } from '../src/claim.ts';
import { median } from '../src/contest.ts';
import type { Measured, Report } from './contender.ts';

const MIB = 1024 * 1024;
const [DATA, PARITY] = [20, 10];
/** As `bin/codex` starts a node. */
const NODE_FLAGS = ['--max-semi-space-size=8', '--external-memory-accounted-in-global-limit'];
const COPY_SHARE = 0.5;
const PEAK_MIB = Math.floor(400e6 / MIB);
const DELAY_P99_MS = 20;

const claim: Claim = {
  name: 'protect',
  question: `How fast is a dataset on disk protected with ${DATA}+${PARITY} rows, and restored from any ${DATA} of them?`,
  sizeBytes: 4 * 1024 * MIB,
  async run(context): Promise<Row[]> {
    const reports: Report[] = [];
    for (let round = 0; round < context.rounds; round++) {
      const path = await mkdtemp(join(context.directory, 'protect-'));
      try {
        const script = fileURLToPath(new URL('./contender.ts', import.meta.url));
        const sizeMiB = Math.round(context.sizeBytes / MIB);
        const args = [...NODE_FLAGS, script, path, `${sizeMiB}`, `${DATA}`, `${PARITY}`];
        const env = { ...process.env, MALLOC_ARENA_MAX: '2' };
        const { stdout } = await promisify(execFile)(process.execPath, args, { env, signal: context.signal });
        context.note(`round ${round + 1}: ${stdout.trim()}`);
        reports.push(JSON.parse(stdout) as Report);
      } finally {
        await rm(path, { recursive: true, force: true });
      }
    }
    const of = (what: 'copy' | 'protect' | 'restore' | 'rebuild', key: keyof Measured) =>
      median(reports.map((report) => report[what][key]));
    /** Read and written. */
    const megabytes = (context.sizeBytes * (1 + PARITY / DATA)) / 1e6;
    const copy = { name: 'plain copy', value: megabytes / of('copy', 'seconds') };
    const guards = (what: 'protect' | 'restore' | 'rebuild'): Row[] => [
      {
        what: `${what}: peak memory`,
        unit: 'MiB',
        ours: of(what, 'rssMiB'),
        target: { kind: 'value', atMost: PEAK_MIB },
      },
      {
        what: `${what}: event loop p99`,
        unit: 'ms',
        ours: of(what, 'delayP99Ms'),
        rival: { name: 'plain copy', value: of('copy', 'delayP99Ms') },
        target: { kind: 'value', atMost: DELAY_P99_MS },
      },
      { what: `${what}: event loop, longest`, unit: 'ms', ours: of(what, 'delayMaxMs') },
    ];
    return [
      {
        what: `protect, read and written`,
        unit: 'MB/s',
        ours: megabytes / of('protect', 'seconds'),
        rival: copy,
        target: { kind: 'ratio', atLeast: COPY_SHARE },
      },
      {
        what: `restore ${PARITY} lost rows, read and written`,
        unit: 'MB/s',
        ours: megabytes / of('restore', 'seconds'),
        rival: copy,
      },
      {
        what: 'rebuild one lost row, bytes of the row',
        unit: 'MB/s',
        ours: context.sizeBytes / DATA / 1e6 / of('rebuild', 'seconds'),
        rival: {
          name: 'plain decode in memory',
          value: median(reports.map(({ decodeBytesPerSecond }) => decodeBytesPerSecond)) / 1e6,
        },
      },
      ...guards('protect'),
      ...guards('restore'),
      ...guards('rebuild'),
    ];
  },
};

export default claim;
