import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const HOME = dirname(fileURLToPath(import.meta.url));

/** Installs Helia in its own folder (its lockfile pins it), once. */
export function installHelia(): void {
  if (existsSync(join(HOME, 'node_modules', '.package-lock.json'))) return;
  const args = ['ci', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'];
  const result = spawnSync('npm', args, {
    cwd: HOME,
    stdio: ['ignore', 2, 'inherit'],
    shell: process.platform === 'win32',
  });
  if (result.status !== 0)
    throw new Error(`Helia could not be installed (${result.error?.message ?? `exit code ${result.status}`})`);
}

/**
 * A module of that installation. It is not a dependency of the project, so its types are not known here: the caller says
 * what it uses.
 */
export async function loadFromHelia<T>(name: string): Promise<T> {
  const resolve = createRequire(join(HOME, 'package.json'));
  // Packages without a CommonJS entry are found through their folder.
  const paths = resolve.resolve.paths(name) ?? [];
  const folder = paths.map((path) => join(path, name)).find((path) => existsSync(join(path, 'package.json')));
  if (!folder) throw new Error(`${name} is not installed in ${HOME}`);
  const manifest = resolve(join(folder, 'package.json')) as { exports?: unknown; main?: string };
  return (await import(
    pathToFileURL(join(folder, entryOf(manifest.exports) ?? manifest.main ?? 'index.js')).href
  )) as T;
}

/** The module that `import` gets from an `exports` field. */
function entryOf(exports: unknown): string | undefined {
  if (typeof exports === 'string') return exports;
  if (typeof exports !== 'object' || exports === null) return undefined;
  const table = exports as Record<string, unknown>;
  return entryOf(table['.'] ?? table.node ?? table.import ?? table.default);
}
