import { type ChildProcess, spawn } from 'node:child_process';
import { createWriteStream, mkdirSync, type WriteStream } from 'node:fs';
import { dirname } from 'node:path';
import { createInterface } from 'node:readline';
import { DevnetError } from './errors.ts';
import type { Guardian } from './guardian.ts';

/** A node is ready in about a second on an idle machine; a busy one may take many times as long. */
const READY_DEADLINE_MS = 60_000;
/** A graceful stop takes well under a second; one that lasts longer hangs. */
const STOP_DEADLINE_MS = 10_000;
/** How much of a dead node's output goes into the error. */
const TAIL_LINES = 12;

export interface NodeProcessInit {
  readonly name: string;
  /** Program and first arguments. */
  readonly command: readonly string[];
  readonly args: readonly string[];
  readonly env: NodeJS.ProcessEnv;
  /** Everything that the process prints is appended here. */
  readonly logFile: string;
  readonly readyDeadlineMs?: number;
  readonly stopDeadlineMs?: number;
}

export interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** One run of a node: from its start to its exit. A restart is a new one. */
export class NodeProcess {
  readonly pid: number;
  /** Resolves when the process has ended; never rejects. */
  readonly exited: Promise<Exit>;
  readonly #name: string;
  readonly #stopDeadlineMs: number;
  readonly #child: ChildProcess;
  readonly #log: WriteStream;
  readonly #tail: string[] = [];
  #exit: Exit | undefined;

  private constructor(init: NodeProcessInit, child: ChildProcess, pid: number, guardian: Guardian) {
    this.#name = init.name;
    this.#stopDeadlineMs = init.stopDeadlineMs ?? STOP_DEADLINE_MS;
    this.#child = child;
    this.pid = pid;
    this.#log = createWriteStream(init.logFile, { flags: 'a' });
    // A log that cannot be written (disk full) must not take the network down.
    this.#log.on('error', () => {});
    this.exited = new Promise((resolve) => {
      child.once('exit', (code, signal) => {
        guardian.forget(pid);
        this.#exit = { code, signal };
        resolve(this.#exit);
      });
    });
    child.once('close', () => this.#log.end());
  }

  /**
   * Starts a node and resolves, with the URL of its REST service, when it says that it is ready.
   * Errors: `NODE_EXITED` with the end of its output, `NODE_NOT_READY`.
   */
  static async start(init: NodeProcessInit, guardian: Guardian, signal?: AbortSignal) {
    signal?.throwIfAborted();
    mkdirSync(dirname(init.logFile), { recursive: true });
    const [program = '', ...first] = init.command;
    // A group of its own: Ctrl-C on a terminal reaches the parent alone, which then stops the nodes in order.
    const child = spawn(program, [...first, ...init.args], {
      env: init.env,
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: true,
    });
    if (child.pid === undefined) {
      const error = await new Promise<Error>((resolve) => child.once('error', resolve));
      throw new DevnetError('NODE_EXITED', `${init.name} could not be started: ${error.message}`, { name: init.name });
    }
    guardian.watch(child.pid);
    const node = new NodeProcess(init, child, child.pid, guardian);
    try {
      const url = await node.#ready(init.readyDeadlineMs ?? READY_DEADLINE_MS, signal);
      return { node, url };
    } catch (error) {
      await node.kill();
      throw error;
    }
  }

  get running(): boolean {
    return this.#exit === undefined;
  }

  /** Asks the process to stop, and kills it when it does not. */
  async stop(): Promise<Exit> {
    if (this.running) this.#child.kill('SIGTERM');
    const timer = setTimeout(() => this.#child.kill('SIGKILL'), this.#stopDeadlineMs);
    const exit = await this.exited;
    clearTimeout(timer);
    return exit;
  }

  /** Kills the process as a power cut would: it cannot save anything. */
  async kill(): Promise<Exit> {
    if (this.running) this.#child.kill('SIGKILL');
    return this.exited;
  }

  /** The last lines that the process printed. */
  tail(): string {
    return this.#tail.join('\n');
  }

  #ready(deadlineMs: number, signal: AbortSignal | undefined): Promise<string> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        reject(
          new DevnetError('NODE_NOT_READY', `${this.#name} was not ready after ${deadlineMs / 1000} s`, {
            tail: this.tail(),
          }),
        );
      }, deadlineMs);
      const onAbort = () => reject(signal?.reason);
      signal?.addEventListener('abort', onAbort, { once: true });
      const settle = () => {
        clearTimeout(timer);
        signal?.removeEventListener('abort', onAbort);
      };
      const onLine = (line: string) => {
        this.#log.write(`${line}\n`);
        this.#tail.push(line);
        if (this.#tail.length > TAIL_LINES) this.#tail.shift();
        if (!line.includes('REST service started')) return;
        const url = /https?:\/\/[^\s"',}]+/.exec(line)?.[0];
        if (url) {
          settle();
          resolve(new URL(url).origin);
        }
      };
      for (const stream of [this.#child.stdout, this.#child.stderr]) {
        if (stream) createInterface({ input: stream }).on('line', onLine);
      }
      this.#child.once('close', (code: number | null, signalName: string | null) => {
        settle();
        const how = signalName ? `was ended by ${signalName}` : `ended with exit code ${code}`;
        reject(new DevnetError('NODE_EXITED', `${this.#name} ${how} before it was ready`, { code, tail: this.tail() }));
      });
    });
  }
}
