import type { IncomingMessage } from 'node:http';
import { bodyPlace, unsatisfiedTotal } from './content-headers.ts';
import type { Context } from './context.ts';
import { CliError } from './errors.ts';
import { Progress } from './progress.ts';
import type { Sink } from './sink.ts';

/** Attempts in a row that bring nothing, before a transfer is given up. */
const FRUITLESS_ATTEMPTS_MAX = 3;
/** Bytes gathered for one write, while the one before is under way: few calls, and little memory. */
const WRITE_BYTES = 2 * 1024 * 1024;
const RANGE_NOT_SATISFIABLE = 416;

/**
 * One download, in as many attempts as it takes. What a content id names never changes, so an attempt may go on where
 * another broke off, also when that was days ago.
 */
export class Transfer {
  /** Bytes that are in the sink. */
  done = 0;
  readonly #context: Context;
  readonly #path: string;
  readonly #label: string;
  #total: number | undefined;
  #progress: Progress | undefined;

  constructor(context: Context, init: { readonly path: string; readonly label: string }) {
    this.#context = context;
    this.#path = init.path;
    this.#label = init.label;
  }

  /** Asks for the bytes from `offset` on. */
  open(offset: number): Promise<IncomingMessage> {
    return this.#context.api.open('GET', this.#path, {
      headers: offset > 0 ? { range: `bytes=${offset}-` } : {},
      accept: [RANGE_NOT_SATISFIABLE],
    });
  }

  /**
   * Fills the sink from `from` to the end. `first` is an answer for offset 0 that came already.
   * Errors: TRANSFER_INCOMPLETE, ANSWER_INVALID, and those of the sink and of ApiClient.open.
   */
  async run(sink: Sink, from: number, first?: IncomingMessage): Promise<void> {
    this.done = from;
    let response = first;
    try {
      for (let fruitless = 0; fruitless < FRUITLESS_ATTEMPTS_MAX; ) {
        const before = this.done;
        response ??= await this.open(this.done);
        if (await this.#attempt(response, sink)) return;
        this.#context.signal.throwIfAborted();
        fruitless = this.done > before ? 0 : fruitless + 1;
        response = undefined;
      }
    } finally {
      this.#progress?.end();
    }
    const total = this.#total === undefined ? '' : ` of ${this.#total}`;
    throw new CliError(
      'TRANSFER_INCOMPLETE',
      `The download of ${this.#label} broke off after ${this.done}${total} bytes; the same command goes on from there`,
      { bytes: this.done, total: this.#total ?? null },
    );
  }

  /** Takes one answer in. True when the data is whole, false when it broke off. */
  async #attempt(response: IncomingMessage, sink: Sink): Promise<boolean> {
    if (response.statusCode === RANGE_NOT_SATISFIABLE) {
      response.resume();
      if (unsatisfiedTotal(response.headers) === this.done) return true;
      throw new CliError(
        'ANSWER_INVALID',
        `The part file holds more bytes than ${this.#label}; remove it and try again`,
      );
    }
    const place = bodyPlace(response.statusCode ?? 0, response.headers);
    if (!place || place.start > this.done) {
      response.destroy();
      throw new CliError('ANSWER_INVALID', `${this.#context.api.origin} sent another part than was asked for`);
    }
    this.#total = place.total;
    this.#progress ??= new Progress({
      label: this.#label,
      total: place.total,
      done: this.done,
      quiet: this.#context.quiet,
    });
    // A node that knows no ranges begins at 0 again.
    await this.#pour(response, sink, this.done - place.start);
    return place.total === undefined ? response.complete : this.done === place.total;
  }

  /** Writes the body behind its first `skip` bytes; returns when it ends, well or not. Errors: those of the sink. */
  async #pour(response: IncomingMessage, sink: Sink, skip: number): Promise<void> {
    let batch: Buffer[] = [];
    let size = 0;
    let writing: Promise<void> = Promise.resolve();
    const flush = async () => {
      await writing;
      if (size === 0) return;
      const [chunks, count, position] = [batch, size, this.done];
      batch = [];
      size = 0;
      writing = sink.write(chunks, position).then(() => {
        this.done += count;
      });
      writing.catch(() => {});
    };
    const body = (response as AsyncIterable<Buffer>)[Symbol.asyncIterator]();
    let toSkip = skip;
    try {
      for (;;) {
        // Only a failing connection may be tried again, not a failing disk.
        const next = await body.next().catch(() => undefined);
        if (!next || next.done) break;
        const chunk = toSkip > 0 ? next.value.subarray(toSkip) : next.value;
        toSkip = Math.max(0, toSkip - next.value.length);
        if (chunk.length === 0) continue;
        batch.push(chunk);
        size += chunk.length;
        this.#progress?.add(chunk.length);
        if (size >= WRITE_BYTES) await flush();
      }
      await flush();
      await writing;
    } finally {
      response.destroy();
    }
  }
}
