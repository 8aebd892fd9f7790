import { appendFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Row } from './claim.ts';
import { type Machine, machineLine } from './machine.ts';
import { objects, table } from './report.ts';

const BEGIN = '<!-- figures -->';
const END = '<!-- /figures -->';

export interface Run {
  readonly claim: string;
  readonly machine: Machine;
  readonly sizeBytes: number;
  readonly rounds: number;
  readonly quick: boolean;
  readonly seconds: number;
  readonly rows: readonly Row[];
  /** SVG. */
  readonly plot?: string | undefined;
}

/** Appends the run to `results/<claim>.jsonl`, puts its table into the claim's README, and keeps its plot. */
export function record(home: string, run: Run): void {
  const { claim, rows, plot, ...rest } = run;
  const at = new Date().toISOString();
  mkdirSync(join(home, 'results'), { recursive: true });
  const line = JSON.stringify({ at, ...rest, rows: objects(claim, rows) });
  appendFileSync(join(home, 'results', `${claim}.jsonl`), `${line}\n`);

  if (plot !== undefined) writeFileSync(join(home, 'results', `${claim}.svg`), plot);

  const path = join(home, claim, 'README.md');
  const text = readFileSync(path, 'utf8');
  const begin = text.indexOf(BEGIN);
  const end = text.indexOf(END);
  if (begin < 0 || end < begin) throw new Error(`${path} has no place for figures`);
  const figures = `${BEGIN}\n${at.slice(0, 10)}, ${machineLine(run.machine)}; ${size(run)}, ${run.rounds} rounds.\n\n${table(rows)}\n`;
  writeFileSync(path, text.slice(0, begin) + figures + text.slice(end));
}

function size({ sizeBytes }: Run): string {
  const MIB = 1024 * 1024;
  return sizeBytes >= MIB ? `${Math.round(sizeBytes / MIB)} MiB` : `${sizeBytes} bytes`;
}
