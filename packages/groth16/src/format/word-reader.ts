import type { Section } from './container.ts';
import { invalid, readAt, type Source } from './source.ts';
import { type StopFlag, throwIfStopped } from './stoppable.ts';

/** Read at a time: large enough to cost no calls, small enough to stay in the cache. */
const PIECE_BYTES = 1 << 20;

/** Goes through a section of 32-bit words. For jobs; it is stopped between two pieces. */
export class WordReader {
  /** Valid from `at`; `need` moves both. */
  readonly words: Uint32Array = new Uint32Array(PIECE_BYTES / 4);
  readonly #source: Source;
  readonly #stop: StopFlag;
  /** Behind the last word in memory. */
  #end = 0;
  #position: number;
  #bytesLeft: number;
  #at = 0;

  constructor(source: Source, { id, start, bytes }: Section, stop: StopFlag) {
    if (bytes % 4 !== 0) throw invalid(source, `section ${id} has ${bytes} bytes`);
    this.#source = source;
    this.#position = start;
    this.#bytesLeft = bytes;
    this.#stop = stop;
  }

  /** The next so many words, few of them, are in `words` from the index that is returned, until the next call. */
  take(count: number): number {
    if (this.#at + count > this.#end) this.#fill(count);
    this.#at += count;
    return this.#at - count;
  }

  get isAtEnd(): boolean {
    return this.#at === this.#end && this.#bytesLeft === 0;
  }

  #fill(count: number): void {
    throwIfStopped(this.#stop);
    this.words.copyWithin(0, this.#at, this.#end);
    this.#end -= this.#at;
    this.#at = 0;
    const bytes = Math.min(this.#bytesLeft, PIECE_BYTES - this.#end * 4);
    readAt(this.#source, this.#position, new Uint8Array(this.words.buffer, this.#end * 4, bytes));
    this.#position += bytes;
    this.#bytesLeft -= bytes;
    this.#end += bytes / 4;
    if (this.#end < count) throw invalid(this.#source, 'its entries are longer than their section');
  }
}
