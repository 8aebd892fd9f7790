import { type ChildProcess, spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const REAPER = fileURLToPath(new URL('./reaper.ts', import.meta.url));

/** The parent's end of the pipe to `reaper.ts`: makes sure that no child survives this process. */
export class Guardian {
  readonly #child: ChildProcess;

  constructor() {
    // A group of its own, so that Ctrl-C on a terminal does not reach it.
    this.#child = spawn(process.execPath, [REAPER], { stdio: ['pipe', 'ignore', 'ignore'], detached: true });
    this.#child.unref();
    this.#child.stdin?.on('error', () => {});
    (this.#child.stdin as { unref?: () => void } | null)?.unref?.();
  }

  /** The child with this id is to end when this process does. */
  watch(pid: number): void {
    this.#say(`+ ${pid}`);
  }

  /** The child has ended: its id may be given to somebody else. */
  forget(pid: number): void {
    this.#say(`- ${pid}`);
  }

  /** The directory is to be deleted when this process ends without `close`. */
  removeWhenOrphaned(directory: string): void {
    this.#say(`rm ${directory}`);
  }

  /** Ends the watch: everything was cleaned up. */
  close(): void {
    this.#say('done');
    this.#child.stdin?.end();
  }

  #say(line: string): void {
    this.#child.stdin?.write(`${line}\n`);
  }
}
