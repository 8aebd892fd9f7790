/**
 * Sets a clone up: fetches the pinned Node from npm, then installs the locked dependencies with it.
 *
 * Runs on stock Node 20 and does nothing when the tree is already set up. The order matters: npm under an older Node
 * silently skips optional binaries that ask for a newer one, so the pinned Node must be on the PATH before the full
 * install. Everything is printed to stderr, so that commands with machine-readable output stay clean.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const NODE_VERSION = '24.21.0';
const LOCK_STALE_MS = 15 * 60_000;
const POLL_MS = 250;

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const stampFile = join(root, 'node_modules', '.codex-setup');
const cacheDir = join(root, '.cache');

function stamp() {
  return `${NODE_VERSION}\n${readFileSync(join(root, 'package-lock.json'), 'utf8')}`;
}

function isSetUp() {
  return existsSync(stampFile) && readFileSync(stampFile, 'utf8') === stamp();
}

function npm(args, cwd, path) {
  const result = spawnSync('npm', args, {
    cwd,
    env: { ...process.env, PATH: path },
    stdio: ['ignore', 'ignore', 'inherit'],
    shell: process.platform === 'win32',
  });
  if (result.status !== 0) {
    throw new Error(`npm ${args.join(' ')} failed (${result.error?.message ?? `exit code ${result.status}`})`);
  }
}

/** Installs the pinned Node alone and returns the folder that holds its binary. */
function bootstrapNode() {
  const name = `node-${process.platform}-${process.arch}`;
  const home = join(cacheDir, `node-${NODE_VERSION}`);
  const bin = join(home, 'node_modules', name, 'bin');
  if (!existsSync(join(bin, 'node'))) {
    process.stderr.write(`codex: fetching Node ${NODE_VERSION} (${name})\n`);
    mkdirSync(home, { recursive: true });
    writeFileSync(join(home, 'package.json'), '{"private":true}\n');
    npm(
      [
        'install',
        '--no-save',
        '--ignore-scripts',
        '--no-audit',
        '--no-fund',
        '--loglevel=error',
        `${name}@${NODE_VERSION}`,
      ],
      home,
      process.env.PATH,
    );
  }
  return bin;
}

function install() {
  const bin = bootstrapNode();
  process.stderr.write('codex: installing dependencies (first start only)\n');
  // Not `npm ci`: it refuses a lockfile without the optional binaries of platforms that some registries do not carry.
  npm(
    ['install', '--no-save', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'],
    root,
    `${bin}${delimiter}${process.env.PATH}`,
  );
  writeFileSync(stampFile, stamp());
  spawnSync(join(bin, 'node'), [join(root, 'scripts', 'warm.mjs')], { stdio: 'ignore' });
}

/** Lets one process install while others wait: a fresh clone may be started several times at once. */
function withLock(work) {
  const lock = join(cacheDir, 'setup.lock');
  mkdirSync(cacheDir, { recursive: true });
  for (;;) {
    try {
      mkdirSync(lock);
      break;
    } catch (error) {
      if (error.code !== 'EEXIST') throw error;
      const age = Date.now() - (statSync(lock, { throwIfNoEntry: false })?.mtimeMs ?? Date.now());
      if (age > LOCK_STALE_MS) rmSync(lock, { recursive: true, force: true });
      else Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, POLL_MS);
    }
  }
  const release = () => rmSync(lock, { recursive: true, force: true });
  const interrupt = () => {
    release();
    process.exit(130);
  };
  process.once('SIGINT', interrupt);
  process.once('SIGTERM', interrupt);
  try {
    work();
  } finally {
    release();
    process.off('SIGINT', interrupt);
    process.off('SIGTERM', interrupt);
  }
}

if (!isSetUp()) {
  try {
    withLock(() => {
      if (!isSetUp()) install();
    });
  } catch (error) {
    process.stderr.write(`codex: setup failed: ${error.message}\n`);
    process.exit(1);
  }
}
