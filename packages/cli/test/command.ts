import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const COMMAND = join(import.meta.dirname, '../../../bin/codex');

export interface Ran {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunOptions {
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly input?: Uint8Array;
  /** Called with the process once it runs. */
  readonly meanwhile?: (child: ChildProcess) => void;
}

export const freshDir = () => mkdtemp(join(tmpdir(), 'codex-cli-'));

/** The environment of this process without settings of other nodes. */
export function cleanEnv(extra: Readonly<Record<string, string>> = {}): NodeJS.ProcessEnv {
  const own = Object.entries(process.env).filter(([name]) => !name.startsWith('CODEX_') && !name.startsWith('VITEST'));
  return { ...Object.fromEntries(own), ...extra };
}

export function start(args: readonly string[], options: RunOptions = {}): ChildProcess {
  return spawn(COMMAND, args, { cwd: options.cwd, env: cleanEnv(options.env), stdio: ['pipe', 'pipe', 'pipe'] });
}

/** Runs the real command to its end. */
export function run(args: readonly string[], options: RunOptions = {}): Promise<Ran> {
  return new Promise((resolve, reject) => {
    const child = start(args, options);
    let stdout = '';
    let stderr = '';
    child.stdout?.setEncoding('latin1').on('data', (text: string) => (stdout += text));
    child.stderr?.setEncoding('utf8').on('data', (text: string) => (stderr += text));
    child.stdin?.on('error', () => {});
    child.stdin?.end(options.input);
    child.once('error', reject);
    child.once('close', (code) => resolve({ code, stdout, stderr }));
    options.meanwhile?.(child);
  });
}

/** A real node in a process of its own. */
export interface TestNode {
  readonly child: ChildProcess;
  readonly url: string;
  /** Milliseconds from the start of the process to `REST service started`. */
  readonly readyMs: number;
  /** Everything that it has logged. */
  log(): string;
  stop(signal?: NodeJS.Signals): Promise<number | null>;
}

const READY_TIMEOUT_MS = 20_000;

export function startNode(dataDir: string, ...options: string[]): Promise<TestNode> {
  const begun = performance.now();
  const child = start([
    `--data-dir=${dataDir}`,
    '--listen-addrs=/ip4/127.0.0.1/tcp/0',
    '--disc-port=0',
    '--api-port=0',
    '--log-format=nocolors',
    ...options,
  ]);
  let log = '';
  const exited = new Promise<number | null>((resolve) => child.once('close', resolve));
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => {
      child.kill('SIGKILL');
      reject(new Error(`The node is not ready after ${READY_TIMEOUT_MS} ms:\n${log}`));
    }, READY_TIMEOUT_MS);
    const look = (text: string) => {
      log += text;
      const url = /REST service started .*url=(\S+)/.exec(log)?.[1];
      if (!url) return;
      clearTimeout(timer);
      resolve({
        child,
        url,
        readyMs: performance.now() - begun,
        log: () => log,
        stop: (signal = 'SIGTERM') => {
          child.kill(signal);
          return exited;
        },
      });
    };
    child.stdout?.setEncoding('utf8').on('data', look);
    child.stderr?.setEncoding('utf8').on('data', look);
    void exited.then((code) => {
      clearTimeout(timer);
      reject(new Error(`The node ended with ${code}:\n${log}`));
    });
  });
}
