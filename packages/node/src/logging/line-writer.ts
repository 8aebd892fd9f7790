import { write, writeSync } from 'node:fs';

/**
 * Bytes that may wait for a slow terminal or pipe. Beyond it lines are dropped and counted: logging must neither stop
 * the node nor eat its memory.
 */
const BUFFER_LIMIT_BYTES = 4 * 1024 * 1024;
/** A full non-blocking pipe is tried again after this time. */
const RETRY_MS = 5;
/** At exit, a reader that does not read is given up after this many tries of a full pipe. */
const FLUSH_TRIES_MAX = 200;
/** At exit, the time that a write under way gets. */
const IN_FLIGHT_MS = 50;

/**
 * Writes lines to a file descriptor without blocking the event loop: lines of one turn are joined into one write, which
 * the thread pool does. (process.stdout would write to files and pipes synchronously.)
 */
export class LineWriter {
  readonly #fd: number;
  #pending: string[] = [];
  #pendingBytes = 0;
  #writing: Buffer | undefined;
  #written = 0;
  #scheduled = false;
  #broken = false;
  #idle: (() => void)[] = [];
  /** Lines lost since the last report because the reader was too slow. */
  dropped = 0;

  constructor(fd: number) {
    this.#fd = fd;
  }

  write(line: string): void {
    if (this.#broken) return;
    if (this.#pendingBytes + line.length > BUFFER_LIMIT_BYTES) {
      this.dropped++;
      return;
    }
    this.#pending.push(line);
    this.#pendingBytes += line.length;
    if (!this.#scheduled && !this.#writing) {
      this.#scheduled = true;
      setImmediate(() => {
        this.#scheduled = false;
        this.#next();
      });
    }
  }

  /** Resolves when everything written so far has left the process. */
  async flush(): Promise<void> {
    if (!this.#writing) this.#next();
    if (!this.#writing) return;
    await new Promise<void>((resolve) => this.#idle.push(resolve));
  }

  /** For the last moments of the process: writes what is left, blocking. Prefer `flush` where waiting is possible. */
  flushSync(): void {
    if (this.#broken) return;
    // What the thread pool is writing cannot be awaited here, and writing it again would print it twice.
    if (this.#writing) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, IN_FLIGHT_MS);
    const rest = this.#takePending();
    this.#writing = undefined;
    this.#broken = true;
    let offset = 0;
    for (let tries = 0; offset < rest.length && tries < FLUSH_TRIES_MAX; ) {
      try {
        offset += writeSync(this.#fd, rest, offset);
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') return;
        tries++;
        Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, RETRY_MS);
      }
    }
  }

  #takePending(): Buffer {
    if (this.dropped > 0) {
      this.#pending.push(`WRN ${this.dropped} log lines were dropped because nobody read them in time\n`);
      this.dropped = 0;
    }
    const bytes = Buffer.from(this.#pending.join(''));
    this.#pending = [];
    this.#pendingBytes = 0;
    return bytes;
  }

  #next(): void {
    if (this.#writing || this.#broken) return;
    if (this.#pending.length === 0) {
      const idle = this.#idle;
      this.#idle = [];
      for (const resolve of idle) resolve();
      return;
    }
    this.#writing = this.#takePending();
    this.#written = 0;
    this.#writeOn();
  }

  #writeOn(): void {
    const bytes = this.#writing;
    if (!bytes) return;
    write(this.#fd, bytes, this.#written, bytes.length - this.#written, null, (error, count) => {
      if (this.#writing !== bytes) return;
      if (error?.code === 'EAGAIN') {
        setTimeout(() => this.#writeOn(), RETRY_MS);
        return;
      }
      // A reader that went away (EPIPE), or a full disk: the node goes on without this log.
      if (error) this.#broken = error.code === 'EPIPE' || error.code === 'EBADF';
      else this.#written += count;
      if (!error && this.#written < bytes.length) {
        this.#writeOn();
        return;
      }
      this.#writing = undefined;
      if (this.#broken) {
        for (const resolve of this.#idle.splice(0)) resolve();
      } else {
        this.#next();
      }
    });
  }
}
