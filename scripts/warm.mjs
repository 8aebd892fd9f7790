/**
 * Starts a node once and stops it, so that Node's compile cache holds every module that a node loads: the first real
 * start of a clone is then as quick, and as small in memory, as all later ones. Only a convenience: its failure is none.
 */
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const DEADLINE_MS = 20_000;

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const directory = mkdtempSync(join(tmpdir(), 'codex-warm-'));
const child = spawn(
  join(root, 'bin', 'codex'),
  [
    `--data-dir=${directory}`,
    '--api-port=0',
    '--disc-port=0',
    '--listen-addrs=/ip4/127.0.0.1/tcp/0',
    '--metrics',
    '--metrics-port=0',
  ],
  { stdio: ['ignore', 'pipe', 'ignore'] },
);
const timer = setTimeout(() => child.kill('SIGKILL'), DEADLINE_MS);
let output = '';
child.stdout.on('data', (piece) => {
  output += piece;
  if (output.includes('REST service started')) child.kill('SIGTERM');
});
child.once('error', () => {});
child.once('close', () => {
  clearTimeout(timer);
  rmSync(directory, { recursive: true, force: true });
});
