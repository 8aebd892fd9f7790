import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const HOME = dirname(fileURLToPath(import.meta.url));
const load = createRequire(join(HOME, 'package.json'));

function run(command: string, args: readonly string[]): void {
  const result = spawnSync(command, args, {
    cwd: HOME,
    stdio: ['ignore', 2, 'inherit'],
    shell: process.platform === 'win32',
  });
  if (result.status !== 0)
    throw new Error(`${command} failed (${result.error?.message ?? `exit code ${result.status}`})`);
}

/** Installs the rivals in this folder (its lockfile pins them), once. */
export function installRivals(): void {
  if (existsSync(join(HOME, 'node_modules', '.package-lock.json'))) return;
  run('npm', ['ci', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error']);
}

/** A module of that installation: not a dependency of the project, so the caller says what it uses of it. */
export const loadRival = <T>(name: string): T => load(name) as T;

/** The native addon, compiled with the C compiler of the machine, as its own build would; throws where there is none. */
export function loadNative<T>(): T {
  const folder = join(HOME, 'node_modules', '@ronomon', 'reed-solomon');
  const addon = join(folder, 'binding.node');
  if (!existsSync(addon)) {
    const headers = join(dirname(dirname(process.execPath)), 'include', 'node');
    const undefinedLater = process.platform === 'darwin' ? ['-undefined', 'dynamic_lookup'] : [];
    run('cc', [
      ...['-O3', '-std=c99', '-shared', '-fPIC', ...undefinedLater, `-I${headers}`],
      ...[join(folder, 'binding.c'), '-o', addon],
    ]);
  }
  return load(addon) as T;
}
