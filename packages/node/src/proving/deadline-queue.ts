import { type AbortOptions, type Clock, raceSignal } from '@codex/runtime';
import { NodeError } from '../errors.ts';

export interface QueueLimits {
  /** Pieces of work under way at a time. */
  readonly running: number;
  /** Those that wait for their turn; more are refused. */
  readonly waiting: number;
}

export interface QueueOptions extends AbortOptions {
  /** Unix time in ms after which nobody needs the result; without it, whenever there is time. */
  readonly deadline?: number | undefined;
}

interface Entry {
  readonly deadline: number;
  readonly order: number;
  readonly begin: () => void;
}

/** What is due first comes first; equals and what is never due in the order in which they came. */
const isBefore = (a: Entry, b: Entry) => a.deadline < b.deadline || (a.deadline === b.deadline && a.order < b.order);

/**
 * Work with deadlines, a few pieces at a time, the most urgent first. What is late is not begun, and ended when it is under
 * way. A turn lasts until its work has really ended, however early its caller was let go.
 */
export class DeadlineQueue {
  readonly #clock: Clock;
  readonly #waitingMax: number;
  /** Turns that nobody has. */
  #free: number;
  readonly #waiting: Entry[] = [];
  readonly #running = new Set<Promise<unknown>>();
  readonly #stop = new AbortController();
  #order = 0;

  constructor(components: { readonly clock: Clock }, limits: QueueLimits) {
    this.#clock = components.clock;
    this.#waitingMax = limits.waiting;
    this.#free = limits.running;
  }

  /** Pieces that wait for their turn. */
  get waiting(): number {
    return this.#waiting.length;
  }

  /**
   * Does `work` when its turn comes. Rejects at once when it is given up: with the signal's reason, `PROOF_LATE` or
   * `PROVING_STOPPED`; these abort the signal that `work` gets. Error: `PROOF_QUEUE_FULL`.
   */
  async run<T>(work: (signal: AbortSignal) => Promise<T>, options: QueueOptions = {}): Promise<T> {
    const { deadline = Number.POSITIVE_INFINITY } = options;
    const late = new AbortController();
    const beLate = () => late.abort(new NodeError('PROOF_LATE', 'The deadline of the proof has passed', { deadline }));
    const restMs = deadline - this.#clock.now();
    if (restMs <= 0) beLate();
    const cancel = restMs > 0 && restMs < Number.POSITIVE_INFINITY ? this.#clock.schedule(restMs, beLate) : () => {};
    const given = options.signal ? [options.signal] : [];
    const signal = AbortSignal.any([this.#stop.signal, ...given, late.signal]);
    try {
      signal.throwIfAborted();
      await this.#turn(deadline, signal);
      const done = this.#begin(work, signal);
      return await raceSignal(done, signal);
    } finally {
      cancel();
    }
  }

  /** Ends everything with `PROVING_STOPPED`; resolves when nothing runs any more. */
  async stop(): Promise<void> {
    this.#stop.abort(new NodeError('PROVING_STOPPED', 'The node is stopping'));
    await Promise.allSettled(this.#running);
  }

  #begin<T>(work: (signal: AbortSignal) => Promise<T>, signal: AbortSignal): Promise<T> {
    const done = work(signal).finally(() => {
      this.#running.delete(done);
      const next = this.#waiting.shift();
      if (next) next.begin();
      else this.#free++;
    });
    done.catch(() => {});
    this.#running.add(done);
    return done;
  }

  /** Resolves with a turn, which `#begin` gives on. */
  #turn(deadline: number, signal: AbortSignal): Promise<void> | undefined {
    if (this.#free > 0) {
      this.#free--;
      return undefined;
    }
    if (this.#waiting.length >= this.#waitingMax) {
      throw new NodeError('PROOF_QUEUE_FULL', 'Too many proofs wait for their turn', { waiting: this.#waiting.length });
    }
    return new Promise((resolve, reject) => {
      const onAbort = () => {
        this.#waiting.splice(this.#waiting.indexOf(entry), 1);
        reject(signal.reason);
      };
      const begin = () => {
        signal.removeEventListener('abort', onAbort);
        resolve();
      };
      const entry: Entry = { deadline, order: this.#order++, begin };
      const at = this.#waiting.findIndex((other) => isBefore(entry, other));
      this.#waiting.splice(at < 0 ? this.#waiting.length : at, 0, entry);
      signal.addEventListener('abort', onAbort, { once: true });
    });
  }
}
