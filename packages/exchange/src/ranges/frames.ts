import { ExchangeError } from '../errors.ts';
import { FRAME_MAX_BYTES } from './wire.ts';

/**
 * Where the bytes that follow a frame go: whoever takes a frame may ask for them. They are copied once, from the memory
 * of the transport into `target`.
 */
export interface Payload {
  readonly target: Uint8Array;
  onDone(): void;
}

/**
 * Cuts a stream into frames (length u32, type u8, body) and the bytes that follow some of them. A length over the limit
 * is refused before anything is kept for it.
 */
export class RangesReader {
  readonly #onFrame: (type: number, body: Uint8Array) => Payload | undefined;
  /** Length and type, then the body, of a frame that came in pieces. */
  #pending: Uint8Array = new Uint8Array(0);
  #payload: Payload | undefined;
  #filled = 0;

  constructor(onFrame: (type: number, body: Uint8Array) => Payload | undefined) {
    this.#onFrame = onFrame;
  }

  /** Errors: `MESSAGE_TOO_LARGE`, `MESSAGE_INVALID`, and what the taker of frames throws. */
  push(input: Uint8Array): void {
    let bytes = input;
    while (bytes.length > 0) bytes = this.#payload ? this.#fill(this.#payload, bytes) : this.#frame(bytes);
  }

  #fill(payload: Payload, bytes: Uint8Array): Uint8Array {
    const take = Math.min(bytes.length, payload.target.length - this.#filled);
    payload.target.set(take === bytes.length ? bytes : bytes.subarray(0, take), this.#filled);
    this.#filled += take;
    if (this.#filled === payload.target.length) this.#finishPayload(payload);
    return bytes.subarray(take);
  }

  #finishPayload(payload: Payload): void {
    this.#payload = undefined;
    this.#filled = 0;
    payload.onDone();
  }

  #frame(bytes: Uint8Array): Uint8Array {
    if (this.#pending.length === 0) {
      const length = frameLength(bytes);
      if (length === undefined || bytes.length < length) {
        this.#pending = bytes.slice();
        return bytes.subarray(bytes.length);
      }
      this.#take(bytes.subarray(0, length));
      return bytes.subarray(length);
    }
    // Only frames that came in pieces are copied, and only as far as they reach.
    const known = frameLength(this.#pending);
    const missing = (known ?? 4) - this.#pending.length;
    const piece = bytes.subarray(0, missing);
    this.#pending = Buffer.concat([this.#pending, piece]);
    if (known === undefined) frameLength(this.#pending);
    else if (this.#pending.length === known) {
      const frame = this.#pending;
      this.#pending = new Uint8Array(0);
      this.#take(frame);
    }
    return bytes.subarray(piece.length);
  }

  #take(frame: Uint8Array): void {
    const payload = this.#onFrame(frame[4]!, frame.subarray(5));
    if (!payload) return;
    if (payload.target.length === 0) payload.onDone();
    else this.#payload = payload;
  }
}

/** The whole length of the frame that begins here, or undefined when its length has not arrived. */
function frameLength(bytes: Uint8Array): number | undefined {
  if (bytes.length < 4) return undefined;
  const length = (bytes[0]! | (bytes[1]! << 8) | (bytes[2]! << 16) | (bytes[3]! << 24)) >>> 0;
  if (length > FRAME_MAX_BYTES) {
    const data = { length, limit: FRAME_MAX_BYTES };
    throw new ExchangeError('MESSAGE_TOO_LARGE', `A frame of ${length} bytes is announced`, data);
  }
  if (length === 0) throw new ExchangeError('MESSAGE_INVALID', 'An empty frame');
  return 4 + length;
}
