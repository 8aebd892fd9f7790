import { type ChildProcess, fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';

/** A rival says something within this time, or something is wrong with it. A whole transfer is one answer. */
const ANSWER_DEADLINE_MS = 600_000;

/**
 * A rival in a process of its own. It gets its task as command-line arguments, talks through messages, and ends when
 * this process does (`endWithParent`).
 */
export class RivalProcess {
  readonly #child: ChildProcess;
  readonly #messages: unknown[] = [];
  #wake: (() => void) | undefined;
  #end: string | undefined;

  constructor(module: URL, args: readonly string[]) {
    this.#child = fork(fileURLToPath(module), [...args], { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
    this.#child.on('message', (message) => {
      this.#messages.push(message);
      this.#wake?.();
    });
    this.#child.once('exit', (code, signal) => {
      this.#end = `${module.pathname} ended (${signal ?? code})`;
      this.#wake?.();
    });
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  /** The next message from the rival. */
  async next<T>(): Promise<T> {
    const deadline = setTimeout(() => this.#child.kill('SIGKILL'), ANSWER_DEADLINE_MS);
    try {
      while (this.#messages.length === 0) {
        if (this.#end) throw new Error(this.#end);
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
      }
      return this.#messages.shift() as T;
    } finally {
      clearTimeout(deadline);
    }
  }

  async ask<T>(message: object): Promise<T> {
    this.#child.send(message);
    return this.next<T>();
  }

  async stop(): Promise<void> {
    if (this.#end) return;
    const ended = new Promise((resolve) => this.#child.once('exit', resolve));
    this.#child.kill('SIGKILL');
    await ended;
  }
}

/** For the rival's side: says something to the measuring process. */
export function tell(message: object): void {
  process.send?.(message);
}

/** For the rival's side: ends this process when the measuring one is gone. */
export function endWithParent(): void {
  process.once('disconnect', () => process.exit(0));
}
