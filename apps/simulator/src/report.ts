import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { linePlot } from '@codex/plot';
import { passes, type ScenarioResult } from './result.ts';

/** The figures and thresholds of a result, aligned, for people. */
export function table({ scenario, parameters, figures, checks }: ScenarioResult): string {
  const given = Object.entries(parameters).map(([name, value]) => `${name} ${value}`);
  const rows = Object.entries(figures).map(([name, value]) => [name, String(value)] as const);
  const held = checks.map((check) => {
    const { what, value, atLeast, atMost } = check;
    const bound = [atLeast === undefined ? '' : `≥ ${atLeast}`, atMost === undefined ? '' : `≤ ${atMost}`];
    return [
      what,
      `${Math.round(value * 10_000) / 10_000} ${bound.join(' ').trim()} ${passes(check) ? 'ok' : 'MISSED'}`,
    ] as const;
  });
  const width = [...rows, ...held].reduce((most, [name]) => Math.max(most, name.length), 0);
  const lines = [...rows, ['', ''] as const, ...held].map(([name, value]) =>
    `  ${name.padEnd(width)}  ${value}`.trimEnd(),
  );
  return `${scenario}: ${given.join(', ')}\n${lines.join('\n')}\n`;
}

/** A point, which needs no lines of its own. */
const PAIR = /\[\s+([-\d.e]+),\s+([-\d.e]+)\s+\]/g;

/** Writes `<scenario>.json` and an SVG per plot into a directory. */
export function save(
  directory: string,
  { plots, ...result }: ScenarioResult,
  cost: { readonly seconds: number },
): void {
  mkdirSync(directory, { recursive: true });
  const points = plots.map(({ name, series }) => ({ name, series }));
  const text = JSON.stringify({ ...result, ...cost, points: points.length > 0 ? points : undefined }, undefined, 2);
  writeFileSync(join(directory, `${result.scenario}.json`), `${text.replaceAll(PAIR, '[$1, $2]')}\n`);
  for (const { name, ...plot } of plots)
    writeFileSync(join(directory, `${result.scenario}-${name}.svg`), linePlot(plot));
}
