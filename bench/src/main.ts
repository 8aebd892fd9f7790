import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { type Claim, passes } from './claim.ts';
import { describeMachine, machineLine } from './machine.ts';
import { record } from './record.ts';
import { objects, table } from './report.ts';

const HOME = dirname(dirname(fileURLToPath(import.meta.url)));
const EXIT_TARGET_MISSED = 1;
const EXIT_USAGE = 2;
/** Fewer rounds make no median. */
const ROUNDS = 3;
const QUICK_BYTES = 64 * 1024 * 1024;

const claims = readdirSync(HOME, { withFileTypes: true })
  .filter((entry) => entry.isDirectory() && existsSync(join(HOME, entry.name, 'run.ts')))
  .map((entry) => entry.name);

const HELP = `Measures one claim of the project beside its rivals, in the same run on this machine.

  npm run bench -- NAME… [options]

  NAME          ${claims.join(', ')}, or all
  --size SIZE   bytes of the file that is moved, e.g. 256MiB, 8GiB (default: as the claim says)
  --samples N,… of the proofs that are made (default: as the claim says)
  --rounds N    measured rounds (default ${ROUNDS})
  --quick       a short run to see that it works; not to be quoted
  --json        one JSON object per line
  --record      append the result to bench/results/NAME.jsonl and show it in bench/NAME/README.md
  --profile DIR write CPU profiles of our nodes' threads to DIR; slows them down
  --node-flags "FLAGS"  run our nodes with these flags of Node, to see what they change; not recorded
  --dir DIR     where temporary files go (default: the system's)

Exit codes: 0 all targets met, 1 a target was missed or a measurement failed, 2 wrong usage.
`;

function parseSize(text: string): number {
  const match = /^(\d+(?:\.\d+)?)\s*([kmgt]?)(i?b)?$/i.exec(text.trim());
  const power = 'kmgt'.indexOf(match?.[2]?.toLowerCase() || '-') + 1;
  if (!match || Number(match[1]) <= 0) throw new TypeError(`--size takes a size such as 256MiB, not ${text}`);
  return Math.round(Number(match[1]) * 1024 ** power);
}

/** Node writes a profile of each thread when it ends. */
const profiling = (directory: string) => ({
  NODE_OPTIONS: `${process.env.NODE_OPTIONS ?? ''} --cpu-prof --cpu-prof-dir=${resolve(directory)}`.trim(),
});

async function measure(name: string, options: ReturnType<typeof parse>, signal: AbortSignal): Promise<boolean> {
  const { default: claim } = (await import(pathToFileURL(join(HOME, name, 'run.ts')).href)) as { default: Claim };
  const directory = mkdtempSync(join(options.dir ?? tmpdir(), 'codex-bench-'));
  const cleanUp = () => rmSync(directory, { recursive: true, force: true, maxRetries: 5 });
  process.once('exit', cleanUp);
  const machine = describeMachine(directory);
  const sizeBytes = options.size ?? (options.quick ? Math.min(QUICK_BYTES, claim.sizeBytes) : claim.sizeBytes);
  const note = (text: string) => process.stderr.write(`  ${text}\n`);
  process.stderr.write(`${claim.name}: ${claim.question}\n${machineLine(machine)}\n`);
  try {
    const began = performance.now();
    let plot: string | undefined;
    const rows = await claim.run({
      sizeBytes,
      sizeGiven: options.size !== undefined,
      samples: options.samples,
      rounds: options.rounds,
      quick: options.quick,
      directory,
      signal,
      nodeEnv: options.profile === undefined ? {} : profiling(options.profile),
      nodeFlags: options['node-flags'].split(' ').filter(Boolean),
      note,
      plot: (svg) => {
        plot = svg;
      },
    });
    const seconds = Math.round((performance.now() - began) / 100) / 10;
    if (options.json) for (const row of objects(claim.name, rows)) process.stdout.write(`${JSON.stringify(row)}\n`);
    else process.stdout.write(`\n${table(rows)}\n`);
    if (options.record && !options['node-flags']) {
      const { rounds, quick } = options;
      record(HOME, { claim: claim.name, machine, sizeBytes, rounds, quick, seconds, rows, plot });
    }
    return rows.every((row) => passes(row) !== false);
  } finally {
    process.off('exit', cleanUp);
    cleanUp();
  }
}

function parse(args: string[]) {
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: {
      size: { type: 'string' },
      samples: { type: 'string' },
      rounds: { type: 'string', default: String(ROUNDS) },
      quick: { type: 'boolean', default: false },
      json: { type: 'boolean', default: false },
      record: { type: 'boolean', default: false },
      dir: { type: 'string' },
      profile: { type: 'string' },
      'node-flags': { type: 'string', default: '' },
      help: { type: 'boolean', short: 'h', default: false },
    },
  });
  const names = positionals.includes('all') ? claims : positionals;
  for (const name of names) {
    if (!claims.includes(name)) throw new TypeError(`There is no claim ${name}: ${claims.join(', ')}`);
  }
  const rounds = Number(values.rounds);
  if (!Number.isInteger(rounds) || rounds < 1)
    throw new TypeError(`--rounds takes a number from 1, not ${values.rounds}`);
  const samples = values.samples?.split(',').map(Number);
  if (samples?.some((count) => !Number.isInteger(count) || count < 1)) {
    throw new TypeError(`--samples takes numbers from 1, not ${values.samples}`);
  }
  const size = values.size === undefined ? undefined : parseSize(values.size);
  return { ...values, names, rounds: values.quick ? 1 : rounds, size, samples };
}

const interruption = new AbortController();
for (const name of ['SIGINT', 'SIGTERM'] as const) {
  // Rivals end with this process, nodes are stopped by their guardian, and the directory goes on exit.
  process.once(name, () => process.exit(130));
}

try {
  const options = parse(process.argv.slice(2));
  if (options.help || options.names.length === 0) {
    process.stdout.write(HELP);
    process.exitCode = options.help ? 0 : EXIT_USAGE;
  }
  for (const name of options.names) {
    if (!(await measure(name, options, interruption.signal))) process.exitCode = EXIT_TARGET_MISSED;
  }
  // Kept-alive connections to what was measured are of no more use.
  process.exit();
} catch (error) {
  process.stderr.write(`${error instanceof TypeError ? error.message : ((error as Error).stack ?? error)}\n`);
  process.exit(error instanceof TypeError ? EXIT_USAGE : EXIT_TARGET_MISSED);
}
