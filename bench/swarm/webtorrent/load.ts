import { spawnSync } from 'node:child_process';
import type { EventEmitter } from 'node:events';
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const HOME = dirname(fileURLToPath(import.meta.url));

/** What is used of WebTorrent. */
interface Torrent extends EventEmitter {
  readonly torrentFile: Uint8Array;
  readonly length: number;
  readonly downloaded: number;
  readonly uploaded: number;
  addPeer(address: string): boolean;
}
interface Client extends EventEmitter {
  readonly listening: boolean;
  readonly torrentPort: number;
  seed(path: string, options: object): Torrent;
  add(torrentFile: Uint8Array, options: object): Torrent;
  remove(torrent: Torrent, options: object, done: () => void): void;
}

/** Installs WebTorrent in its own folder (its lockfile pins it), once. */
export function installWebTorrent(): void {
  if (existsSync(join(HOME, 'node_modules', '.package-lock.json'))) return;
  const args = ['ci', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'];
  const { status, error } = spawnSync('npm', args, {
    cwd: HOME,
    stdio: ['ignore', 2, 'inherit'],
    shell: process.platform === 'win32',
  });
  if (status !== 0) throw new Error(`WebTorrent could not be installed (${error?.message ?? `exit code ${status}`})`);
}

/** It is not a dependency of the project, so its types are not known here. */
export async function loadWebTorrent(): Promise<new (options: object) => Client> {
  const entry = join(HOME, 'node_modules', 'webtorrent', 'index.js');
  return ((await import(pathToFileURL(entry).href)) as { default: new (options: object) => Client }).default;
}
