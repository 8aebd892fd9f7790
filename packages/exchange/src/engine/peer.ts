import type { ExchangeLimits } from './limits.ts';
import type { Assignment, Requester } from './requester.ts';

/** Of the window: what must have arrived until a full one opens again. */
const REOPEN_FRACTION = 0.75;
/** How fast old measurements of a peer fade: quickly where it is faster than we thought, and gets too little work. */
const RATE_WEIGHT = { up: 0.6, down: 0.3 };
/** One measurement covers at least this time in which the peer owed us something: answers come in bursts. */
const RATE_SAMPLE_MS = 50;

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
  /** Requests to others that were called back for it and are not answered. */
  recalls = 0;
  /** Asked for and not arrived. */
  inFlightBytes = 0;
  /** Monotonic ms of the last bytes from it, or of when it began to owe us something. */
  lastBytesAt = 0;
  #rateBytesPerMs = 0;
  #roundTripMs = 0;
  /** Since when what arrived is counted; times at which the peer owed us nothing are left out. */
  #sampleSince = 0;
  #sampleBytes = 0;
  #idleSince = 0;
  #full = false;

  constructor(id: string, limits: ExchangeLimits) {
    this.id = id;
    this.#limits = limits;
  }

  /** Bytes that may be outstanding: what it delivers in two round trips and `peerWindowMs`, within the limits. */
  get windowBytes(): number {
    const { peerWindowMinBytes, peerWindowMaxBytes, peerWindowMs } = this.#limits;
    const wanted = this.#rateBytesPerMs * (peerWindowMs + 2 * this.#roundTripMs);
    return Math.min(peerWindowMaxBytes, Math.max(peerWindowMinBytes, wanted));
  }

  /**
   * Bytes of one request: what it delivers in `requestMs`. A swarm on a slow line would hand on large requests late, and
   * what else a peer has to say would wait behind them.
   */
  get requestBytes(): number {
    const { requestMinBytes, requestBytes, requestMs } = this.#limits;
    return Math.min(requestBytes, Math.max(requestMinBytes, this.#rateBytesPerMs * requestMs));
  }

  /** Until another request of `bytes` is answered, by what was measured; 0 when nothing was. */
  expectedMs(bytes: number): number {
    return this.#rateBytesPerMs === 0 ? 0 : (this.inFlightBytes + bytes) / this.#rateBytesPerMs + this.#roundTripMs;
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
      this.#sampleSince += now - this.#idleSince;
    }
    this.assignments.add(assignment);
    this.inFlightBytes += assignment.bytes;
  }

  /** Counts an assignment out; `arrived` when it was answered in full. */
  settled(assignment: Assignment, now: number, arrived: boolean): void {
    if (!this.assignments.delete(assignment)) return;
    this.inFlightBytes -= assignment.bytes;
    if (this.assignments.size === 0) this.#idleSince = now;
    if (arrived) this.#measure(assignment.bytes, now);
  }

  #measure(bytes: number, now: number): void {
    this.#sampleBytes += bytes;
    const elapsed = now - this.#sampleSince;
    // The first answer is a measurement of its own: a fast peer shall not wait for more.
    if (elapsed < (this.#rateBytesPerMs === 0 ? 0.1 : RATE_SAMPLE_MS)) return;
    const rate = this.#sampleBytes / elapsed;
    const known = this.#rateBytesPerMs;
    this.#rateBytesPerMs = known === 0 ? rate : known + (rate - known) * RATE_WEIGHT[rate > known ? 'up' : 'down'];
    this.#sampleBytes = 0;
    this.#sampleSince = now;
  }

  /** Called with the time from a request to the first byte of its answer when nothing was queued before it. */
  measuredRoundTrip(ms: number): void {
    this.#roundTripMs = this.#roundTripMs === 0 ? ms : Math.min(ms, this.#roundTripMs * 1.1);
  }
}
