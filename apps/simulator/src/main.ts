import { fileURLToPath } from 'node:url';
import { HELP, parseArguments } from './arguments.ts';
import { save, table } from './report.ts';
import { passes } from './result.ts';
import { SCENARIOS } from './scenarios.ts';

const EXIT_MISSED = 1;
const EXIT_USAGE = 2;
const RESULTS = fileURLToPath(new URL('../results', import.meta.url));

try {
  const { names, size, record, json, help } = parseArguments(process.argv.slice(2));
  if (help || names.length === 0) {
    process.stdout.write(HELP);
    process.exitCode = help ? 0 : EXIT_USAGE;
  }
  for (const name of names) {
    const began = performance.now();
    const result = await SCENARIOS.get(name)?.(size);
    if (!result) continue;
    const seconds = Math.round((performance.now() - began) / 100) / 10;
    process.stdout.write(json ? `${JSON.stringify({ ...result, plots: undefined, seconds })}\n` : `${table(result)}\n`);
    process.stderr.write(`  ${seconds} s\n`);
    if (record) save(RESULTS, result, { seconds });
    if (!result.checks.every(passes)) process.exitCode = EXIT_MISSED;
  }
} catch (error) {
  const usage = error instanceof TypeError;
  process.stderr.write(`${usage ? error.message : ((error as Error).stack ?? error)}\n`);
  process.exitCode = usage ? EXIT_USAGE : EXIT_MISSED;
}
