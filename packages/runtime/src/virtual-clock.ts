import { type Cancel, type Clock, sleepOn } from './clock.ts';

interface Scheduled {
  readonly at: number;
  readonly order: number;
  readonly run: () => void;
  /** Taken out to run, or cancelled. */
  done: boolean;
}

const isBefore = (a: Scheduled, b: Scheduled) => a.at < b.at || (a.at === b.at && a.order < b.order);

/** Cancelled calls stay in the heap until they are as many as this and more than half of it: timeouts mostly get cancelled. */
const SWEEP_FROM = 1024;

/**
 * Time that stands still until it is advanced: for tests and simulators. Everything due runs in order of its time, then
 * in the order in which it was scheduled.
 */
export class VirtualClock implements Clock {
  #now: number;
  #order = 0;
  readonly #start: number;
  /** A binary heap, the earliest first: simulators schedule hundreds of thousands of calls. */
  #heap: Scheduled[] = [];
  #cancelled = 0;

  constructor(startMs = 0) {
    this.#now = startMs;
    this.#start = startMs;
  }

  now(): number {
    return this.#now;
  }

  monotonic(): number {
    return this.#now - this.#start;
  }

  schedule(delayMs: number, run: () => void): Cancel {
    const item = { at: this.#now + Math.max(0, delayMs), order: this.#order++, run, done: false };
    this.#insert(item);
    return () => {
      if (item.done) return;
      item.done = true;
      this.#cancelled++;
      if (this.#cancelled >= SWEEP_FROM && this.#cancelled * 2 > this.#heap.length) this.#sweep();
    };
  }

  /** Calls that are scheduled and not cancelled. */
  get pending(): number {
    return this.#heap.length - this.#cancelled;
  }

  sleep(delayMs: number, options?: { signal?: AbortSignal | undefined }): Promise<void> {
    return sleepOn(this, delayMs, options?.signal);
  }

  /** Moves time forward by `ms`, running what falls due and letting promises settle after each call. */
  async advance(ms: number): Promise<void> {
    const end = this.#now + ms;
    for (;;) {
      await settle();
      const next = this.#takeDue(end);
      if (!next) break;
      this.#now = Math.max(this.#now, next.at);
      next.run();
    }
    this.#now = Math.max(this.#now, end);
    await settle();
  }

  #takeDue(end: number): Scheduled | undefined {
    for (let first = this.#heap[0]; first; first = this.#heap[0]) {
      if (!first.done && first.at > end) return undefined;
      this.#removeFirst();
      if (!first.done) {
        first.done = true;
        return first;
      }
      this.#cancelled--;
    }
    return undefined;
  }

  /** Drops what was cancelled; a sorted array is a heap. */
  #sweep(): void {
    this.#heap = this.#heap.filter((item) => !item.done).sort((a, b) => (isBefore(a, b) ? -1 : 1));
    this.#cancelled = 0;
  }

  #insert(item: Scheduled): void {
    const heap = this.#heap;
    let at = heap.length;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (!isBefore(item, heap[parent]!)) break;
      heap[at] = heap[parent]!;
      at = parent;
    }
    heap[at] = item;
  }

  #removeFirst(): void {
    const heap = this.#heap;
    const item = heap.pop();
    if (!item || heap.length === 0) return;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child + 1 < heap.length && isBefore(heap[child + 1]!, heap[child]!)) child++;
      if (child >= heap.length || !isBefore(heap[child]!, item)) break;
      heap[at] = heap[child]!;
      at = child;
    }
    heap[at] = item;
  }
}

/** Lets every promise that can settle do so: a turn of the macrotask queue drains all microtasks. */
function settle(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
