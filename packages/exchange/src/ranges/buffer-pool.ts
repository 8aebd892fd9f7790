/** Buffers that wait to be used again; more are left to the garbage collector. */
const FREE_MAX = 32;

/**
 * Memory for ranges on their way from the socket to the store: shared, so that a worker can hash it without a copy. How
 * much is in use is bounded by what is asked for (`inFlightMaxBytes`).
 */
export class BufferPool {
  readonly #bufferBytes: number;
  readonly #free: Uint8Array[] = [];

  constructor(init: { bufferBytes: number }) {
    this.#bufferBytes = init.bufferBytes;
  }

  take(length: number): { bytes: Uint8Array; release: () => void } {
    if (length > this.#bufferBytes) return { bytes: new Uint8Array(length), release: () => {} };
    const whole = this.#free.pop() ?? new Uint8Array(new SharedArrayBuffer(this.#bufferBytes));
    let held = true;
    const release = () => {
      if (held && this.#free.length < FREE_MAX) this.#free.push(whole);
      held = false;
    };
    return { bytes: whole.subarray(0, length), release };
  }
}
