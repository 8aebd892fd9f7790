import type { ExchangeLimits } from './limits.ts';
import type { Assignment, Requester } from './requester.ts';

/** Of the window: what must have arrived until a full one opens again. */
const REOPEN_FRACTION = 0.75;
/** How fast old measurements of a peer fade. */
const RATE_WEIGHT = 0.3;

/** What we know of a connected peer as a source of blocks. */
export class Peer {
  readonly id: string;
  readonly #limits: ExchangeLimits;
  requester: Requester | undefined;
  /** Set while the stream for requests is being opened. */
  opening: Promise<void> | undefined;
  /** Not before this monotonic time is another attempt to open it made. */
  reopenAt = 0;
  connected = true;
  /** Sends nothing although it owes us blocks: gets no new work until it does. */
  stalled = false;
  /** Monotonic ms of when it was found so. */
  stalledAt = 0;
  readonly assignments = new Set<Assignment>();
  /** Asked for and not arrived. */
  inFlightBytes = 0;
  /** Monotonic ms of the last bytes from it, or of when it began to owe us something. */
  lastBytesAt = 0;
  #rateBytesPerMs = 0;
  #roundTripMs = 0;
  #busySince = 0;
  #full = false;

  constructor(id: string, limits: ExchangeLimits) {
    this.id = id;
    this.#limits = limits;
  }

  /** Bytes that may be outstanding: what it delivers in `peerWindowMs` or in two round trips, within the limits. */
  get windowBytes(): number {
    const { peerWindowMinBytes, peerWindowMaxBytes, peerWindowMs } = this.#limits;
    const wanted = this.#rateBytesPerMs * Math.max(peerWindowMs, 2 * this.#roundTripMs);
    return Math.min(peerWindowMaxBytes, Math.max(peerWindowMinBytes, wanted));
  }

  /** Measured, bytes per second; 0 before the first delivery. */
  get bytesPerSecond(): number {
    return this.#rateBytesPerMs * 1000;
  }

  /**
   * True when another request of `bytes` fits the window. A window that was full opens again when a quarter of it is
   * free: several requests then leave in one write.
   */
  hasRoom(bytes: number): boolean {
    if (this.inFlightBytes === 0) return true;
    const window = this.windowBytes;
    if (this.#full && this.inFlightBytes > window * REOPEN_FRACTION) return false;
    this.#full = this.inFlightBytes + bytes > window;
    return !this.#full;
  }

  /** Counts an assignment in. */
  asked(assignment: Assignment, now: number): void {
    if (this.assignments.size === 0) {
      this.lastBytesAt = now;
      this.#busySince = now;
    }
    this.assignments.add(assignment);
    this.inFlightBytes += assignment.bytes;
  }

  /** Counts an assignment out; `arrived` when it was answered in full. */
  settled(assignment: Assignment, now: number, arrived: boolean): void {
    if (!this.assignments.delete(assignment)) return;
    this.inFlightBytes -= assignment.bytes;
    if (!arrived) return;
    // The peer worked on this one since it was asked, or since the answer before it was complete.
    const elapsed = Math.max(0.1, now - Math.max(assignment.sentAt, this.#busySince));
    const rate = assignment.bytes / elapsed;
    this.#rateBytesPerMs =
      this.#rateBytesPerMs === 0 ? rate : this.#rateBytesPerMs * (1 - RATE_WEIGHT) + rate * RATE_WEIGHT;
    this.#busySince = now;
  }

  /** Called with the time from a request to the first byte of its answer when nothing was queued before it. */
  measuredRoundTrip(ms: number): void {
    this.#roundTripMs = this.#roundTripMs === 0 ? ms : Math.min(ms, this.#roundTripMs * 1.1);
  }
}
