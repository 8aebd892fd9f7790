import { passes, type Row, ratioOf, type Target } from './claim.ts';

const number = (value: number) => {
  if (value >= 100) return value.toFixed(0);
  return value >= 10 ? value.toFixed(1) : value.toFixed(2);
};

function targetText(target: Target | undefined): string {
  if (!target) return '';
  if (target.kind === 'ratio') return `≥ ${target.atLeast}×`;
  return target.atLeast === undefined ? `≤ ${target.atMost}` : `≥ ${target.atLeast}`;
}

/** The rows as a table for people (also valid Markdown). */
export function table(rows: readonly Row[]): string {
  const head = ['what', 'ours', 'rival', 'ratio', 'target', 'result'];
  const cells = rows.map((row) => {
    const ratio = ratioOf(row);
    const pass = passes(row);
    return [
      row.what,
      `${number(row.ours)} ${row.unit}`,
      row.rival ? `${row.rival.name} ${number(row.rival.value)} ${row.unit}` : '',
      ratio === undefined ? '' : `${ratio.toFixed(2)}×`,
      targetText(row.target),
      pass === undefined ? '' : pass ? 'pass' : 'FAIL',
    ];
  });
  const widths = head.map((title, i) => Math.max(title.length, ...cells.map((line) => line[i]?.length ?? 0)));
  const format = (line: readonly string[]) => `| ${line.map((cell, i) => cell.padEnd(widths[i] ?? 0)).join(' | ')} |`;
  const rule = `|${widths.map((width) => '-'.repeat(width + 2)).join('|')}|`;
  return [format(head), rule, ...cells.map(format)].join('\n');
}

/** One object per row for programs. */
export function objects(claim: string, rows: readonly Row[]): Record<string, unknown>[] {
  return rows.map((row) => ({ claim, ...row, ratio: ratioOf(row), pass: passes(row) }));
}
