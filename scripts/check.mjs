/**
 * The static checks of the project, one after the other: types, format and lint, unused code. Prints one line per check
 * and the whole output of those that fail.
 */
import { spawnSync } from 'node:child_process';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));

const checks = [
  { name: 'types', command: 'tsc', args: ['--noEmit', '-p', '.'] },
  { name: 'format and lint', command: 'biome', args: ['ci', '--colors=off', '--max-diagnostics=50', '.'] },
  { name: 'unused code', command: 'knip', args: ['--no-progress'] },
];

let failed = 0;
for (const { name, command, args } of checks) {
  const started = performance.now();
  const result = spawnSync(join(root, 'node_modules', '.bin', command), args, { cwd: root, encoding: 'utf8' });
  const seconds = ((performance.now() - started) / 1000).toFixed(1);
  const ok = result.status === 0;
  process.stdout.write(`${ok ? 'ok  ' : 'FAIL'} ${name} (${seconds} s)\n`);
  if (!ok) {
    failed++;
    process.stdout.write(
      `${result.stdout ?? ''}${result.stderr ?? ''}${result.error ? `${result.error.message}\n` : ''}`,
    );
  }
}
process.exit(failed === 0 ? 0 : 1);
