import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const HOME = dirname(fileURLToPath(import.meta.url));

/** Installs the rivals in this folder (its lockfile pins them), once. */
export function installRivals(): void {
  if (existsSync(join(HOME, 'node_modules', '.package-lock.json'))) return;
  const args = ['ci', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'];
  const result = spawnSync('npm', args, {
    cwd: HOME,
    stdio: ['ignore', 2, 'inherit'],
    shell: process.platform === 'win32',
  });
  if (result.status !== 0) throw new Error(`npm failed (${result.error?.message ?? `exit code ${result.status}`})`);
}

/** A module of that installation: not a dependency of the project, so the caller says what it uses of it. */
export async function loadRival<T>(name: string): Promise<T> {
  const folder = join(HOME, 'node_modules', name);
  const { main } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as { readonly main?: string };
  return (await import(pathToFileURL(join(folder, main ?? 'index.js')).href)) as T;
}
