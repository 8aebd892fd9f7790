import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect } from 'node:net';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { freshDir } from './fixture.ts';

const INDEX = JSON.stringify(join(import.meta.dirname, '../../src/index.ts'));

interface Running {
  readonly child: ChildProcess;
  readonly exited: Promise<number | null>;
  log(): string;
  /** Resolves when the log holds `text`. */
  logged(text: string): Promise<string>;
}

/** A node in a process of its own that fails on SIGUSR2. */
async function launch(...options: string[]): Promise<Running> {
  const argv = [
    `--data-dir=${join(await freshDir(), 'data')}`,
    '--listen-addrs=/ip4/127.0.0.1/tcp/0',
    '--api-port=0',
    '--disc-port=0',
    '--log-format=nocolors',
    ...options,
  ];
  const script = `
    import { runNode } from ${INDEX};
    process.once('SIGUSR2', () => void Promise.reject(new Error('boom')));
    process.exit(await runNode(${JSON.stringify(argv)}, { env: {} }));`;
  const child = spawn(process.execPath, ['--input-type=module-typescript', '-e', script], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let log = '';
  let look = () => {};
  const onText = (text: string) => {
    log += text;
    look();
  };
  child.stdout?.setEncoding('utf8').on('data', onText);
  child.stderr?.setEncoding('utf8').on('data', onText);
  const exited = once(child, 'close').then(([code]) => code as number | null);
  return {
    child,
    exited,
    log: () => log,
    logged: (text) =>
      new Promise((resolve, reject) => {
        look = () => {
          if (log.includes(text)) resolve(log);
        };
        look();
        void exited.then(() => reject(new Error(`The node ended:\n${log}`)));
      }),
  };
}

it('an error that nobody handled is logged as fatal, and ends the process with 1', async () => {
  const node = await launch();
  await node.logged('REST service started');
  node.child.kill('SIGUSR2');
  expect(await node.exited).toBe(1);
  expect(node.log()).toMatch(/^FAT .* Unhandled error .*error=boom/m);
});

it('a signal while the node starts stops it cleanly', async () => {
  const node = await launch();
  await node.logged('Starting codex node');
  node.child.kill('SIGTERM');
  expect(await node.exited).toBe(0);
});

it('a stop gives requests under way a moment; a second signal does not wait', async () => {
  const node = await launch();
  const log = await node.logged('REST service started');
  const port = Number(/url=http:\/\/127\.0\.0\.1:(\d+)/.exec(log)?.[1]);
  const socket = connect(port, '127.0.0.1');
  socket.on('error', () => {});
  await once(socket, 'connect');
  // An upload that never ends keeps the server from closing at once.
  socket.write('POST /api/codex/v1/data HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\nExpect: 100-continue\r\n\r\n');
  await once(socket, 'data');
  node.child.kill('SIGTERM');
  await node.logged('Signal received');
  node.child.kill('SIGTERM');
  expect(await node.exited).toBe(1);
  expect(node.log()).toContain('Second signal');
  expect(node.log()).not.toContain('Codex node stopped');
});
