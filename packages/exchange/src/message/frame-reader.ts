import { ExchangeError } from '../errors.ts';

/** Bytes that may wait in unfinished messages of all peers together: what a crowd of slow senders can make us hold. */
export class ByteBudget {
  readonly limitBytes: number;
  #usedBytes = 0;

  constructor(limitBytes: number) {
    this.limitBytes = limitBytes;
  }

  get usedBytes(): number {
    return this.#usedBytes;
  }

  /** False when the bytes do not fit; nothing is taken then. */
  take(bytes: number): boolean {
    if (this.#usedBytes + bytes > this.limitBytes) return false;
    this.#usedBytes += bytes;
    return true;
  }

  give(bytes: number): void {
    this.#usedBytes -= bytes;
  }
}

/** A varint of five groups of seven bits reaches 32 GiB: more digits cannot be a length below any limit. */
const LENGTH_DIGITS_MAX = 5;

/**
 * Cuts a stream into messages, each behind its length as unsigned LEB128 (04 §2). A length over the limit is refused
 * when its last digit arrives, before anything is kept for it; memory grows only with the bytes that really came.
 */
export class FrameReader {
  readonly #messageMaxBytes: number;
  readonly #budget: ByteBudget;
  readonly #onMessage: (message: Uint8Array) => void;
  #pieces: Uint8Array[] = [];
  #have = 0;
  /** Of the message that is being read, once its length is known. */
  #length = -1;
  #partial = 0;
  #digits = 0;

  constructor(
    components: { budget: ByteBudget; onMessage: (message: Uint8Array) => void },
    init: { messageMaxBytes: number },
  ) {
    this.#budget = components.budget;
    this.#onMessage = components.onMessage;
    this.#messageMaxBytes = init.messageMaxBytes;
  }

  /** True between messages: an end of the stream here cuts nothing off. */
  get idle(): boolean {
    return this.#length < 0 && this.#digits === 0;
  }

  /** Takes the next bytes. Errors: `MESSAGE_TOO_LARGE`, `MESSAGE_INVALID`; the reader is of no use afterwards. */
  push(bytes: Uint8Array): void {
    let at = 0;
    while (at < bytes.length || this.#length === 0) {
      if (this.#length < 0) {
        at = this.#readLength(bytes, at);
        continue;
      }
      const end = Math.min(bytes.length, at + this.#length - this.#have);
      const piece = bytes.subarray(at, end);
      at = end;
      if (this.#have + piece.length === this.#length) this.#finish(piece);
      else this.#keep(piece);
    }
  }

  /** Gives back what was kept. */
  close(): void {
    this.#budget.give(this.#have);
    this.#pieces = [];
    this.#have = 0;
    this.#length = -1;
  }

  #readLength(bytes: Uint8Array, start: number): number {
    let at = start;
    while (at < bytes.length) {
      const byte = bytes[at++]!;
      this.#partial += (byte & 127) * 2 ** (7 * this.#digits++);
      if (this.#partial > this.#messageMaxBytes) {
        const data = { length: this.#partial, limit: this.#messageMaxBytes };
        throw new ExchangeError('MESSAGE_TOO_LARGE', `A message of at least ${this.#partial} bytes is announced`, data);
      }
      if (byte < 128) {
        this.#length = this.#partial;
        this.#partial = 0;
        this.#digits = 0;
        return at;
      }
      if (this.#digits >= LENGTH_DIGITS_MAX) throw new ExchangeError('MESSAGE_INVALID', 'The length does not end');
    }
    return at;
  }

  #keep(piece: Uint8Array): void {
    if (!this.#budget.take(piece.length)) {
      throw new ExchangeError('MESSAGE_TOO_LARGE', 'Too many bytes wait in unfinished messages', {
        length: this.#length,
        limit: this.#budget.limitBytes,
      });
    }
    this.#pieces.push(piece);
    this.#have += piece.length;
  }

  #finish(last: Uint8Array): void {
    let message = last;
    if (this.#pieces.length > 0) {
      message = Buffer.allocUnsafeSlow(this.#length);
      let at = 0;
      for (const piece of this.#pieces) {
        message.set(piece, at);
        at += piece.length;
      }
      message.set(last, at);
    }
    this.#budget.give(this.#have);
    this.#pieces = [];
    this.#have = 0;
    this.#length = -1;
    this.#onMessage(message);
  }
}
