/** Bytes that wait to be used again; more are left to the garbage collector. */
const FREE_MAX_BYTES = 32 * 1024 * 1024;
/** The smallest buffer: one block of the usual size. */
const BUFFER_MIN_BYTES = 64 * 1024;

/**
 * Memory for ranges on their way from the socket to the store: shared, so that a worker can hash it without a copy. How
 * much is in use is bounded by what is asked for (`inFlightMaxBytes`). Buffers are powers of two: shared memory is
 * cleared when it is made, which for a large buffer takes longer than to fill a small one.
 */
export class BufferPool {
  readonly #bufferBytes: number;
  readonly #free = new Map<number, Uint8Array[]>();
  #freeBytes = 0;

  /** Ranges of more than `bufferBytes` are not pooled. */
  constructor(init: { bufferBytes: number }) {
    this.#bufferBytes = init.bufferBytes;
  }

  take(length: number): { bytes: Uint8Array; release: () => void } {
    if (length > this.#bufferBytes) return { bytes: new Uint8Array(length), release: () => {} };
    const size = 2 ** Math.ceil(Math.log2(Math.max(length, BUFFER_MIN_BYTES)));
    const free = this.#free.get(size) ?? [];
    this.#free.set(size, free);
    const reused = free.pop();
    if (reused) this.#freeBytes -= size;
    const whole = reused ?? new Uint8Array(new SharedArrayBuffer(size));
    let held = true;
    const release = () => {
      if (held && this.#freeBytes + size <= FREE_MAX_BYTES) {
        free.push(whole);
        this.#freeBytes += size;
      }
      held = false;
    };
    return { bytes: whole.subarray(0, length), release };
  }
}
