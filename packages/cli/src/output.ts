import { writeSync } from 'node:fs';
import { CliError } from './errors.ts';
import { table } from './format.ts';

export interface Output {
  /** True: results are JSON, one value per line, and nothing else is on standard output. */
  readonly json: boolean;
  /** Prints a result. */
  result(value: unknown, text: () => readonly string[]): void;
}

const RETRY_MS = 5;

export function createOutput(init: { readonly json: boolean }): Output {
  return {
    json: init.json,
    result(value, text) {
      const lines = init.json ? [JSON.stringify(value)] : text();
      if (lines.length > 0) writeAll(1, `${lines.join('\n')}\n`);
    },
  };
}

/** Lines of a two-column list. */
export function pairs(values: Readonly<Record<string, string>>): string[] {
  return table(Object.entries(values));
}

/** Writes to a descriptor that may be a pipe somebody closes. Error: OUTPUT_CLOSED. */
export function writeAll(fd: number, text: string): void {
  const bytes = Buffer.from(text);
  for (let offset = 0; offset < bytes.length; ) {
    try {
      offset += writeSync(fd, bytes, offset);
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === 'EPIPE') throw new CliError('OUTPUT_CLOSED', 'Nobody reads the output', {}, { cause: error });
      if (code !== 'EAGAIN') throw error;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, RETRY_MS);
    }
  }
}
