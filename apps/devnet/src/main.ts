import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isCodexError } from '@codex/runtime';
import { type DemoArguments, HELP, parseDemoArguments } from './arguments.ts';
import { runDemo } from './demo.ts';
import { DevnetError } from './errors.ts';
import { startNetwork } from './network.ts';
import { PROJECT_ROOT } from './node-command.ts';
import { jsonReport, terminalReport } from './report.ts';
import { checkSpace, defaultFile, marketFile, openSource, scenarioFile } from './source-file.ts';
import { Terminal } from './terminal.ts';

const EXIT_FAILED = 1;
const EXIT_USAGE = 2;
const EXIT_INTERRUPTED = 130;
/** The reference's quota (06 §5); a larger file raises it. */
const QUOTA_MIN_BYTES = 20 * 1024 ** 3;

/** Runs the demo; resolves to the exit code. */
async function demo(args: DemoArguments, terminal: Terminal, interrupted: AbortSignal): Promise<number> {
  const source = await openSource(args.file ?? defaultFile());
  const report = args.json ? jsonReport((line) => process.stdout.write(line)) : terminalReport(terminal, source);
  await checkSpace(source, args.nodes, args.keep ?? tmpdir()).catch((error) => {
    // A directory that does not exist yet is made later, or refused with its own error.
    if (isCodexError(error)) throw error;
  });
  const stays = process.stdout.isTTY === true && !args.once && !args.json;

  report.begin(args.nodes);
  const network = await startNetwork({
    nodes: args.nodes,
    // The nodes find each other through the DHT, as they would anywhere else.
    connect: false,
    ...(args.keep === undefined ? {} : { directory: args.keep }),
    args: [
      `--storage-quota=${Math.max(QUOTA_MIN_BYTES, source.size * 2)}`,
      // Whoever tries proofs here gets a circuit and a key for tests, once for all nodes and runs.
      '--proving-keys=development',
      `--circuit-dir=${join(PROJECT_ROOT, '.cache')}`,
    ],
    signal: interrupted,
    onEvent: (event) => report.event(event),
  });
  try {
    const result = await runDemo(network, source, { listener: report, signal: interrupted });
    report.summary(network, source, result, stays);
    if (stays) {
      await new Promise<void>((resolve) => {
        const held = setInterval(() => {}, 2 ** 30);
        interrupted.addEventListener('abort', () => {
          clearInterval(held);
          resolve();
        });
      });
      report.stopping();
    }
    return 0;
  } catch (error) {
    if (interrupted.aborted) report.stopping();
    throw error;
  } finally {
    await network.stop();
  }
}

/** Plays the marketplace's story; resolves to the exit code. */
async function story(args: DemoArguments, terminal: Terminal, interrupted: AbortSignal): Promise<number> {
  // Nobody else waits for the libraries of the chain.
  const [{ marketDemo }, { jsonMarketReport, terminalMarketReport }] = await Promise.all([
    import('./market/market-demo.ts'),
    import('./market/market-report.ts'),
  ]);
  const source = await openSource(args.file ?? marketFile());
  // The client has the file twice, hosts have as much again each, and whoever reads it, too.
  await checkSpace(source, 3 + args.hosts, tmpdir());
  const report = args.json
    ? jsonMarketReport((line) => process.stdout.write(line), source)
    : terminalMarketReport(terminal, source);
  await marketDemo({ hosts: args.hosts, directory: args.keep, source, report, signal: interrupted });
  return 0;
}

/** Plays one of the scenarios, or names them all; resolves to the exit code. */
async function scenario(args: DemoArguments, terminal: Terminal, interrupted: AbortSignal): Promise<number> {
  const [{ playScenario, SCENARIOS }, { jsonScenarioReport, terminalScenarioReport }] = await Promise.all([
    import('./market/scenarios/index.ts'),
    import('./market/scenario-report.ts'),
  ]);
  if (args.scenario === 'list') {
    for (const { name, title } of SCENARIOS) terminal.line(`${name.padEnd(24)} ${title}`);
    return 0;
  }
  const wanted = SCENARIOS.find(({ name }) => name === args.scenario);
  if (!wanted) throw new DevnetError('USAGE', `There is no scenario ${args.scenario} (see --scenario list)`);
  const source = await openSource(args.file ?? scenarioFile());
  await checkSpace(source, 3 + wanted.hosts, tmpdir());
  const report = args.json
    ? jsonScenarioReport((line) => process.stdout.write(line))
    : terminalScenarioReport(terminal);
  report.begin(wanted);
  const result = await playScenario(wanted, source, {
    directory: args.keep,
    signal: interrupted,
    listener: report,
    onSight: (sight, name) => report.sight(sight, name),
  });
  report.summary(result);
  return 0;
}

const SHOWS = { story, scenario, network: demo };

function explain(error: unknown, terminal: Terminal, json: boolean): void {
  const fields = isCodexError(error)
    ? error.toObject()
    : {
        code: 'UNEXPECTED',
        message: error instanceof Error ? (error.stack ?? error.message) : String(error),
        data: {},
      };
  if (json) {
    process.stdout.write(`${JSON.stringify({ event: 'error', ...fields })}\n`);
    return;
  }
  terminal.failed(`${fields.message} (${fields.code})`);
  if (typeof fields.data.tail === 'string' && fields.data.tail) {
    terminal.line('    the last lines that it printed:');
    for (const line of fields.data.tail.split('\n')) terminal.line(`    ${line}`);
  }
}

const interruption = new AbortController();
for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.on(name, () => {
    // The second time somebody means it: the reaper stops what is left.
    if (interruption.signal.aborted) process.exit(EXIT_INTERRUPTED);
    interruption.abort();
  });
}

const terminal = new Terminal({ out: process.stdout });
const errors = new Terminal({ out: process.stderr });
let json = process.argv.includes('--json');
try {
  const args = parseDemoArguments(process.argv.slice(2));
  json = args.json;
  if (args.help) process.stdout.write(HELP);
  else process.exitCode = await SHOWS[args.show](args, terminal, interruption.signal);
} catch (error) {
  if (interruption.signal.aborted && !isCodexError(error)) {
    process.exitCode = EXIT_INTERRUPTED;
  } else {
    explain(error, errors, json);
    process.exitCode = isCodexError(error, 'USAGE') ? EXIT_USAGE : EXIT_FAILED;
  }
}
