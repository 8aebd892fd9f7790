import { styleText } from 'node:util';
import { formatRate } from './units.ts';

/** Where the demo writes: a terminal, a pipe, or a test. */
export interface Output {
  readonly isTTY?: boolean;
  /** 0 or absent: unknown. */
  readonly columns?: number;
  write(text: string): unknown;
}

/** Ten pictures a second look smooth and cost nothing. */
const REDRAW_MS = 100;
const BAR_CELLS = 28;
type Style = Parameters<typeof styleText>[0];

export interface Progress {
  update(bytes: number): void;
  /** Takes the bar away. */
  done(): void;
}

/** Calm output: plain lines, and on a terminal one line at the bottom that moves. */
export class Terminal {
  readonly interactive: boolean;
  readonly #out: Output;
  readonly #colours: boolean;
  readonly #now: () => number;

  constructor(components: { readonly out: Output; readonly env?: NodeJS.ProcessEnv; readonly now?: () => number }) {
    this.#out = components.out;
    this.#now = components.now ?? (() => performance.now());
    const env = components.env ?? process.env;
    this.interactive = this.#out.isTTY === true && env.TERM !== 'dumb';
    this.#colours = this.interactive && !env.NO_COLOR;
  }

  line(text = ''): void {
    this.#out.write(`${text}\n`);
  }

  done(text: string): void {
    this.line(`  ${this.style('green', this.interactive ? '✓' : 'ok')} ${text}`);
  }

  failed(text: string): void {
    this.line(`  ${this.style('red', this.interactive ? '✗' : 'FAILED')} ${text}`);
  }

  heading(text: string): void {
    this.line();
    this.line(this.style('bold', text));
  }

  style(style: Style, text: string): string {
    return this.#colours ? styleText(style, text, { validateStream: false }) : text;
  }

  /** Shows how far a transfer of `total` bytes is: a bar on a terminal, a line at each quarter elsewhere. */
  progress(label: string, total: number): Progress {
    const began = this.#now();
    let drawn = Number.NEGATIVE_INFINITY;
    let quarter = 0;
    const clear = () => {
      if (this.interactive) this.#out.write('\r\x1b[2K');
    };
    return {
      update: (bytes) => {
        const now = this.#now();
        const share = Math.min(1, bytes / total);
        const percent = `${Math.floor(share * 100)} %`.padStart(5);
        const rate = formatRate(bytes, now - began);
        if (!this.interactive) {
          const reached = Math.floor(share * 4);
          if (reached > quarter && reached < 4) this.line(`     ${label} ${percent}  ${rate}`);
          quarter = reached;
          return;
        }
        if (now - drawn < REDRAW_MS) return;
        drawn = now;
        const filled = Math.round(share * BAR_CELLS);
        const bar = this.style('cyan', '━'.repeat(filled)) + this.style('dim', '─'.repeat(BAR_CELLS - filled));
        const width = label.length + BAR_CELLS + percent.length + rate.length + 8;
        // A line that wraps cannot be redrawn in place: a narrow terminal gets the numbers only.
        const narrow = width > (this.#out.columns || 80);
        this.#out.write(`\r\x1b[2K  ${narrow ? `${percent}  ${rate}` : `${label}  ${bar} ${percent}  ${rate}`}`);
      },
      done: clear,
    };
  }
}
