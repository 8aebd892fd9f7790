import { formatBytes, formatSeconds } from './format.ts';

/** Redraws per second are few: a terminal over a slow line must not hold up a fast transfer. */
const REDRAW_MS = 100;
const BAR_WIDTH = 24;
/** The rate shown is over about this time. */
const RATE_WINDOW_MS = 3000;

/** A line on standard error that shows how far a transfer is; draws nothing where nobody looks. */
export class Progress {
  readonly #label: string;
  readonly #total: number | undefined;
  readonly #enabled: boolean;
  /** Instead of amounts, where nothing is counted. */
  #note: string | undefined;
  readonly #timer: NodeJS.Timeout | undefined;
  #done: number;
  #rate = 0;
  #last: { at: number; done: number };

  /** `total` in bytes when it is known; `done` when a transfer is resumed. */
  constructor(init: {
    readonly label: string;
    readonly total?: number | undefined;
    readonly done?: number;
    /** False: there are no bytes, only notes. */
    readonly counted?: boolean;
    readonly quiet: boolean;
  }) {
    this.#note = init.counted === false ? '…' : undefined;
    this.#label = init.label;
    this.#total = init.total;
    this.#done = init.done ?? 0;
    this.#enabled = !init.quiet && process.stderr.isTTY === true;
    this.#last = { at: performance.now(), done: this.#done };
    if (this.#enabled) {
      this.#timer = setInterval(() => this.#draw(), REDRAW_MS);
      this.#timer.unref();
    }
  }

  add(bytes: number): void {
    this.#done += bytes;
  }

  /** Says how far what is not counted is. */
  note(text: string): void {
    this.#note = text;
  }

  /** Takes the line away. */
  end(): void {
    clearInterval(this.#timer);
    if (this.#enabled) process.stderr.write('\r\x1b[K');
  }

  #draw(): void {
    const now = performance.now();
    const elapsed = now - this.#last.at;
    const current = ((this.#done - this.#last.done) / elapsed) * 1000;
    const weight = this.#rate === 0 ? 1 : Math.min(1, elapsed / RATE_WINDOW_MS);
    this.#rate += (current - this.#rate) * weight;
    this.#last = { at: now, done: this.#done };
    const columns = process.stderr.columns || 80;
    const label = this.#label.length > 28 ? `${this.#label.slice(0, 27)}…` : this.#label;
    process.stderr.write(`\r\x1b[K${`${label} ${this.#note ?? this.#amounts()}`.slice(0, columns - 1)}`);
  }

  #amounts(): string {
    const rate = `${formatBytes(Math.max(0, this.#rate))}/s`;
    if (!this.#total) return `${formatBytes(this.#done)}  ${rate}`;
    const share = Math.min(1, this.#done / this.#total);
    const filled = Math.round(share * BAR_WIDTH);
    const left = this.#rate > 0 ? formatSeconds((this.#total - this.#done) / this.#rate) : '…';
    const bar = `${'█'.repeat(filled)}${'░'.repeat(BAR_WIDTH - filled)}`;
    return `${bar} ${String(Math.floor(share * 100)).padStart(3)}%  ${formatBytes(this.#done)} / ${formatBytes(this.#total)}  ${rate}  ${left}`;
  }
}
