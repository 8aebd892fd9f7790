import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const DOCS = join(import.meta.dirname, '../../../docs');

/** What stands between the two comments of a section; with UPDATE_DOCS=1 it is first replaced by `expected`. */
export function generatedSection(page: string, name: string, expected: string): string {
  const file = join(DOCS, page);
  const text = readFileSync(file, 'utf8');
  const begin = `<!-- ${name}: written by the tests of packages/node with UPDATE_DOCS=1 -->\n`;
  const end = `<!-- end of ${name} -->`;
  const start = text.indexOf(begin) + begin.length;
  const stop = text.indexOf(end);
  if (start < begin.length || stop < 0) throw new Error(`${page} has no section ${name}`);
  if (process.env.UPDATE_DOCS === '1') {
    writeFileSync(file, text.slice(0, start) + expected + text.slice(stop));
    return expected;
  }
  return text.slice(start, stop);
}
