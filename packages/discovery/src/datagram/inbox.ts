import type { Datagram } from './datagram.ts';

/** Datagrams that wait: a burst of some milliseconds at full speed. */
const WAITING_MAX = 1024;
/** Their bytes: most are below 1.3 KB, none is above 64 KB. */
const WAITING_MAX_BYTES = 4 * 1024 * 1024;
/** After this time the event loop gets its turn. One more handshake of 3 ms may follow, so tasks end within 10 ms. */
const SLICE_MS = 4;

/**
 * Between a socket and its listener: a burst of datagrams, some of which cost milliseconds, is handled in slices, with
 * turns of the event loop between them. What finds no room is refused, so that the older ones are served in time.
 */
export class Inbox {
  readonly #handle: (datagram: Datagram) => void;
  readonly #now: () => number;
  #waiting: Datagram[] = [];
  #next = 0;
  #bytes = 0;
  #scheduled = false;
  #closed = false;

  constructor(init: { handle(datagram: Datagram): void; now(): number }) {
    this.#handle = init.handle;
    this.#now = init.now;
  }

  /** Keeps the datagram until its turn; false when there is no room. */
  push(datagram: Datagram): boolean {
    const { length } = datagram.bytes;
    if (this.#closed || this.#waiting.length - this.#next >= WAITING_MAX || this.#bytes + length > WAITING_MAX_BYTES) {
      return false;
    }
    this.#waiting.push(datagram);
    this.#bytes += length;
    this.#schedule();
    return true;
  }

  /** Drops what waits. */
  close(): void {
    this.#closed = true;
    this.#waiting = [];
    this.#next = 0;
  }

  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    setImmediate(() => {
      this.#scheduled = false;
      this.#drain();
    });
  }

  #drain(): void {
    const end = this.#now() + SLICE_MS;
    do {
      const datagram = this.#waiting[this.#next++];
      if (!datagram) {
        this.#waiting = [];
        this.#next = 0;
        this.#bytes = 0;
        return;
      }
      this.#bytes -= datagram.bytes.length;
      this.#handle(datagram);
    } while (this.#now() < end);
    // What was handled goes, so that a queue that never runs empty does not grow.
    this.#waiting = this.#waiting.slice(this.#next);
    this.#next = 0;
    if (this.#waiting.length > 0) this.#schedule();
  }
}
