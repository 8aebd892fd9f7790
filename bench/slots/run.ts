import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { Claim, Row } from '../src/claim.ts';
import { median } from '../src/contest.ts';
import type { Report } from './contender.ts';

const MIB = 1024 * 1024;
const [DATA, PARITY] = [20, 10];
/** As `bin/codex` starts a node. */
const NODE_FLAGS = ['--max-semi-space-size=8', '--external-memory-accounted-in-global-limit'];
const HASHING_SHARE = 0.85;
const CORE_MB_S = 8;
const SCALING = 0.8;
const DELAY_P99_MS = 20;

const claim: Claim = {
  name: 'slots',
  question: `How fast are the slots of a dataset on disk built, ${DATA}+${PARITY} of them, and the inputs of proofs made?`,
  sizeBytes: 256 * MIB,
  async run(context): Promise<Row[]> {
    const reports: Report[] = [];
    for (let round = 0; round < context.rounds; round++) {
      const path = await mkdtemp(join(context.directory, 'slots-'));
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
    const of = (read: (report: Report) => number) => median(reports.map(read));
    const rate = (what: 'hash' | 'read' | 'build' | 'buildByOne') =>
      of((report) => report.bytes / 1e6 / report[what].seconds);
    const threads = reports[0]?.threads ?? 1;
    const hashing = { name: 'hashing memory', value: rate('hash') };
    return [
      {
        what: `slots built, ${threads} threads`,
        unit: 'MB/s',
        ours: rate('build'),
        rival: hashing,
        target: { kind: 'ratio', atLeast: HASHING_SHARE },
      },
      {
        what: 'slots built, one thread',
        unit: 'MB/s',
        ours: rate('buildByOne'),
        target: { kind: 'value', atLeast: CORE_MB_S },
      },
      {
        what: 'of the rate of one thread, each of all has',
        unit: '',
        ours: rate('build') / rate('buildByOne') / threads,
        target: { kind: 'value', atLeast: SCALING },
      },
      { what: 'only read', unit: 'MB/s', ours: rate('read') },
      { what: 'input of a proof, 5 samples', unit: 'ms', ours: of(({ proofMs }) => proofMs) },
      { what: 'peak memory', unit: 'MiB', ours: of(({ build }) => build.rssMiB) },
      {
        what: 'event loop p99',
        unit: 'ms',
        ours: of(({ build }) => build.delayP99Ms),
        target: { kind: 'value', atMost: DELAY_P99_MS },
      },
      { what: 'event loop, longest', unit: 'ms', ours: of(({ build }) => build.delayMaxMs) },
    ];
  },
};

export default claim;
