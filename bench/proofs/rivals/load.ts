import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const HOME = dirname(fileURLToPath(import.meta.url));
const load = createRequire(join(HOME, 'package.json'));

/** Installs the rival in this folder (its lockfile pins it), once. */
export function installRival(): void {
  if (existsSync(join(HOME, 'node_modules', '.package-lock.json'))) return;
  const args = ['ci', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'];
  const result = spawnSync('npm', args, {
    cwd: HOME,
    stdio: ['ignore', 2, 'inherit'],
    shell: process.platform === 'win32',
  });
  if (result.status !== 0) throw new Error(`npm ci failed (${result.error?.message ?? `exit code ${result.status}`})`);
}

/** A module of that installation: not a dependency of the project, so the caller says what it uses of it. */
export const loadRival = <T>(name: string): T => load(name) as T;
