import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { PROJECT_ROOT } from '../src/index.ts';

const page = readFileSync(join(PROJECT_ROOT, 'docs/faults.md'), 'utf8');
const rows = page.split('\n').filter((line) => line.startsWith('| ') && !line.startsWith('| fault |'));
/** File and name of the test, from the last column. */
const named = rows.map((row) => {
  const [, file = '', name = ''] = /\| `([^`]+)` › (.+) \|$/.exec(row) ?? [];
  return { row, file, name };
});

/** The names of tests as they stand in the source: `it('name'` and the like, `%s` and `${…}` unresolved. */
function testsOf(file: string): string[] {
  const source = readFileSync(join(PROJECT_ROOT, file), 'utf8');
  const calls = source.matchAll(/^\s*(?:it(?:\.\w+)?|it\.each\(.*\)|\]\s*(?:as const)?\))\(\s*(['`])(.+?)\1,/gm);
  return [...calls].map((call) => call[2] ?? '');
}

describe('docs/faults.md', () => {
  it('has a test for every fault', () => {
    expect(rows.length).toBeGreaterThan(40);
    expect(named.filter(({ name }) => name === '').map(({ row }) => row)).toEqual([]);
  });

  it('names tests that exist', () => {
    const missing = named.filter(({ file, name }) => !testsOf(file).includes(name));
    expect(missing.map(({ file, name }) => `${file} › ${name}`)).toEqual([]);
  });

  it('names every test of faults with real nodes', () => {
    const folder = 'apps/devnet/test';
    const files = readdirSync(join(PROJECT_ROOT, folder)).filter((file) => /^faults-(client|disk|peers)\./.test(file));
    expect(files.length).toBe(3);
    const known = new Set(named.map(({ file, name }) => `${file} › ${name}`));
    const all = files.flatMap((file) => testsOf(`${folder}/${file}`).map((name) => `${folder}/${file} › ${name}`));
    expect(all.filter((test) => !known.has(test))).toEqual([]);
  });
});
