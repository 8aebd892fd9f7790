/** A message that is longer is none of ours. */
const MESSAGE_BYTES_MAX = 64 * 1024 * 1024;
const CONTINUED = 0;
const TEXT = 1;

/** Takes messages of text out of one direction of a WebSocket (RFC 6455 §5). */
export class FrameReader {
  readonly #told: (text: string) => void;
  #buffer: Buffer = Buffer.alloc(0);
  #parts: Buffer[] = [];

  constructor(told: (text: string) => void) {
    this.#told = told;
  }

  push(chunk: Buffer): void {
    this.#buffer = this.#buffer.length === 0 ? chunk : Buffer.concat([this.#buffer, chunk]);
    while (this.#next()) {}
  }

  /** False: the next frame is not whole yet. */
  #next(): boolean {
    const buffer = this.#buffer;
    if (buffer.length < 2) return false;
    const first = buffer[0]!;
    if ((first & 0x70) !== 0) throw new Error('Messages are packed in a way that was not agreed on');
    const isMasked = (buffer[1]! & 0x80) !== 0;
    let length = buffer[1]! & 0x7f;
    let at = 2;
    if (length === 126) {
      if (buffer.length < 4) return false;
      length = buffer.readUInt16BE(2);
      at = 4;
    } else if (length === 127) {
      if (buffer.length < 10) return false;
      length = Number(buffer.readBigUInt64BE(2));
      at = 10;
    }
    if (length > MESSAGE_BYTES_MAX) throw new Error('A message that is too long');
    const start = at + (isMasked ? 4 : 0);
    if (buffer.length < start + length) return false;
    const payload = Buffer.from(buffer.subarray(start, start + length));
    if (isMasked) for (let i = 0; i < length; i++) payload[i]! ^= buffer[at + (i & 3)]!;
    this.#buffer = buffer.subarray(start + length);
    const kind = first & 0x0f;
    if (kind === TEXT || kind === CONTINUED) {
      this.#parts.push(payload);
      if ((first & 0x80) !== 0) this.#told(Buffer.concat(this.#parts.splice(0)).toString('utf8'));
    }
    return true;
  }
}
